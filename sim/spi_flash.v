// Simulation model of a SPI flash with contents from a file, and a board with this flash.
//
// The flash supports the commands that bnnhw's boards send, in SPI mode 0: release from power-down
// (0xAB), its state after configuration, and read (0x03). It samples its pins with the board's
// clock, so each bit is output one cycle after the falling edge of sck. +flash=FILE gives the
// contents, +flash_offset=N their address; all other bytes are erased.
module bnnhw_spi_flash(input clk, input cs, input sck, input mosi, output miso);
  parameter SIZE = 262144;
  // Cycles from the release until it accepts commands: 3 us at 16 MHz.
  parameter WAKE = 48;
  reg [7:0] content [0:SIZE-1];
  reg [8*1024-1:0] name;
  integer file, length, offset;
  initial begin
    length = 0;
    offset = 0;
    if ($value$plusargs("flash=%s", name)) begin
      file = $fopen(name, "rb");
      if (file != 0) begin
        length = $fread(content, file);
        $fclose(file);
      end
    end
    if ($value$plusargs("flash_offset=%d", offset)) begin end
  end

  reg asleep = 1'b1, waking = 1'b0, was_high = 1'b0;
  reg [7:0] waited = 0;
  reg [31:0] received = 0;      // bits received since it was selected
  reg [5:0] bits = 0;       // number of them, up to 32
  reg [23:0] address = 0;
  reg [7:0] shown = 8'hff;
  reg [2:0] bit_index = 0;
  wire reads = !asleep && bits == 32 && received[31:24] == 8'h03;
  wire [23:0] index = address - offset[23:0];
  wire [7:0] stored = address >= offset && index < length ? content[index] : 8'hff;
  assign miso = cs | shown[7];
  always @(posedge clk) begin
    was_high <= sck;
    if (waking) begin
      waited <= waited + 1;
      if (waited == WAKE) begin
        asleep <= 1'b0;
        waking <= 1'b0;
      end
    end
    if (cs) begin
      if (bits == 8 && received[7:0] == 8'hab) waking <= asleep;
      bits <= 0;
      bit_index <= 0;
      shown <= 8'hff;
    end else if (sck && !was_high && bits != 32) begin
      received <= {received[30:0], mosi};
      bits <= bits + 1;
      address <= {received[22:0], mosi};
    end else if (!sck && was_high && reads) begin
      bit_index <= bit_index + 1;
      shown <= bit_index == 0 ? stored : {shown[6:0], 1'b1};
      if (bit_index == 0) address <= address + 1;
    end
  end
endmodule

module bnnhw_board_and_flash(input clk, input uart_rx, output uart_tx);
  wire cs, sck, mosi, miso;
  bnnhw_board board (.clk(clk), .uart_rx(uart_rx), .uart_tx(uart_tx), .flash_cs(cs),
                     .flash_clk(sck), .flash_mosi(mosi), .flash_miso(miso));
  bnnhw_spi_flash flash (.clk(clk), .cs(cs), .sck(sck), .mosi(mosi), .miso(miso));
endmodule
