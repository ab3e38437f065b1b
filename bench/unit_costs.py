"""Synthesises single units, over widths and lanes that complete designs seldom have.

    python bench/unit_costs.py [--family ecp5 ice40]

Each result is written to bench/unit_costs.json as soon as it is known; recorded results are not
measured again. ``bench/costs.py`` fits the resource model to them too, and
``tests/plan/test_costs.py`` keeps ``Params.cost`` inside a band around them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw.dataflow.params import Params
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import (
    AddParams,
    AffineParams,
    AffineThresholdParams,
    ConcatParams,
    ConverterParams,
    CropParams,
    FifoParams,
    ForkParams,
    InputParams,
    MultiplyParams,
    OutputParams,
    PoolParams,
    PReluParams,
    SearchParams,
    SelectParams,
    SequenceParams,
    ThresholdParams,
)
from bnnhw.dataflow.units.affine import AffineConstants
from bnnhw.dataflow.units.argmax import argmax_params
from bnnhw.dataflow.units.divide import divide_params
from bnnhw.dataflow.units.line_window import line_window_params
from bnnhw.dataflow.units.mvtu import MvtuConstants, MvtuParams
from bnnhw.dataflow.units.pool import PoolConstants
from bnnhw.dataflow.units.prelu import PReluConstants
from bnnhw.dataflow.units.sliding_window import window_params
from bnnhw.dataflow.units.threshold import AffineThresholdConstants, ThresholdConstants
from bnnhw.dataflow.units.threshold.affine_fit import AffineForm
from bnnhw.emit.verilog import convert
from bnnhw.families import get_device
from bnnhw.ir import Int, Window
from bnnhw.layers import Division
from bnnhw.rtl.shared import SharedComponent
from bnnhw.tools.tools import Tools

RECORD = Path(__file__).with_name("unit_costs.json")

Sized = tuple[Params[Any], Any]
"""Parameters of a unit, and its constants."""


def _random(low: int, high: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, shape)


def argmax(family: str, elements: int, lanes: int, width: int, forward: bool) -> Sized:
    return argmax_params(StreamPlan(elements, lanes, width, True), forward), None


def affine(family: str, elements: int, lanes: int, width: int, scale: int, out: int) -> Sized:
    total = width + scale
    return AffineParams(StreamPlan(elements, lanes, width, True),
                        StreamPlan(elements, lanes, out, True), scale_width=scale,
                        sum_width=total), \
        AffineConstants(_random(-(1 << scale - 1), 1 << scale - 1, elements),
                        _random(-(1 << total - 1), 1 << total - 1, elements), total - out)


def threshold(family: str, elements: int, lanes: int, width: int, levels: int) -> Sized:
    return ThresholdParams(StreamPlan(elements, lanes, width, True),
                           StreamPlan(elements, lanes, levels.bit_length()), levels=levels,
                           compare_width=width + 1), \
        ThresholdConstants(_random(-(1 << width), 1 << width, elements, levels),
                           _random(0, 2, elements))


def threshold_search(family: str, elements: int, lanes: int, width: int, levels: int,
                     block: bool) -> Sized:
    stages, words = levels.bit_length(), -(-elements // lanes)
    device = get_device(family)
    styles = tuple(device.memory.rom_style(words << s) if block else "lut" for s in range(stages))
    thresholds = np.sort(_random(-(1 << width - 1), 1 << width - 1, elements, levels), axis=1)
    return SearchParams(StreamPlan(elements, lanes, width, True),
                        StreamPlan(elements, lanes, stages), levels=levels,
                        compare_width=width + 1, styles=styles), \
        ThresholdConstants(thresholds, _random(0, 2, elements))


def threshold_affine(family: str, elements: int, lanes: int, width: int, levels: int, shift: int,
                     scale: int) -> Sized:
    """With scale 0, each channel has one of six bits."""
    bits = scale.bit_length() or 6
    scales = np.full(elements, scale) if scale else _random(1, 64, elements)
    total = width + bits + 1
    params = AffineThresholdParams(
        StreamPlan(elements, lanes, width, True), StreamPlan(elements, lanes, levels.bit_length()),
        levels=levels, shift=shift, scale=scale or None, scale_width=bits, sum_width=total,
        falls=False)
    form = AffineForm(scales, _random(-(1 << total - 2), 1 << total - 2, elements), shift)
    return params, AffineThresholdConstants(form, np.zeros(elements, dtype=np.uint8))


def prelu(family: str, elements: int, lanes: int, width: int, slope: int, shift: int,
          out: int) -> Sized:
    params = PReluParams(
        StreamPlan(elements, lanes, width, True), StreamPlan(elements, lanes, out, True),
        slope_width=slope, before_width=width, after_width=width,
        inner_width=width + 1 + max(2, slope), shift=shift)
    before, after = (_random(-(1 << width - 1), 1 << width - 1, 2, elements))
    return params, PReluConstants(_random(0, 1 << slope - 1, elements), before, after,
                                  (-(1 << out - 1), (1 << out - 1) - 1))


def select(family: str, lanes: int, width: int, kept: int) -> Sized:
    return SelectParams(StreamPlan(lanes, lanes, width, True, 16),
                        StreamPlan(kept, kept, width, True, 16)), tuple(range(kept))


def sequence(family: str, width0: int, width1: int, words0: int, words1: int) -> Sized:
    return SequenceParams(StreamPlan(words0, 1, width0),
                          StreamPlan(words0 + words1, 1, max(width0, width1)),
                          StreamPlan(words1, 1, width1)), None


def add(family: str, lanes: int, width: int) -> Sized:
    stream = StreamPlan(lanes, lanes, width, True, 16)
    return AddParams(stream, stream, stream), (-(1 << width - 1), (1 << width - 1) - 1)


def concat(family: str, lanes0: int, lanes1: int, width: int) -> Sized:
    first, second, both = (StreamPlan(n, n, width, True, 16)
                           for n in (lanes0, lanes1, lanes0 + lanes1))
    return ConcatParams(first, both, second), None


def divide(family: str, lanes: int, width: int, divisor: int, rounding: str) -> Sized:
    stream = StreamPlan(lanes, lanes, width, True, 16)
    ends = Int(-(1 << width - 1), (1 << width - 1) - 1)
    division = Division(divisor, rounding)
    return divide_params(division, stream, ends, division.range_of(ends.lo, ends.hi)), None


def crop(family: str, lanes: int, width: int, size: int) -> Sized:
    stream = StreamPlan(lanes, lanes, width, True, size * size)
    kept = replace(stream, groups=(size - 3) * (size - 2))
    return CropParams(stream, kept, (size, size, 1), (1, 2), (size - 3, size - 2)), None


def multiply(family: str, lanes: int, width0: int, width1: int, divisor: int, out: int) -> Sized:
    first, second = (StreamPlan(lanes, lanes, width, signed, 16)
                     for width, signed in ((width0, True), (width1, False)))
    high = (1 << width0 - 1) * ((1 << width1) - 1)
    limits = (-(1 << out - 1), (1 << out - 1) - 1)
    return MultiplyParams(first, replace(first, width=out), second, -high, high, divisor,
                          "half_up", limits), None


def fork(family: str, width: int) -> Sized:
    stream = StreamPlan(16, 1, width)
    return ForkParams(stream, stream), None


def fifo(family: str, width: int, depth: int) -> Sized:
    stream = StreamPlan(16, 1, width)
    return FifoParams(stream, stream, depth=depth), None


def input_(family: str, elements: int, lanes: int, width: int, binary: bool) -> Sized:
    o = StreamPlan(elements, lanes, 1 if binary else width)
    return InputParams(StreamPlan(elements, lanes, width), o, 100 if binary else None), None


def output(family: str, words: int, width: int) -> Sized:
    stream = StreamPlan(words, 1, width)
    return OutputParams(stream, stream), None


def converter(family: str, elements: int, lanes: int, out_lanes: int, width: int) -> Sized:
    return ConverterParams(StreamPlan(elements, lanes, width),
                           StreamPlan(elements, out_lanes, width)), None


def pool(family: str, channels: int, lanes: int, width: int, taps: int, sums: bool) -> Sized:
    out = width + taps.bit_length() if sums else width
    return PoolParams(StreamPlan(channels, lanes, width, True, 16 * taps),
                      StreamPlan(channels, lanes, out, True, 16), taps), \
        PoolConstants("sum" if sums else "max", np.zeros(channels, dtype=np.uint8))


def window(family: str, size: int, channels: int, lanes: int, kernel: int) -> Sized:
    stream = StreamPlan(channels, lanes, groups=size * size)
    params = window_params(stream, Window((kernel, kernel)), (size, size), None)
    sized = replace(params, depth=(kernel + 1) * size * stream.group_words)
    return sized.with_storage(get_device(family)), None


def line_window(family: str, size: int, channels: int, lanes: int, kernel: int) -> Sized:
    stream = StreamPlan(channels, lanes, groups=size * size)
    params = line_window_params("u", stream, Window((kernel, kernel)), (size, size), None)
    sized = replace(params, depth=(kernel + 1) * size * stream.group_words)
    return sized.with_storage(get_device(family)), None


def mvtu(family: str, rows: int, columns: int, pe: int, simd: int, memory: str) -> Sized:
    sf, nf, width = -(-columns // simd), -(-rows // pe), (columns + 1).bit_length() + 1
    device = get_device(family)
    i = StreamPlan(columns, simd)
    params = MvtuParams(
        i, StreamPlan(rows, pe), rows=rows, columns=columns, pe=pe, simd=simd, sf=sf, nf=nf,
        vectors=1, matrices=1, taps=1, parallel=False, bits=1, serial=False, own_lanes=False,
        acc_width=width, threshold=True,
        levels=device.family.target.popcount_levels, product_register=memory == "block",
        weight_memory=memory, start_memory="lut", classes=1,
        vector_memory=device.memory.ram_style(2 * sf, i.bits), queue_depth=0,
        family=device.family.target.name)
    starts = np.append(-_random(0, columns, rows), -columns - 1)[None]
    return replace(params, queue_depth=params.free_running_depth), \
        MvtuConstants(_random(0, 2, rows, columns).astype(np.uint8), starts)


KINDS: dict[str, Callable[..., Sized]] = {
    "add": add, "affine": affine, "argmax": argmax, "concat": concat, "converter": converter,
    "crop": crop, "divide": divide, "fifo": fifo, "fork": fork, "input": input_,
    "line_window": line_window, "multiply": multiply, "mvtu": mvtu, "output": output, "pool": pool,
    "prelu": prelu, "select": select, "sequence": sequence, "threshold": threshold,
    "threshold_affine": threshold_affine, "threshold_search": threshold_search, "window": window}
SIZES: dict[str, list[tuple[Any, ...]]] = {
    "add": [(4, 8), (16, 5)],
    "affine": [(10, 1, 9, 8, 16), (10, 1, 12, 16, 26), (10, 2, 10, 14, 22), (64, 4, 8, 8, 14)],
    "argmax": [(10, 1, 9, True), (10, 1, 16, True), (10, 1, 24, True), (10, 1, 32, True),
               (10, 1, 24, False), (10, 2, 12, True), (10, 2, 24, True), (10, 5, 16, True),
               (10, 10, 12, True), (10, 10, 24, False), (100, 1, 16, True), (100, 4, 20, True),
               (4, 4, 8, True)],
    "concat": [(3, 5, 8), (16, 16, 1)],
    "converter": [(64, 8, 16, 1), (64, 16, 8, 1), (60, 8, 12, 1), (49, 7, 3, 2)],
    "crop": [(4, 8, 12), (16, 1, 30), (1, 6, 20)],
    "divide": [(4, 12, 16, "floor"), (4, 12, 16, "half_even"), (4, 12, 9, "half_up"),
               (2, 16, 49, "half_even"), (8, 10, 196, "zero"), (1, 14, 25, "floor")],
    "fifo": [(8, 16), (32, 48), (4, 100)],
    "fork": [(8,), (64,)],
    "input": [(784, 8, 1, False), (100, 4, 8, True)],
    "line_window": [(16, 8, 4, 3), (28, 4, 4, 3)],
    "multiply": [(4, 8, 4, 16, 8), (4, 4, 4, 8, 4), (1, 8, 8, 256, 8), (2, 6, 4, 15, 6)],
    "mvtu": [(64, 256, 8, 16, "block"), (64, 256, 4, 32, "lut"), (32, 64, 16, 8, "block"),
             (16, 512, 2, 64, "block")],
    "output": [(10, 12), (1, 4)],
    "pool": [(16, 4, 8, 4, False), (32, 8, 1, 4, False), (16, 2, 10, 9, True)],
    "prelu": [(16, 1, 10, 5, 4, 8), (16, 4, 8, 4, 3, 8), (4, 4, 10, 6, 5, 10),
              (64, 2, 12, 8, 7, 8), (32, 1, 16, 8, 6, 12), (8, 8, 8, 5, 4, 8)],
    "select": [(8, 4, 5), (16, 1, 12)],
    "sequence": [(8, 20, 10, 4), (32, 1, 6, 40)],
    "threshold": [(10, 1, 24, 1), (10, 2, 16, 3), (64, 8, 10, 1), (32, 4, 20, 3), (4, 4, 12, 7),
                  (16, 2, 10, 15), (4, 1, 13, 7)],
    "threshold_affine": [(4, 4, 12, 7, 6, 21), (16, 2, 10, 15, 4, 1), (64, 4, 12, 15, 6, 0),
                         (32, 1, 14, 255, 5, 0), (4, 1, 13, 7, 6, 0), (16, 8, 10, 7, 5, 5),
                         (64, 1, 20, 15, 8, 0), (8, 8, 14, 31, 8, 0)],
    "threshold_search": [(4, 4, 12, 7, False), (16, 2, 10, 15, False), (4, 1, 13, 7, False),
                         (64, 4, 12, 15, False), (16, 1, 14, 255, True),
                         (32, 1, 16, 7, False), (8, 2, 20, 31, False), (64, 8, 10, 15, False)],
    "window": [(16, 16, 8, 3), (28, 4, 4, 5), (32, 64, 32, 3)],
}


def synthesise_unit(family: str, component: SharedComponent) -> dict[str, int]:
    """Synthesise one component; return its LUTs, flip-flops and block RAMs."""
    synthesis = get_device(family).family.need_synthesis()
    with tempfile.TemporaryDirectory(prefix="bnnhw-unit-") as scratch:
        folder = Path(scratch)
        (folder / "unit.v").write_text(convert(component))
        Tools().run("yosys", ["-q", "-p", f"read_verilog unit.v; {synthesis.command} -top "
                              f"{component.module_name}; tee -o stat.json stat -json"], folder)
        stat = json.loads((folder / "stat.json").read_text())
    cells = stat["design"]["num_cells_by_type"]
    return dict(zip(("lut", "ff", "block"), synthesis.count(cells), strict=True))


def measure(family: str, rows: dict[str, Any]) -> None:
    """Synthesise the configurations that are not recorded yet."""
    for kind, sizes in SIZES.items():
        for size in sizes:
            name = "_".join([kind, *(s if isinstance(s, str) else str(int(s)) for s in size)])
            if name in rows:
                continue
            params, constants = KINDS[kind](family, *size)
            component = params.create(constants, kind)
            rows[name] = {"kind": kind, "size": list(size), **synthesise_unit(family, component)}
            print(f"{family} {name}: {rows[name]}", flush=True)


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
