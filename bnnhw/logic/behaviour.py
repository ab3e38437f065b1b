"""Writes the behavioural model of a block: Verilog that simulators run fast.

The model has the same function and latency as the netlist of cells. Simulators compile it, and
synthesis tools, which define ``SYNTHESIS``, read the cells.
"""

from __future__ import annotations

import numpy as np

from bnnhw.logic.block_spec import BlockSpec, LayerSpec

__all__ = ["ONES", "behaviour", "ones_of", "registered"]


def behaviour(block: BlockSpec, cuts: int) -> str:
    """Body of a module ``(clk, x, y)`` that computes a block, with ``cuts`` registers at its end.

    Parameters
    ----------
    block : BlockSpec
    cuts : int
        Latency in cycles.
    """
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
    """Statements that assign the wire ``now`` to ``y`` with a delay of ``cuts`` cycles."""
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
    """An expression that counts the ones of a wire, 64 bits at a time, with the function ``ONES``.

    Parameters
    ----------
    wire : str
    width : int
        Bits of the wire.
    weight : str
        Verilog constant that the count is multiplied by; none by default.
    """
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
"""A Verilog function that counts the ones of 64 bits by adding neighbouring fields in parallel."""


def _constant(bits: np.ndarray) -> str:
    """Bits ``[columns]`` as a Verilog constant, column 0 lowest."""
    packed = np.packbits(bits.astype(np.uint8), bitorder="little").tobytes()
    return f"{len(bits)}'h{int.from_bytes(packed, 'little'):x}"


def _layer(layer: LayerSpec, k: int, source: str) -> list[str]:
    """Statements that compute wire ``l<k>``, the output of layer ``k``, from wire ``source``."""
    columns, planes = layer.columns, layer.planes
    count_width = layer.max_count.bit_length()
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
        terms = []
        for q, m in np.argwhere(layer.coefficients).tolist():
            row, factor = layer.signs[q, r], int(layer.coefficients[q, m])
            wire = f"l{k}_r{r}_{m}" if len(layer.signs) == 1 else f"l{k}_r{r}_{q}_{m}"
            used = "" if row.all() else f" & {_constant(row != 0)}"
            lines.append(f"wire [{columns - 1}:0] {wire} = "
                         f"({names[m]} ^ {_constant(row <= 0)}){used};")
            terms.append(ones_of(wire, columns, f"{count_width}'d{factor}" if factor > 1 else ""))
        count = f"l{k}_c{r}"
        lines.append(f"wire [{count_width - 1}:0] {count} = {' + '.join(terms)};")
        first, last = r * layer.width, (r + 1) * layer.width - 1
        if layer.classes > 1:
            lines += _class_values(layer, k, r)
        lines.append(f"assign l{k}[{last}:{first}] = {_element(layer, k, r, count)};")
    return lines


def _class_values(layer: LayerSpec, k: int, row: int) -> list[str]:
    """Wires ``l<k>_t<row>_<j>``: the limits or constants of the current border class."""
    if layer.limits is None:
        width, columns = layer.width, [layer.const[:, row]]
    else:
        width, columns = layer.max_count.bit_length() + 1, list(_clipped(layer)[:, row].T)
    border_class = f"x[{layer.columns * layer.planes} +: {(layer.classes - 1).bit_length()}]"
    lines = []
    for j, column in enumerate(columns):
        values = ", ".join(f"{width}'d{int(v) & ((1 << width) - 1)}" for v in column[::-1])
        lines += [f"wire [{width * layer.classes - 1}:0] l{k}_v{row}_{j} = {{{values}}};",
                  f"wire [{width - 1}:0] l{k}_t{row}_{j} = l{k}_v{row}_{j}["
                  f"{border_class} * {width} +: "
                  f"{width}];"]
    return lines


def _clipped(layer: LayerSpec) -> np.ndarray:
    """Limits restricted to the range of the count, beyond which a comparison is constant."""
    assert layer.limits is not None
    return np.clip(layer.limits, 0, layer.max_count + 1)


def _element(layer: LayerSpec, k: int, row: int, count: str) -> str:
    """An expression of one output element, from the name of its count."""
    mask = (1 << layer.width) - 1
    if layer.limits is None:
        const = f"l{k}_t{row}_0" if layer.classes > 1 else \
            f"{layer.width}'d{int(layer.const[0, row]) & mask}"
        return f"{count} * {layer.width}'d{layer.scale & mask} + {const}"
    bits = [f"({count} >= l{k}_t{row}_{j})" for j in range(layer.limits.shape[2])
            if layer.classes > 1]
    for t in [] if bits else [int(limit) for limit in _clipped(layer)[0, row]]:
        bits.append("1'b1" if t == 0 else "1'b0" if t > layer.max_count
                    else f"({count} >= {layer.max_count.bit_length()}'d{t})")
    return bits[0] if len(bits) == 1 else " + ".join(f"{{{layer.width - 1}'d0, {b}}}"
                                                     for b in bits)


def _label(block: BlockSpec, source: str) -> list[str]:
    """Statements that compute ``label``, the index of the first of the largest scores."""
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
