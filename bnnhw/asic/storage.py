"""Flip-flops and latches by what they do, whatever pins and polarities a library gives them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from bnnhw.asic.boolean import Boolean
from bnnhw.asic.cell import Cell

__all__ = ["Storage", "as_storage", "literal"]

MAX_INPUTS = 8
"""Most inputs of a cell that is looked at: all values of the other inputs are tried."""

HELD, CONTROL, DATA, ONES = 0b11110000, 0b11001100, 0b10101010, 0b11111111
"""Columns of a truth table over what is stored, the control and the data."""


@dataclass(frozen=True)
class Storage:
    """How a cell stores one bit.

    Attributes
    ----------
    cell : Cell
    control, data, output : str
        Pins: clock or enable, data, and the output that is read.
    high : bool
        A flip-flop takes its data at the rising edge; a latch is open at 1.
    flipped : bool
        What the cell stores is the complement of its data.
    inverts : bool
        The output is the complement of the data.
    ties : dict of str to int
        Constants for all other inputs, with which nothing clears, presets or holds.
    """

    cell: Cell
    control: str
    data: str
    output: str
    high: bool
    flipped: bool
    inverts: bool
    ties: dict[str, int]


def as_storage(cell: Cell) -> Storage | None:
    """The use of a cell as a plain flip-flop or latch, or None if it has no such use."""
    state = cell.state
    if cell.gating or cell.opaque or state is None or not cell.understood or \
            len(cell.inputs) > MAX_INPUTS:
        return None
    assert state.clock is not None
    assert state.data is not None
    held, complement = state.variables
    for control, data in product(state.clock.pins(), state.data.pins()):
        others = [pin for pin in cell.inputs if pin not in (control, data)]
        if control == data or not {control, data} <= set(cell.inputs):
            continue
        for bits in product((0, 1), repeat=len(others)):
            ties = dict(zip(others, bits, strict=True))
            pins = {pin: ONES * bit for pin, bit in ties.items()} | {
                control: CONTROL, data: DATA, held: HELD, complement: ONES ^ HELD}

            def value(function: Boolean | None, pins: dict[str, int] = pins) -> int | None:
                if function is None:
                    return 0
                return function.value(pins, ONES) if set(function.pins()) <= pins.keys() else None

            clock, taken = value(state.clock), value(state.data)
            if clock not in (CONTROL, ONES ^ CONTROL) or taken not in (DATA, ONES ^ DATA) or \
                    value(state.clear) != 0 or value(state.preset) != 0:
                continue
            flipped = taken != DATA
            outputs = [(value(cell.pins[pin].function) != HELD ^ (ONES if flipped else 0), pin)
                       for pin in cell.outputs
                       if value(cell.pins[pin].function) in (HELD, ONES ^ HELD)]
            if outputs:
                inverts, output = min(outputs, key=lambda found: found[0])
                return Storage(cell, control, data, output, clock == CONTROL, flipped, inverts,
                               ties)
    return None


def literal(function: Boolean | None) -> tuple[str, bool]:
    """A pin and whether it is plain; an empty name for anything larger."""
    if function is None:
        return "", True
    if function.op == "pin":
        return function.name, True
    if function.op == "not":
        name, plain = literal(function.terms[0])
        return name, not plain
    return "", True
