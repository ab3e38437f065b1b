"""Attributes each cell of a flat netlist to a unit of the plan."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from bnnhw.families.yosys_json import Bit, Cell, Module

__all__ = ["LINK", "OTHER", "cells_by_unit", "owner_of_name", "read_netlist"]

LINK = "(host link)"
OTHER = "(other)"
_MAX_ROUNDS = 12
"""Maximum depth of unnamed logic that is followed from its readers."""
_MAX_BYTES = 1 << 30


def owner_of_name(name: str, units: Collection[str]) -> str | None:
    """Unit at the start of a hierarchical name; None if the name does not contain one."""
    parts = name.lstrip("\\").split(".")
    if parts[0] == "core" and len(parts) > 1:
        found = parts[1]
        if found in units:
            return found
        # The top module names a wire after the unit that drives it.
        return next((unit for unit in sorted(units, key=len, reverse=True)
                     if found.startswith(f"{unit}_")), None)
    return LINK if parts[0] in ("link", "loader") else None


def read_netlist(path: Path, top: str) -> Module:
    """Read module ``top`` of a netlist that Yosys or nextpnr wrote."""
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {_MAX_BYTES} bytes")
    module: Module = json.loads(path.read_bytes())["modules"][top]
    return module


def cells_by_unit(module: Module, units: Collection[str],
                  cost: Callable[[Cell], tuple[int, int, int]]
                  ) -> dict[str, tuple[int, int, int]]:
    """Sum LUTs, flip-flops and block RAMs of each unit.

    A cell belongs to the unit in its name, else to the unit in the name of a net that it drives.
    Logic that optimisation created between units has neither; it belongs to the unit whose cells
    read most of its outputs.

    Parameters
    ----------
    module : dict
        From ``read_netlist``.
    units : collection of str
    cost : callable
        LUTs, flip-flops and block RAMs of a cell.

    Returns
    -------
    dict of str to (int, int, int)
        Sums by unit, with ``LINK`` for the host link and ``OTHER`` for cells without a unit.
    """
    owners = {name: owner_of_name(name, units) for name in module["cells"]}
    named: dict[Bit, str] = {}
    for name, net in module["netnames"].items():
        owner = owner_of_name(name, units)
        if owner is not None:
            for bit in net["bits"]:
                named.setdefault(bit, owner)
    readers: dict[Bit, list[str]] = defaultdict(list)
    drives: dict[str, list[Bit]] = {}
    for name, cell in module["cells"].items():
        drives[name] = []
        for port, bits in cell["connections"].items():
            if cell["port_directions"].get(port) == "output":
                drives[name] += bits
            else:
                for bit in bits:
                    readers[bit].append(name)
        if owners[name] is None:
            owners[name] = next((named[bit] for bit in drives[name] if bit in named), None)
    for _ in range(_MAX_ROUNDS):
        found = {}
        for name, owner in owners.items():
            if owner is None:
                owner = _most_frequent(
                    owners[reader] for bit in drives[name] for reader in readers[bit])
                if owner is not None:
                    found[name] = owner
        if not found:
            break
        owners.update(found)
    sums: dict[str, tuple[int, int, int]] = {}
    for name, cell in module["cells"].items():
        key = owners[name] or OTHER
        lut, ff, block = sums.get(key, (0, 0, 0))
        cell_lut, cell_ff, cell_block = cost(cell)
        sums[key] = (lut + cell_lut, ff + cell_ff, block + cell_block)
    return sums


def _most_frequent(owners: Iterable[str | None]) -> str | None:
    counts = Counter(owner for owner in owners if owner is not None)
    return min(counts, key=lambda owner: (-counts[owner], owner)) if counts else None
