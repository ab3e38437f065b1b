"""Simulation properties of a family's cells: which have models, and the value of open inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CellModels"]


@dataclass(frozen=True)
class CellModels:
    """Verilog models of the cells of a family.

    Parameters
    ----------
    libraries : tuple of str
        Model files in the data folder of Yosys.
    models : tuple of str
        Model files of the folder ``sim``, which take precedence.
    open_high : mapping of str to frozenset of str
        Inputs that read 1 while they are open, by cell type; all others read 0.
    routed : bool
        nextpnr writes a netlist of the placed and routed design that can be simulated.
    """

    libraries: tuple[str, ...]
    models: tuple[str, ...] = ()
    open_high: Mapping[str, frozenset[str]] = field(default_factory=dict)
    routed: bool = False

    def opened(self, kind: str, port: str) -> str:
        """What an open input of a cell type reads: 0 or 1."""
        return "01"[port in self.open_high.get(kind, ())]
