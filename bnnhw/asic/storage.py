"""Recognises library cells that work as a plain D flip-flop or D latch, whatever their pins.

Foundries ship flip-flops and latches with inverted data or outputs, either clock polarity, and
clear, preset, enable or scan inputs. A cell is usable as a plain one if its other inputs can be
tied to constants with which they have no effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from bnnhw.asic.boolean import Boolean
from bnnhw.asic.cell import Cell

__all__ = ["Storage", "as_storage", "literal_of"]

MAX_INPUTS = 8
"""Largest number of inputs of a cell that is examined; all constants of the others are tried."""

STATE, CONTROL, DATA, ONES = 0b11110000, 0b11001100, 0b10101010, 0b11111111
"""Columns of the truth table over the stored bit, the control pin and the data pin."""


@dataclass(frozen=True)
class Storage:
    """How a cell stores one bit.

    Attributes
    ----------
    cell : Cell
    control, data, output : str
        Pins: clock of a flip-flop or enable of a latch, data, and the output that is read.
    active_high : bool
        A flip-flop samples its data at the rising edge; a latch is transparent while 1.
    stores_complement : bool
        The state variable of the cell is the complement of its data.
    output_inverted : bool
        The output is the complement of the data.
    tie_offs : dict of str to int
        Constants of all other inputs, with which they have no effect.
    """

    cell: Cell
    control: str
    data: str
    output: str
    active_high: bool
    stores_complement: bool
    output_inverted: bool
    tie_offs: dict[str, int]


def as_storage(cell: Cell) -> Storage | None:
    """Return how a cell works as a plain flip-flop or latch, or None if it cannot."""
    state = cell.state
    if cell.gating or cell.opaque or state is None or not cell.is_supported or \
            len(cell.inputs) > MAX_INPUTS:
        return None
    assert state.clock is not None
    assert state.data is not None
    variable, complement = state.variables
    for control, data in product(state.clock.pins(), state.data.pins()):
        others = [pin for pin in cell.inputs if pin not in (control, data)]
        if control == data or not {control, data} <= set(cell.inputs):
            continue
        for bits in product((0, 1), repeat=len(others)):
            tie_offs = dict(zip(others, bits, strict=True))
            pins = {pin: ONES * bit for pin, bit in tie_offs.items()} | {
                control: CONTROL, data: DATA, variable: STATE, complement: ONES ^ STATE}

            def column(function: Boolean | None, pins: dict[str, int] = pins) -> int | None:
                if function is None:
                    return 0
                return function.value(pins, ONES) if set(function.pins()) <= pins.keys() else None

            clock, sampled = column(state.clock), column(state.data)
            if clock not in (CONTROL, ONES ^ CONTROL) or sampled not in (DATA, ONES ^ DATA) or \
                    column(state.clear) != 0 or column(state.preset) != 0:
                continue
            stores_complement = sampled != DATA
            positive = STATE ^ (ONES if stores_complement else 0)
            # An output with the polarity of the data (False) sorts before its complement.
            outputs = [(column(cell.pins[pin].function) != positive, pin) for pin in cell.outputs
                       if column(cell.pins[pin].function) in (STATE, ONES ^ STATE)]
            if outputs:
                inverted, output = min(outputs, key=lambda found: found[0])
                return Storage(cell, control, data, output, clock == CONTROL, stores_complement,
                               inverted, tie_offs)
    return None


def literal_of(function: Boolean | None) -> tuple[str, bool]:
    """Split a function of a single pin into the pin and its polarity.

    Returns
    -------
    str
        The pin; empty if the function is missing or is more than one pin or its complement.
    bool
        True for the pin itself, False for its complement.
    """
    if function is None:
        return "", True
    if function.op == "pin":
        return function.name, True
    if function.op == "not":
        name, positive = literal_of(function.terms[0])
        return name, not positive
    return "", True
