// The model of a PLL is a wire that is locked immediately: the simulation runs at its output clock.
module rPLL #(
  parameter DEVICE = "", parameter FCLKIN = "", parameter IDIV_SEL = 0, parameter FBDIV_SEL = 0,
  parameter ODIV_SEL = 8, parameter DYN_IDIV_SEL = "false", parameter DYN_FBDIV_SEL = "false",
  parameter DYN_ODIV_SEL = "false", parameter PSDA_SEL = "0000", parameter DYN_DA_EN = "false",
  parameter DUTYDA_SEL = "1000", parameter CLKOUT_FT_DIR = 1'b1, parameter CLKOUTP_FT_DIR = 1'b1,
  parameter CLKOUT_DLY_STEP = 0, parameter CLKOUTP_DLY_STEP = 0, parameter CLKFB_SEL = "internal",
  parameter CLKOUT_BYPASS = "false", parameter CLKOUTP_BYPASS = "false",
  parameter CLKOUTD_BYPASS = "false", parameter DYN_SDIV_SEL = 2, parameter CLKOUTD_SRC = "CLKOUT",
  parameter CLKOUTD3_SRC = "CLKOUT"
) (
  input CLKIN, input CLKFB, input RESET, input RESET_P, input [5:0] FBDSEL, input [5:0] IDSEL,
  input [5:0] ODSEL, input [3:0] PSDA, input [3:0] DUTYDA, input [3:0] FDLY,
  output CLKOUT, output CLKOUTP, output CLKOUTD, output CLKOUTD3, output LOCK
);
  assign CLKOUT = CLKIN, CLKOUTP = CLKIN, CLKOUTD = CLKIN, CLKOUTD3 = CLKIN;
  assign LOCK = !RESET & !RESET_P;
endmodule
