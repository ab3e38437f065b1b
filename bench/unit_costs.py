"""Synthesise units alone, over widths and lanes that few of the whole designs of costs.py have.

    python bench/unit_costs.py [--family ecp5 ice40]

Each result is written to bench/unit_costs.json when it is known; one that is there is not measured
again.
``bench/costs.py`` fits to them too, and ``tests/plan/test_costs.py`` keeps the estimates near them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw.arch.streaming.units import UNITS
from bnnhw.emit.verilog import convert
from bnnhw.families import get_device
from bnnhw.plan import StreamPlan, Unit
from bnnhw.rtl.affine import AffineUnit, Rounding
from bnnhw.rtl.argmax import ArgMaxUnit
from bnnhw.rtl.shared import SharedComponent
from bnnhw.rtl.stages import SelectUnit, SequenceUnit
from bnnhw.rtl.threshold import ThresholdUnit
from bnnhw.tools.tools import Tools

RECORD = Path(__file__).with_name("unit_costs.json")


def argmax(elements: int, lanes: int, width: int, forward: bool) -> tuple[Unit, SharedComponent]:
    i = StreamPlan(elements, lanes, width, True)
    label = ArgMaxUnit.index_width(elements)
    words, bits = (i.words, i.bits + label) if forward else (1, label)
    return UNITS["argmax"]("u", "u", ("input",), i, StreamPlan(words, 1, bits), forward=forward), \
        ArgMaxUnit(elements=elements, lanes=lanes, score=(width, True), forward=forward)


def affine(elements: int, lanes: int, width: int, scale: int,
           out: int) -> tuple[Unit, SharedComponent]:
    i, words, total = StreamPlan(elements, lanes, width, True), -(-elements // lanes), width + scale
    random = np.random.default_rng(0)
    return UNITS["affine"]("u", "u", ("input",), i, StreamPlan(elements, lanes, out, True),
                           scale_width=scale, sum_width=total), \
        AffineUnit(module_name="affine", lanes=lanes, in_shape=(width, True),
                   rounding=Rounding(total - out, out), sum_width=total, scale_width=scale,
                   scales=_random(random, words, lanes * scale),
                   offsets=_random(random, words, lanes * total), rest=i.rest)


def threshold(elements: int, lanes: int, width: int, levels: int) -> tuple[Unit, SharedComponent]:
    i, words, out = StreamPlan(elements, lanes, width, True), -(-elements // lanes), \
        levels.bit_length()
    random = np.random.default_rng(0)
    return UNITS["threshold"]("u", "u", ("input",), i, StreamPlan(elements, lanes, out),
                              levels=levels, compare_width=width + 1), \
        ThresholdUnit(module_name="threshold", lanes=lanes, in_shape=(width, True),
                      compare_width=width + 1, levels=levels, out_width=out,
                      thresholds=_random(random, words, lanes * levels * (width + 1)),
                      falling=_random(random, words, lanes), rest=i.rest)


def select(lanes: int, width: int, kept: int) -> tuple[Unit, SharedComponent]:
    i = StreamPlan(lanes, lanes, width, True, 16)
    return UNITS["select"]("u", "u", ("input",), i, StreamPlan(kept, kept, width, True, 16)), \
        SelectUnit(module_name="select", lanes=lanes, width=width, channels=[*range(kept)])


def sequence(width0: int, width1: int, words0: int, words1: int) -> tuple[Unit, SharedComponent]:
    first, second = StreamPlan(words0, 1, width0), StreamPlan(words1, 1, width1)
    both = StreamPlan(words0 + words1, 1, max(width0, width1))
    return UNITS["sequence"]("u", "u", ("a", "b"), first, both, i1=second), \
        SequenceUnit(width0=width0, width1=width1, words0=words0, words1=words1)


def _random(random: np.random.Generator, words: int, bits: int) -> list[int]:
    return [int.from_bytes(random.bytes(-(-bits // 8)), "big") % (1 << bits) for _ in range(words)]


KINDS = {"argmax": argmax, "affine": affine, "threshold": threshold, "select": select,
         "sequence": sequence}
SIZES: dict[str, list[tuple[Any, ...]]] = {
    "argmax": [(10, 1, 9, True), (10, 1, 16, True), (10, 1, 24, True), (10, 1, 32, True),
               (10, 1, 24, False), (10, 2, 12, True), (10, 2, 24, True), (10, 5, 16, True),
               (10, 10, 12, True), (10, 10, 24, False), (100, 1, 16, True), (100, 4, 20, True),
               (4, 4, 8, True)],
    "affine": [(10, 1, 9, 8, 16), (10, 1, 12, 16, 26), (10, 2, 10, 14, 22), (64, 4, 8, 8, 14)],
    "threshold": [(10, 1, 24, 1), (10, 2, 16, 3), (64, 8, 10, 1), (32, 4, 20, 3)],
    "select": [(8, 4, 5), (16, 1, 12)],
    "sequence": [(8, 20, 10, 4), (32, 1, 6, 40)],
}


def measure(family: str, rows: dict[str, Any]) -> None:
    """Synthesise what is not among the rows yet."""
    synthesis = get_device(family).family.need_synthesis()
    for kind, sizes in SIZES.items():
        for size in sizes:
            name = "_".join([kind, *map(str, map(int, size))])
            if name in rows:
                continue
            component = KINDS[kind](*size)[1]
            with tempfile.TemporaryDirectory(prefix="bnnhw-unit-") as scratch:
                folder = Path(scratch)
                (folder / "unit.v").write_text(convert(component))
                Tools().run("yosys", ["-q", "-p", f"read_verilog unit.v; {synthesis.command} -top "
                                      f"{component.module_name}; tee -o stat.json stat -json"],
                            folder)
                stat = json.loads((folder / "stat.json").read_text())
            cells = stat["design"]["num_cells_by_type"]
            rows[name] = {
                "kind": kind, "size": list(size),
                **dict(zip(("lut", "ff", "block"), synthesis.count(cells), strict=True))}
            print(f"{family} {name}: {rows[name]['lut']} LUT", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--family", nargs="*", default=["ecp5", "ice40"])
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for family in parser.parse_args().family:
        try:
            measure(family, record.setdefault(family, {}))
        finally:
            RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
