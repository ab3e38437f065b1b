"""Describes a plan as data, from which all tables, documents and comments are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Part", "Rows"]


@dataclass(frozen=True)
class Part:
    """One hardware module directly below the top module, for reports of area and cells.

    Parameters
    ----------
    name : str
        Instance name in the top module.
    kind : str
        Sort of hardware, such as ``mvtu`` or ``fifo``.
    products_per_cycle : int
        Products of a weight and an input that it can compute in one cycle; 0 where it computes
        none.
    """

    name: str
    kind: str
    products_per_cycle: int = 0


@dataclass(frozen=True)
class Rows:
    """What a plan contains and reaches.

    Terminal tables, JSON documents, the comments of the Verilog, the manifest and reports read
    this and nothing else, so that they need not know the architecture.

    Parameters
    ----------
    title : str
        Heading of the table.
    columns : tuple of str
        Headings of its columns.
    rows : tuple of tuple
        One row per part of the hardware or per layer, with its name in the first cell.
    totals : str
        One sentence with what all rows reach together.
    cycles, frames : int
        The hardware computes ``frames`` frames every ``cycles`` clock cycles.
    parts : tuple of Part
        Modules below the top module.
    notes : tuple of str
        Lines that are printed after the table.
    header : tuple of str
        Comment lines at the beginning of the Verilog file.
    manifest : dict
        Entries of the manifest: ports, cycles and layers.
    summary : dict
        Entries of the JSON documents of ``plan`` and ``generate``, as in their schemas.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    totals: str
    cycles: int
    frames: int = 1
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    manifest: Mapping[str, object] = field(default_factory=dict)
    summary: Mapping[str, object] = field(default_factory=dict)

    def frames_per_second(self, clock_mhz: float) -> float:
        """Frames per second at a clock in MHz."""
        return clock_mhz * 1e6 * self.frames / self.cycles
