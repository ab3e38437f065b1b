"""A core of latches that is as small as the architecture allows, in cells of osu018."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from unittest import mock

from bnnhw.device import get_device
from bnnhw.emit.design import Design, generate
from bnnhw.flow.cells import Mapped, load_library, map_design, mapping
from bnnhw.frontend.network import load_network
from bnnhw.plan import Wish

__all__ = ["latch_core"]

NETWORK = """
name: tiny
input: {shape: [3, 4, 1], type: int, range: [-8, 7]}
weights: random
layers:
  - {conv: 1, kernel: 3, sums: true, name: c0, output: sums}
"""


@functools.cache
def latch_core() -> tuple[Design, Mapped]:
    """The core with a network of one job, and its netlist."""
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "net.yaml").write_text(NETWORK)
        core = generate(load_network(Path(scratch) / "net.yaml"), "yodann", get_device("cells"),
                        Wish(core="ni=1,no=1,kernel=3,bits=8,depth=4,bank=4,frac=2"))
    script = mapping._map_script
    # States of a state machine that synthesis codes anew have no counterpart in the Verilog.
    with mock.patch.object(mapping, "_map_script", lambda *a: script(*a).replace(
            "synth -flatten", "synth -nofsm -flatten")):
        return core, map_design(core, load_library("osu018"), buffered=False)
