// Simulation model of a block RAM: 2,048 units of nine bits, with two ports of 1, 2, 4, 9, 18 or 36
// bits.
//
// Read data has one register. The low address bits of a port that is wider than a unit are its write
// enables, one per unit. Ports of 1, 2 and 4 bits access eight bits of a unit. MODE selects what a
// port reads while it writes: 0 its previous output, 1 the new data, 2 the old data. If one port
// reads an address that the other port writes in the same cycle, it reads the old data.
module bnnhw_block_ram #(
  parameter WIDTH_A = 18, parameter WIDTH_B = 18, parameter MODE_A = 0, parameter MODE_B = 0,
  parameter [18431:0] INIT = 0
) (
  input clk_a, input ce_a, input we_a, input rst_a, input [13:0] ad_a, input [35:0] di_a,
  output [35:0] do_a,
  input clk_b, input ce_b, input we_b, input rst_b, input [13:0] ad_b, input [35:0] di_b,
  output [35:0] do_b
);
  reg [8:0] memory [0:2047];
  integer i;
  initial for (i = 0; i < 2048; i = i + 1) memory[i] = INIT[9 * i +: 9];
  wire [35:0] word_a = {memory[{ad_a[13:5], 2'd3}], memory[{ad_a[13:5], 2'd2}],
                        memory[{ad_a[13:5], 2'd1}], memory[{ad_a[13:5], 2'd0}]};
  wire [35:0] word_b = {memory[{ad_b[13:5], 2'd3}], memory[{ad_b[13:5], 2'd2}],
                        memory[{ad_b[13:5], 2'd1}], memory[{ad_b[13:5], 2'd0}]};
  wire [35:0] next_a, next_b;
  bnnhw_block_port #(.WIDTH(WIDTH_A), .MODE(MODE_A)) a (
    .clk(clk_a), .ce(ce_a), .we(we_a), .rst(rst_a), .ad(ad_a), .di(di_a), .word(word_a),
    .next(next_a), .q(do_a));
  bnnhw_block_port #(.WIDTH(WIDTH_B), .MODE(MODE_B)) b (
    .clk(clk_b), .ce(ce_b), .we(we_b), .rst(rst_b), .ad(ad_b), .di(di_b), .word(word_b),
    .next(next_b), .q(do_b));
  always @(posedge clk_a) if (ce_a && we_a) begin
    if (next_a[8:0] != word_a[8:0]) memory[{ad_a[13:5], 2'd0}] <= next_a[8:0];
    if (next_a[17:9] != word_a[17:9]) memory[{ad_a[13:5], 2'd1}] <= next_a[17:9];
    if (next_a[26:18] != word_a[26:18]) memory[{ad_a[13:5], 2'd2}] <= next_a[26:18];
    if (next_a[35:27] != word_a[35:27]) memory[{ad_a[13:5], 2'd3}] <= next_a[35:27];
  end
  always @(posedge clk_b) if (ce_b && we_b) begin
    if (next_b[8:0] != word_b[8:0]) memory[{ad_b[13:5], 2'd0}] <= next_b[8:0];
    if (next_b[17:9] != word_b[17:9]) memory[{ad_b[13:5], 2'd1}] <= next_b[17:9];
    if (next_b[26:18] != word_b[26:18]) memory[{ad_b[13:5], 2'd2}] <= next_b[26:18];
    if (next_b[35:27] != word_b[35:27]) memory[{ad_b[13:5], 2'd3}] <= next_b[35:27];
  end
endmodule

// One port: computes the 36 bits around its address after a write, and registers the read data.
module bnnhw_block_port #(parameter WIDTH = 18, parameter MODE = 0) (
  input clk, input ce, input we, input rst, input [13:0] ad, input [35:0] di, input [35:0] word,
  output reg [35:0] next, output reg [35:0] q
);
  wire [35:0] seen = we && MODE == 1 ? next : word;
  wire [8:0] unit = seen[9 * ad[4:3] +: 9];
  reg [35:0] value;
  always @* begin
    next = word;
    case (WIDTH)
      36: begin
        if (ad[0]) next[8:0] = di[8:0];
        if (ad[1]) next[17:9] = di[17:9];
        if (ad[2]) next[26:18] = di[26:18];
        if (ad[3]) next[35:27] = di[35:27];
      end
      18: begin
        if (ad[0]) next[18 * ad[4] +: 9] = di[8:0];
        if (ad[1]) next[18 * ad[4] + 9 +: 9] = di[17:9];
      end
      9: next[9 * ad[4:3] +: 9] = di[8:0];
      4: next[9 * ad[4:3] + 4 * ad[2] +: 4] = di[3:0];
      2: next[9 * ad[4:3] + 2 * ad[2:1] +: 2] = di[1:0];
      default: next[9 * ad[4:3] + ad[2:0] +: 1] = di[0];
    endcase
  end
  always @* case (WIDTH)
    36: value = seen;
    18: value = seen[18 * ad[4] +: 18];
    9: value = unit;
    4: value = unit[4 * ad[2] +: 4];
    2: value = unit[2 * ad[2:1] +: 2];
    default: value = unit[ad[2:0]];
  endcase
  initial q = 0;
  always @(posedge clk)
    if (rst) q <= 0;
    else if (ce && !(we && MODE == 0)) q <= value;
endmodule
