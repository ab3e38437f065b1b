"""The behavioural twin of a block: the same function and latency, in Verilog for simulators."""

from __future__ import annotations

import numpy as np

from bnnhw.count.spec import CountBlock, CountLayer

__all__ = ["behaviour"]


def behaviour(block: CountBlock, cuts: int) -> str:
    """Body of a module ``(clk, x, y)``: counts by ``ones``, and ``cuts`` registers behind it all."""
    lines = [_ONES]
    source = "x"
    for k, layer in enumerate(block.layers):
        lines += _layer(layer, k, source)
        source = f"l{k}"
    outputs = [source] if block.forward or not block.label else []
    if block.label:
        lines += _label(block, source)
        outputs.insert(0, "label")
    lines.append(f"wire [{block.outputs - 1}:0] now = {{{', '.join(outputs)}}};")
    if not cuts:
        lines.append("assign y = now;")
    else:
        lines += [f"reg [{block.outputs - 1}:0] later [0:{cuts - 1}];",
                  "integer i;",
                  "always @(posedge clk) begin",
                  "  later[0] <= now;",
                  f"  for (i = 1; i < {cuts}; i = i + 1) later[i] <= later[i - 1];",
                  "end",
                  f"assign y = later[{cuts - 1}];"]
    return "\n".join(lines)


_ONES = """function [6:0] ones(input [63:0] v);
  reg [63:0] a;
  begin
    a = v - ((v >> 1) & 64'h5555555555555555);
    a = (a & 64'h3333333333333333) + ((a >> 2) & 64'h3333333333333333);
    a = (a + (a >> 4)) & 64'h0f0f0f0f0f0f0f0f;
    a = (a * 64'h0101010101010101) >> 56;
    ones = a[6:0];
  end
endfunction"""


def _constant(bits: np.ndarray) -> str:
    """A Verilog constant, column 0 lowest."""
    packed = np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()
    return f"{len(bits)}'h{int.from_bytes(packed, 'little'):x}"


def _layer(layer: CountLayer, k: int, source: str) -> list[str]:
    """Wires ``l<k>`` of a layer that reads ``source``."""
    columns, planes = layer.columns, layer.planes
    count_width = layer.top.bit_length()
    lines = []
    names = []
    for m in range(planes):
        name = source
        if planes > 1:
            name = f"l{k}_plane{m}"
            picked = ", ".join(f"{source}[{c * planes + m}]" for c in reversed(range(columns)))
            flip = "~" if layer.signed and m == planes - 1 else ""
            lines.append(f"wire [{columns - 1}:0] {name} = {flip}{{{picked}}};")
        names.append(name)
    lines.append(f"wire [{layer.rows * layer.width - 1}:0] l{k};")
    for r in range(layer.rows):
        differing = _constant(1 - layer.weights[r])
        terms = []
        for m, name in enumerate(names):
            wire = f"l{k}_r{r}_{m}"
            used = "" if layer.used is None else f" & {_constant(layer.used[r])}"
            lines.append(f"wire [{columns - 1}:0] {wire} = ({name} ^ {differing}){used};")
            for low in range(0, columns, 64):
                high = min(columns, low + 64) - 1
                part = f"ones({wire}[{high}:{low}])" if columns > 1 else f"ones({wire})"
                # A plain number on the left makes the shift as wide as the sum.
                terms.append(f"({part} * {count_width}'d{1 << m})" if m else part)
        count = f"l{k}_c{r}"
        lines.append(f"wire [{count_width - 1}:0] {count} = {' + '.join(terms)};")
        first, last = r * layer.width, (r + 1) * layer.width - 1
        lines.append(f"assign l{k}[{last}:{first}] = {_element(layer, r, count)};")
    return lines


def _element(layer: CountLayer, row: int, count: str) -> str:
    if layer.limits is None:
        mask = (1 << layer.width) - 1
        return f"{count} * {layer.width}'d{layer.scale & mask} + " \
               f"{layer.width}'d{int(layer.const[row]) & mask}"
    bits = []
    for limit in layer.limits[row]:
        t = min(max(int(limit), 0), layer.top + 1)
        bits.append("1'b1" if t == 0 else "1'b0" if t > layer.top
                    else f"({count} >= {layer.top.bit_length()}'d{t})")
    return bits[0] if len(bits) == 1 else " + ".join(f"{{{layer.width - 1}'d0, {b}}}"
                                                     for b in bits)


def _label(block: CountBlock, source: str) -> list[str]:
    """Wire ``label``: a loop over the scores, the first of the largest wins."""
    last, width = block.layers[-1], block.label_width
    sign = "signed " if block.score_signed else ""
    return [f"reg [{width - 1}:0] label;",
            f"reg {sign}[{last.width - 1}:0] best, score;",
            "integer k;",
            "always @* begin",
            f"  label = 0; best = {source}[{last.width - 1}:0];",
            f"  for (k = 1; k < {last.rows}; k = k + 1) begin",
            f"    score = {source}[k * {last.width} +: {last.width}];",
            f"    if (score > best) begin best = score; label = k[{width - 1}:0]; end",
            "  end",
            "end"]
