"""Combinational logic of a netlist: each net as a Boolean function of other nets."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.asic.boolean import Boolean

__all__ = ["Assignment", "Net"]

Net = int | str
"""A net as Yosys writes it to JSON: a number, or one of the constants ``0``, ``1`` and ``x``."""


@dataclass(frozen=True)
class Assignment:
    """A continuous assignment to a net.

    Attributes
    ----------
    function : Boolean
    inputs : dict of str to Net
        Net of each pin that ``function`` reads.
    output : Net
    """

    function: Boolean
    inputs: dict[str, Net]
    output: Net
