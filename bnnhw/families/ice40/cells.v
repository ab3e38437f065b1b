// Models of PLLs are wires that are locked immediately: the simulation runs at their output clock.
module ICESTORM_PLL #(
  parameter PLLTYPE = 0, parameter FEEDBACK_PATH = 0, parameter DIVR = 0, parameter DIVF = 0,
  parameter DIVQ = 0, parameter FILTER_RANGE = 0, parameter DELAY_ADJMODE_FB = 0,
  parameter DELAY_ADJMODE_REL = 0, parameter FDA_FEEDBACK = 0, parameter FDA_RELATIVE = 0,
  parameter SHIFTREG_DIVMODE = 0, parameter PLLOUT_SELECT_A = 0, parameter PLLOUT_SELECT_B = 0,
  parameter ENABLE_ICEGATE_PORTA = 0, parameter ENABLE_ICEGATE_PORTB = 0, parameter TEST_MODE = 0
) (
  input REFERENCECLK, input RESETB, input BYPASS, input EXTFEEDBACK, input LATCHINPUTVALUE,
  input SDI, input SCLK, input DYNAMICDELAY_0, input DYNAMICDELAY_1, input DYNAMICDELAY_2,
  input DYNAMICDELAY_3, input DYNAMICDELAY_4, input DYNAMICDELAY_5, input DYNAMICDELAY_6,
  input DYNAMICDELAY_7,
  output PLLOUT_A, output PLLOUT_A_GLOBAL, output PLLOUT_B, output PLLOUT_B_GLOBAL, output LOCK,
  output SDO
);
  assign PLLOUT_A = REFERENCECLK, PLLOUT_A_GLOBAL = REFERENCECLK;
  assign PLLOUT_B = REFERENCECLK, PLLOUT_B_GLOBAL = REFERENCECLK;
  assign LOCK = RESETB, SDO = 1'b0;
endmodule

module SB_PLL40_PAD #(
  parameter FEEDBACK_PATH = "SIMPLE", parameter DIVR = 0, parameter DIVF = 0, parameter DIVQ = 0,
  parameter FILTER_RANGE = 0
) (
  input PACKAGEPIN, input RESETB, input BYPASS, output PLLOUTCORE, output PLLOUTGLOBAL, output LOCK
);
  assign PLLOUTCORE = PACKAGEPIN, PLLOUTGLOBAL = PACKAGEPIN, LOCK = RESETB;
endmodule

module SB_PLL40_CORE #(
  parameter FEEDBACK_PATH = "SIMPLE", parameter DIVR = 0, parameter DIVF = 0, parameter DIVQ = 0,
  parameter FILTER_RANGE = 0
) (
  input REFERENCECLK, input RESETB, input BYPASS, output PLLOUTCORE, output PLLOUTGLOBAL,
  output LOCK
);
  assign PLLOUTCORE = REFERENCECLK, PLLOUTGLOBAL = REFERENCECLK, LOCK = RESETB;
endmodule
