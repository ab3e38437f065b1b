"""Attributes each cell of a flat netlist to a unit of the plan."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from bnnhw.families.netlist import Bit, Cell, Module

__all__ = ["LINK", "OTHER", "cells_by_unit", "owner_of_name", "read_netlist"]

LINK = "(host link)"
OTHER = "(other)"
_ROUNDS = 12
_MAX_BYTES = 1 << 30


def owner_of_name(name: str, units: Collection[str]) -> str | None:
    """Unit that a hierarchical name begins with; None where it does not say."""
    parts = name.lstrip("\\").split(".")
    if parts[0] == "core" and len(parts) > 1:
        found = parts[1]
        if found in units:
            return found
        # Wires of the top are named after the unit that drives them.
        return next((unit for unit in sorted(units, key=len, reverse=True)
                     if found.startswith(f"{unit}_")), None)
    return LINK if parts[0] in ("link", "loader") else None


def read_netlist(path: Path, top: str) -> Module:
    """Module ``top`` of a netlist that Yosys or nextpnr wrote."""
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {_MAX_BYTES} bytes")
    module: Module = json.loads(path.read_bytes())["modules"][top]
    return module


def cells_by_unit(module: Module, units: Collection[str],
                  cost: Callable[[Cell], tuple[int, int, int]]
                  ) -> dict[str, tuple[int, int, int]]:
    """Sum LUT, flip-flops and block RAM of each unit.

    A cell belongs to the unit in its name, else to that in the name of a net that it drives, else
    to the unit whose cells read most of it: what optimisation made between units counts where it
    is used.

    Parameters
    ----------
    module : dict
        From ``read_netlist``.
    units : collection of str
    cost : callable
        LUT, flip-flops and block RAM of a cell.
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
    for _ in range(_ROUNDS):
        found = {}
        for name, owner in owners.items():
            if owner is None:
                most = _most(owners[reader] for bit in drives[name] for reader in readers[bit])
                if most is not None:
                    found[name] = most
        if not found:
            break
        owners.update(found)
    sums: dict[str, tuple[int, int, int]] = {}
    for name, cell in module["cells"].items():
        key = owners[name] or OTHER
        have, more = sums.get(key, (0, 0, 0)), cost(cell)
        sums[key] = (have[0] + more[0], have[1] + more[1], have[2] + more[2])
    return sums


def _most(owners: Iterable[str | None]) -> str | None:
    counts = Counter(owner for owner in owners if owner is not None)
    return min(counts, key=lambda owner: (-counts[owner], owner)) if counts else None
