"""The behavioural twin of a block: the same function and latency, in Verilog for simulators."""

from __future__ import annotations

import numpy as np

from bnnhw.logic.spec import CountBlock, CountLayer

__all__ = ["ONES", "behaviour", "ones_of", "registered"]


def behaviour(block: CountBlock, cuts: int) -> str:
    """Body of a module ``(clk, x, y)``: plain counts, and ``cuts`` registers behind it all."""
    lines = [ONES]
    source = "x"
    for k, layer in enumerate(block.layers):
        lines += _layer(layer, k, source)
        source = f"l{k}"
    outputs = [source] if block.forward or not block.label else []
    if block.label:
        lines += _label(block, source)
        outputs.insert(0, "label")
    lines.append(f"wire [{block.outputs - 1}:0] now = {{{', '.join(outputs)}}};")
    return "\n".join([*lines, *registered(block.outputs, cuts)])


def registered(width: int, cuts: int) -> list[str]:
    """Hand ``now`` to ``y`` after ``cuts`` cycles."""
    if not cuts:
        return ["assign y = now;"]
    return [f"reg [{width - 1}:0] later [0:{cuts - 1}];",
            "integer i;",
            "always @(posedge clk) begin",
            "  later[0] <= now;",
            f"  for (i = 1; i < {cuts}; i = i + 1) later[i] <= later[i - 1];",
            "end",
            f"assign y = later[{cuts - 1}];"]


def ones_of(wire: str, width: int, weight: str = "") -> str:
    """An expression that counts the ones of a wire, 64 at a time; it needs ``ONES``."""
    parts = [f"ones({wire}[{min(width, low + 64) - 1}:{low}])" for low in range(0, width, 64)]
    return " + ".join(f"({part} * {weight})" if weight else part for part in parts)


ONES = """function [6:0] ones(input [63:0] v);
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
            terms.append(ones_of(wire, columns, f"{count_width}'d{1 << m}" if m else ""))
        count = f"l{k}_c{r}"
        lines.append(f"wire [{count_width - 1}:0] {count} = {' + '.join(terms)};")
        first, last = r * layer.width, (r + 1) * layer.width - 1
        if layer.classes > 1:
            lines += _tables(layer, k, r)
        lines.append(f"assign l{k}[{last}:{first}] = {_element(layer, k, r, count)};")
    return lines


def _tables(layer: CountLayer, k: int, row: int) -> list[str]:
    """Wires ``l<k>_t<row>_<j>``: what the class of the position chooses."""
    if layer.limits is None:
        width, columns = layer.width, [layer.const[:, row]]
    else:
        width, columns = layer.top.bit_length() + 1, list(_clipped(layer)[:, row].T)
    place = f"x[{layer.columns * layer.planes} +: {(layer.classes - 1).bit_length()}]"
    lines = []
    for j, column in enumerate(columns):
        values = ", ".join(f"{width}'d{int(v) & ((1 << width) - 1)}" for v in column[::-1])
        lines += [f"wire [{width * layer.classes - 1}:0] l{k}_v{row}_{j} = {{{values}}};",
                  f"wire [{width - 1}:0] l{k}_t{row}_{j} = l{k}_v{row}_{j}[{place} * {width} +: "
                  f"{width}];"]
    return lines


def _clipped(layer: CountLayer) -> np.ndarray:
    """Limits within what a count can be compared with."""
    assert layer.limits is not None
    return np.clip(layer.limits, 0, layer.top + 1)


def _element(layer: CountLayer, k: int, row: int, count: str) -> str:
    mask = (1 << layer.width) - 1
    if layer.limits is None:
        const = f"l{k}_t{row}_0" if layer.classes > 1 else \
            f"{layer.width}'d{int(layer.const[0, row]) & mask}"
        return f"{count} * {layer.width}'d{layer.scale & mask} + {const}"
    bits = [f"({count} >= l{k}_t{row}_{j})" for j in range(layer.limits.shape[2])
            if layer.classes > 1]
    for t in [] if bits else [int(limit) for limit in _clipped(layer)[0, row]]:
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
