"""Small designs for tests, and their mappings to the installed libraries; each is mapped once."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import tempfile
from pathlib import Path

import pytest

from bnnhw.asic import CellLibrary, Mapped, load_library, map_design
from bnnhw.asic.library import NAMED
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.importers.network import Network, load_network
from bnnhw.plan import Goal
from tests.networks import random_graph

__all__ = ["LIBRARIES", "core", "design", "icarus", "library", "mapped_core", "osu018", "sta",
           "swap"]

icarus = pytest.mark.skipif(shutil.which("iverilog") is None,
                            reason="Icarus Verilog is not installed (apt install iverilog)")
sta = pytest.mark.skipif(shutil.which("sta") is None,
                         reason="OpenSTA is not installed (apt install opensta)")


def _installed(name: str) -> pytest.MarkDecorator:
    named = NAMED[name]
    return pytest.mark.skipif(not (named.liberty.exists() and named.lef.exists()),
                              reason=f"{name} is not installed (apt install {named.package})")


osu018 = _installed("osu018")
LIBRARIES = [pytest.param(name, marks=_installed(name)) for name in NAMED]
"""Names of all named libraries; those that are not installed are skipped."""

TINY_CORE = """
name: tiny
input: {shape: [4, 4, 1], type: int8}
weights: random
layers:
  - {conv: 1, kernel: 3, sums: true, name: c0, output: sums}
"""


def design(arch: str, sizes: tuple[int, ...] = (24, 8, 4), device: str = "cells",
           ii: int | None = 48) -> Design:
    """Generate a small network of dense layers."""
    graph = random_graph(sizes, seed=3)
    goal = Goal(target_cycles=ii) if arch == "streaming" else Goal()
    return generate(Network(graph, {}, ()), arch, get_device(device), goal)


@functools.cache
def library(name: str) -> CellLibrary:
    """Load a named library."""
    return load_library(name)


@functools.cache
def core(arch: str) -> Design:
    """Generate the network of ``design`` in an architecture; for ``yodann``, the smallest core."""
    if arch != "yodann":
        return design(arch)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "net.yaml").write_text(TINY_CORE)
        network = load_network(Path(folder) / "net.yaml")
    return generate(network, "yodann", get_device("cells"),
                    Goal(), core="ni=1,no=1,kernel=3,bits=8,depth=8,bank=4,frac=4")


@functools.cache
def mapped_core(name: str, arch: str) -> Mapped:
    """Map ``core`` to the cells of a library."""
    return map_design(core(arch), library(name))


def swap(mapped: Mapped, old: str, new: str) -> Mapped:
    """Replace one instance of a cell by another cell: a mutant that must fail."""
    offsets = [k for k in range(len(mapped.flat)) if mapped.flat.startswith(f"  {old} ", k)]
    offset = offsets[len(offsets) // 2]
    flat = mapped.flat[:offset] + mapped.flat[offset:].replace(old, new, 1)
    name = flat[offset:].split()[1].removeprefix("\\")
    netlist = {**mapped.netlist, "cells": {
        n: {**c, "type": new} if n == name else c for n, c in mapped.netlist["cells"].items()}}
    assert mapped.netlist["cells"][name]["type"] == old
    return dataclasses.replace(mapped, flat=flat, netlist=netlist)
