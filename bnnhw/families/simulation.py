"""Describes how the cells of a family are simulated: their models and their unconnected inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bnnhw.families.cell_netlist import Module

__all__ = ["BLOCK_RAM_MODEL", "CellModels"]


BLOCK_RAM_MODEL = Path(__file__).with_name("block_ram.v")
"""Model file of ``bnnhw_block_ram``, see ``cell_replacement.replace_block``."""


def _unchanged(module: Module) -> None:
    """Leave a netlist as it is: every cell has a model."""


@dataclass(frozen=True)
class CellModels:
    """Verilog models of the cells of a family.

    Parameters
    ----------
    libraries : tuple of str
        Model files in the data folder of Yosys.
    models : tuple of Path
        Model files of bnnhw, which take precedence.
    open_high : mapping of str to frozenset of str
        Inputs that read 1 while they are unconnected, by cell type; all others read 0.
    routed : bool
        nextpnr writes a netlist of the placed and routed design that can be simulated.
    prepare : callable
        Changes a netlist so that every cell has a model; ``cell_replacement`` has helpers.
    """

    libraries: tuple[str, ...]
    models: tuple[Path, ...] = ()
    open_high: Mapping[str, frozenset[str]] = field(default_factory=dict)
    routed: bool = False
    prepare: Callable[[Module], None] = _unchanged

    def opened(self, kind: str, port: str) -> str:
        """Value that an unconnected input of a cell type reads: 0 or 1."""
        return "01"[port in self.open_high.get(kind, ())]
