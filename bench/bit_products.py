"""Measures what a lane of a few-bit product costs in ``streaming``, beside one of a bit by a bit.

    python bench/bit_products.py [--family ecp5 ice40] [--again]

For every kind of product it synthesises one MVTU of 64 rows and 576 columns (a layer of CNV), with
8 x 32 and 8 x 64 lanes per cycle, its weights in block RAM, one threshold per row. It prints LUT4
per lane, and their ratio to those of 1 x 1 bit. Results are stored in bench/bit_products.json as
soon as they are known; recorded results are not measured again without ``--again``.
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
ROWS, COLUMNS, PE = 64, 576, 8
LANES = (32, 64)

PRODUCTS: dict[str, tuple[tuple[int, ...], int]] = {
    "1 x 1": ((-1, 1), 1),
    "1 x 2": ((-1, 1), 2),
    "2 x 2, levels -3, -1, 1, 3": ((-3, -1, 1, 3), 2),
    "2 x 2, -2 to 1": ((-2, -1, 0, 1), 2),
    "ternary x 1": ((-1, 0, 1), 1),
    "ternary x 2": ((-1, 0, 1), 2),
    "4 x 4, -7 to 7": (tuple(range(-7, 8)), 4),
    "1 x 8, first layer": ((-1, 1), 8),
    "8 x 8, first layer": (tuple(range(-127, 128)), 8),
}
"""Weights that occur, and bits of an activation."""


def unit(family: str, name: str, simd: int, serial: bool = False, serial_weights: bool = False,
         pe: int = PE) -> tuple[MvtuParams, MvtuConstants]:
    """Make an MVTU of this kind of product, with random weights and thresholds."""
    levels, bits = PRODUCTS[name]
    columns, rows = (27, 64) if "first" in name else (COLUMNS, ROWS)
    simd = min(simd, columns)
    random = np.random.default_rng(0)
    values = random.choice(levels, (rows, columns))
    planes = split_values(values)
    sources, stored = store_planes(planes.bits, planes.mask)
    coefficients = tuple(tuple(s << m for m in range(bits)) for s in planes.scales)
    top = sum(map(sum, coefficients)) * columns
    device, sf, nf = get_device(family), -(-columns // simd), -(-rows // pe)
    i = StreamPlan(columns, simd, bits)
    plain = bits == 1 and planes.mask is None
    few: dict[str, Any] = {} if plain else {
        "sources": sources, "coefficients": coefficients, "serial_weights": serial_weights}
    params = MvtuParams(
        i, StreamPlan(rows, pe), rows=rows, columns=columns, pe=pe, simd=simd, sf=sf, nf=nf,
        vectors=1, matrices=1, taps=1, parallel=False, bits=bits, serial=serial, own_lanes=False,
        acc_width=top.bit_length() + 1, threshold=True, levels=3, product_register=True,
        weight_memory="block", start_memory="lut", classes=1,
        vector_memory=device.memory.ram_style(2 * sf, i.bits), queue_depth=0,
        family=device.family.target.name, **few)
    starts = np.append(-random.integers(0, top, rows), -top - 1)[None]
    return replace(params, queue_depth=params.free_running_depth), MvtuConstants(stored, starts)


def measure(family: str, rows: dict[str, Any]) -> None:
    """Synthesise the units that are not recorded yet, planes in parallel."""
    for simd in LANES:
        for name in PRODUCTS:
            key = f"{name}, {PE} x {simd}"
            if key in rows:
                continue
            params, constants = unit(family, name, simd)
            cells = synthesise_unit(family, params.create(constants, "mvtu"))
            lanes = params.pe * params.simd * params.planes
            rows[key] = {**cells, "lanes": lanes, "lut_per_lane": round(cells["lut"] / lanes, 3)}
            print(f"{family} {key}: {rows[key]}", flush=True)
            write_record()


def table(family: str, rows: dict[str, Any]) -> list[tuple[object, ...]]:
    """Rows of the printed table: LUT4 per lane, and the ratio to 1 x 1 bit of the same lanes."""
    made = []
    for name in PRODUCTS:
        cells: list[object] = [family, name]
        for simd in LANES:
            lut = rows[f"{name}, {PE} x {simd}"]["lut_per_lane"]
            plain = rows[f"1 x 1, {PE} x {simd}"]["lut_per_lane"]
            cells += [f"{lut:.2f}", f"{lut / plain:.2f}"]
        made.append(tuple(cells))
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
    head = [f"{what} {PE} x {simd}" for simd in LANES for what in ("LUT4 per lane,", "ratio,")]
    print_table("products of few bits in streaming, all planes in parallel",
                ("family", "weight x activation", *head), printed)


if __name__ == "__main__":
    main()
