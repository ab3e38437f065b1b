// Simulation model of the SPRAM of an iCE40 UltraPlus: one port, no initial contents.
module SB_SPRAM256KA(input [13:0] ADDRESS, input [15:0] DATAIN, input [3:0] MASKWREN, input WREN,
                     input CHIPSELECT, input CLOCK, input STANDBY, input SLEEP, input POWEROFF,
                     output reg [15:0] DATAOUT);
  reg [15:0] words [0:16383];
  integer k;
  initial for (k = 0; k < 16384; k = k + 1) words[k] = k * 40503 ^ 23130;  // not weights
  wire [15:0] mask = {{4{MASKWREN[3]}}, {4{MASKWREN[2]}}, {4{MASKWREN[1]}}, {4{MASKWREN[0]}}};
  always @(posedge CLOCK)
    if (SLEEP || !POWEROFF) DATAOUT <= 0;  // POWEROFF is active low
    else if (CHIPSELECT && !STANDBY) begin
      if (WREN) begin
        words[ADDRESS] <= (words[ADDRESS] & ~mask) | (DATAIN & mask);
        DATAOUT <= ~DATAIN;  // undefined
      end else DATAOUT <= words[ADDRESS];
    end
endmodule
