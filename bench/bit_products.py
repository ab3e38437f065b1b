"""Measures what a lane of a few-bit product costs in ``streaming``, and one of a bit by a bit.

    python bench/bit_products.py [--family ecp5 ice40] [--again]

For every kind of product it synthesises one MVTU: 64 rows of 576 columns (a layer of CNV), or of 27
columns (its first layer), with weights in block RAM, one threshold per row, and all planes in
parallel. It prints LUT4 per lane, and their ratio to those of 1 x 1 bit of the same size. "heap" is
the bit heap of few-bit weights; one-bit weights have a tree of adders of numbers in its place.
Results are stored in bench/bit_products.json as soon as they are known; recorded results are not
measured again without ``--again``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from unit_costs import synthesise_unit

from bnnhw.cli.tables import print_table
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.mvtu import MvtuConstants, MvtuParams
from bnnhw.families import get_device
from bnnhw.layers.weight_planes import split_values
from bnnhw.rtl.weight_form import store_planes

RECORD = Path(__file__).with_name("bit_products.json")
ROWS, COLUMNS, FIRST_COLUMNS, PE = 64, 576, 27, 8
LANES = (32, 64)

ONE, TERNARY = (-1, 1), (-1, 0, 1)
PRODUCTS: dict[str, tuple[tuple[int, ...], int, bool]] = {
    "1 x 1": (ONE, 1, False),
    "1 x 2, adders of numbers": (ONE, 2, False),
    "1 x 2, heap": (ONE, 2, True),
    "2 x 2, levels -3, -1, 1, 3": ((-3, -1, 1, 3), 2, True),
    "2 x 2, -2 to 1": ((-2, -1, 0, 1), 2, True),
    "ternary x 1": (TERNARY, 1, True),
    "ternary x 2": (TERNARY, 2, True),
    "4 x 4, -7 to 7": (tuple(range(-7, 8)), 4, True),
}
"""Weights that occur, bits of an activation, and whether the products are one bit heap."""

FIRST: dict[str, tuple[tuple[int, ...], int, bool]] = {
    "1 x 1": (ONE, 1, False),
    "1 x 8, adders of numbers": (ONE, 8, False),
    "1 x 8, heap": (ONE, 8, True),
    "8 x 8, -127 to 127": (tuple(range(-127, 128)), 8, True),
}
"""The same for a first layer."""

Case = tuple[str, str, int, int]
"""Name of the table's row, name of the product, columns of the matrix, and SIMD."""

CASES: tuple[Case, ...] = (
    *((f"{name}, {PE} x {simd}", name, COLUMNS, simd) for simd in LANES for name in PRODUCTS
      if simd == LANES[0] or "4 x 4" not in name),
    *((f"first layer, {name}, {PE} x {FIRST_COLUMNS}", name, FIRST_COLUMNS, FIRST_COLUMNS)
      for name in FIRST))


def unit(family: str, name: str, columns: int, simd: int,
         pe: int = PE) -> tuple[MvtuParams, MvtuConstants]:
    """Make an MVTU of this kind of product, with random weights and thresholds."""
    levels, bits, heap = (FIRST if columns == FIRST_COLUMNS else PRODUCTS)[name]
    rows = ROWS
    random = np.random.default_rng(0)
    values = random.choice(levels, (rows, columns))
    planes = split_values(values)
    sources, stored = store_planes(planes.bits, planes.mask)
    coefficients = tuple(tuple(s << m for m in range(bits)) for s in planes.scales)
    top = sum(map(sum, coefficients)) * columns
    device, sf, nf = get_device(family), -(-columns // simd), -(-rows // pe)
    i = StreamPlan(columns, simd, bits)
    few: dict[str, Any] = {"plane_sources": sources, "coefficients": coefficients} if heap else {}
    params = MvtuParams(
        i, StreamPlan(rows, pe), rows=rows, columns=columns, pe=pe, simd=simd, sf=sf, nf=nf,
        vectors=1, matrices=1, taps=1, parallel=False, bits=bits, serial=False, own_lanes=False,
        acc_width=top.bit_length() + 1, threshold=True, levels=3, product_register=True,
        weight_memory="block", start_memory="lut", classes=1,
        vector_memory=device.memory.ram_style(2 * sf, i.bits), queue_depth=0,
        family=device.family.target.name, **few)
    starts = np.append(-random.integers(0, top, rows), -top - 1)[None]
    return replace(params, queue_depth=params.free_running_depth), MvtuConstants(stored, starts)


def measure(family: str, rows: dict[str, Any]) -> None:
    """Synthesise the units that are not recorded yet."""
    for key, name, columns, simd in CASES:
        if key in rows:
            continue
        params, constants = unit(family, name, columns, simd)
        cells = synthesise_unit(family, params.create(constants, "mvtu"))
        lanes = params.pe * params.simd
        rows[key] = {**cells, "lanes": lanes, "lut_per_lane": round(cells["lut"] / lanes, 3)}
        print(f"{family} {key}: {rows[key]}", flush=True)
        write_record()


def table(family: str, rows: dict[str, Any]) -> list[tuple[object, ...]]:
    """Rows of the printed table: LUT4 per lane, and the ratio to 1 x 1 bit of the same size."""
    made = []
    for key, name, *_ in CASES:
        lut, plain = rows[key]["lut_per_lane"], rows[key.replace(name, "1 x 1")]["lut_per_lane"]
        made.append((family, key, f"{lut:.2f}", f"{lut / plain:.2f}"))
    return made


record: dict[str, Any] = {}


def write_record() -> None:
    """Write what is known so far."""
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--family", nargs="*", default=["ecp5", "ice40"])
    parser.add_argument("--again", action="store_true", help="measure everything again")
    arguments = parser.parse_args()
    if RECORD.exists() and not arguments.again:
        record.update(json.loads(RECORD.read_text()))
    printed = []
    for family in arguments.family:
        rows = record.setdefault(family, {})
        measure(family, rows)
        printed += table(family, rows)
    print_table("products of few bits in streaming, all planes in parallel",
                ("family", "weight x activation, PE x SIMD", "LUT4 per lane", "ratio"), printed)


if __name__ == "__main__":
    main()
