// A LUT of a slice: logic, half of a carry cell, or a column of a distributed RAM. It replaces the
// model of Yosys 0.70, which declares its carry twice, so that its output has no driver.
module TRELLIS_COMB #(
  parameter MODE = "LOGIC", parameter [15:0] INITVAL = 0, parameter CCU2_INJECT1 = "NO",
  parameter WREMUX = "WRE", parameter WCKMUX = "WCK", parameter IS_Z1 = 1'b0
) (
  input A, input B, input C, input D, input M, input FCI, input F1, input FXA, input FXB,
  input DI0, input DI1, input WD, input WAD0, input WAD1, input WAD2, input WAD3, input WRE,
  input WCK, output F, output FCO, output OFX
);
  wire lut4, lut2;
  LUT4 #(.INIT(INITVAL)) four (.A(A), .B(B), .C(C), .D(D), .Z(lut4));
  LUT2 #(.INIT(INITVAL[3:0])) two (.A(A), .B(B), .Z(lut2));
  assign FCO = lut4 ? FCI : CCU2_INJECT1 != "YES" & lut2;
  assign OFX = IS_Z1 ? (M ? FXB : FXA) : (M ? F1 : F);
  generate
    if (MODE == "DPRAM") begin
      // Address order: nextpnr connects the lowest address bit to D and the highest to A.
      reg [15:0] memory = INITVAL;
      always @(posedge WCK) if (WRE) memory[{WAD0, WAD2, WAD1, WAD3}] <= WD;
      assign F = memory[{D, C, B, A}];
    end else begin
      assign F = lut4 ^ (MODE == "CCU2" & CCU2_INJECT1 != "YES" & FCI);
    end
  endgenerate
endmodule

// Connects the write port of a distributed RAM to its slices.
module TRELLIS_RAMW(
  input A0, input B0, input C0, input D0, input A1, input B1, input C1, input D1,
  output WADO0, output WADO1, output WADO2, output WADO3,
  output WDO0, output WDO1, output WDO2, output WDO3
);
  assign {WADO3, WADO2, WADO1, WADO0} = {A0, C0, B0, D0};
  assign {WDO3, WDO2, WDO1, WDO0} = {B1, D1, A1, C1};
endmodule

module DCCA(input CLKI, input CE, output CLKO);
  assign CLKO = CLKI;
endmodule

// The model of a PLL is a wire that is locked immediately: the simulation runs at its output clock.
module EHXPLLL #(
  parameter PLLRST_ENA = "DISABLED", parameter INTFB_WAKE = "DISABLED",
  parameter STDBY_ENABLE = "DISABLED", parameter DPHASE_SOURCE = "DISABLED",
  parameter OUTDIVIDER_MUXA = "DIVA", parameter CLKOP_ENABLE = "ENABLED", parameter CLKOP_DIV = 8,
  parameter CLKOP_CPHASE = 0, parameter CLKOP_FPHASE = 0, parameter FEEDBK_PATH = "CLKOP",
  parameter CLKI_DIV = 1, parameter CLKFB_DIV = 1
) (
  input CLKI, input CLKFB, input RST, input STDBY, input PHASESEL0, input PHASESEL1, input PHASEDIR,
  input PHASESTEP, input PHASELOADREG, input PLLWAKESYNC, input ENCLKOP, output CLKOP, output LOCK
);
  assign CLKOP = CLKI, LOCK = !RST;
endmodule
