"""Compares sums and constant matrices with other generators: python bench/counting.py [PART ...]

Parts: ``popcount``, ``matrices``, ``tfc`` and ``streaming`` run by default; ``routed`` places and
routes TFC on an ECP5, which takes a quarter of an hour. All other figures are cells after Yosys,
counted in LUT slots as ``bench/peers.py`` defines them. Our matrices include thresholds, those of
the peers do not. ``--peers`` also measures peers that no earlier run has cached; da4ml and Yosys
take hours for the largest matrix. The part ``peers`` only copies cached figures of peers into the
record, bench/counting.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from networks import classifier
from peers import TARGETS, cached, count_cells, measure, works

from bnnhw.cli.tables import print_table
from bnnhw.emit.generate import generate
from bnnhw.families import get_device, get_target
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.logic import Netlist, SumBuilder, certify
from bnnhw.logic.block_spec import BlockSpec, LayerSpec
from bnnhw.logic.cse.block_netlist import best_layer_options, build_block
from bnnhw.logic.pipeline import schedule
from bnnhw.plan import Goal
from bnnhw.tools.core_timing import place_and_route
from bnnhw.tools.synth import synthesise

RECORD = Path(__file__).with_name("counting.json")
TFC = Path("../shared/data/TFC_1W1A.onnx")
SIZES = (16, 64, 255)

TITLES = {
    "popcount": "XNOR and popcount with variable weights: LUT slots per bit after Yosys",
    "matrices": "constant matrices: LUT slots after Yosys, ours with thresholds",
    "tfc": "complete TFC, one frame per cycle: LUT slots after Yosys",
    "streaming": "streaming designs on ECP5 after Yosys",
    "routed": "TFC on ECP5, placed and routed, speed grade 8, one seed",
}
"""Title of each part's table, with units and conditions."""


def text_of(netlist: Netlist, family: str) -> str:
    """Verilog of a proven netlist without registers: module ``m``."""
    certify(netlist)
    target = get_target(family)
    return target.module("m", netlist, schedule(netlist, target.delays, 1e9))


def plus_tree(width: int) -> str:
    """The reference: XNOR and a balanced tree of ``+``, as a person would write it."""
    lines: list[str] = []
    terms = [(f"z[{k}]", 1) for k in range(width)]
    while len(terms) > 1:
        sums = []
        for (a, bits_a), (b, bits_b) in zip(terms[::2], terms[1::2], strict=False):
            name, bits = f"t{len(lines)}", max(bits_a, bits_b) + 1
            lines.append(f"wire [{bits - 1}:0] {name} = {a} + {b};")
            sums.append((name, bits))
        terms = sums + terms[2 * len(sums):]
    return (f"module m(input [{2 * width - 1}:0] x, output [{width.bit_length() - 1}:0] y);\n"
            f"wire [{width - 1}:0] z = x[{width - 1}:0] ~^ x[{2 * width - 1}:{width}];\n"
            + "\n".join(lines) + f"\nassign y = {terms[0][0]};\nendmodule\n")


def popcounts() -> list[dict[str, Any]]:
    """XNOR and popcount with variable weights: slots per bit."""
    rows = []
    for width in SIZES:
        for target in TARGETS:
            row: dict[str, Any] = {"N": width, "target": target,
                                   "plain +": count_cells(plus_tree(width), "m", target)["slots"]}
            for family in ("generic", target):
                netlist = Netlist(2 * width)
                builder = SumBuilder(netlist, get_target(family))
                products = [(netlist.input(k), netlist.input(width + k)) for k in range(width)]
                netlist.outputs = list(builder.total(products).lits)
                found = count_cells(text_of(netlist, family), "m", target)
                row["portable" if family == "generic" else "exact"] = found["slots"]
            rows.append({k: round(v / width, 3) if k not in ("N", "target") else v
                         for k, v in row.items()})
    return rows


def threshold_layer(matrix: np.ndarray) -> LayerSpec:
    """A layer from a matrix of -1, 0 and +1, with thresholds at half of the weights of a row."""
    limits = np.abs(matrix).sum(axis=1, dtype=np.int64)[None, :, None] // 2
    return LayerSpec.of_bits(matrix, 1, False, limits, 1, np.zeros((1, len(matrix)), np.int64), 1)


def matrices(peers: bool, recorded: list[dict[str, Any]],
             wanted: list[str] | None) -> list[dict[str, Any]]:
    """Constant matrices with thresholds, compared with da4ml and plain ``+`` without thresholds."""
    before = {(row["work"], row["target"]): row for row in recorded}
    rows = []
    for name, matrix in works().items():
        if wanted and name not in wanted:
            rows += [row for row in recorded if row["work"] == name]
            continue
        for target in TARGETS:
            begin = time.process_time()
            layer = threshold_layer(matrix)
            sharing = best_layer_options(layer, get_target(target), None)
            text = text_of(build_block(BlockSpec((layer,)), get_target(target), [sharing]),
                           target)
            seconds = time.process_time() - begin
            ours = count_cells(text, "m", target)
            row: dict[str, Any] = {"work": name, "target": target, "ours": ours["slots"],
                                   "generation s": round(seconds, 1)}
            if peers:
                measure(matrix, name, targets=(target,))
            known = before.get((name, target), {})
            row |= {peer: known[peer] for peer in ("da4ml", "plain") if peer in known}
            rows.append(with_peers(row, matrix))
            print(row, flush=True)
    return rows


def with_peers(row: dict[str, Any], matrix: np.ndarray) -> dict[str, Any]:
    """A row of ``matrices``, extended with the cached figures of the peers."""
    row = dict(row)
    for peer in ("da4ml", "plain"):
        row[peer] = _slots(cached(matrix, peer, row["target"])) or row.get(peer, "")
        row[f"ours / {peer}"] = round(row["ours"] / row[peer], 3) \
            if isinstance(row[peer], int) else ""
    return row


def _slots(known: list[dict[str, Any]]) -> int | str:
    """Slots of a peer, or the reason why there is no figure."""
    if not known:
        return ""
    slots = known[0]["slots"]
    return f"not in {known[0]['limit']} s" if slots is None else int(slots)


def complete_tfc() -> list[dict[str, Any]]:
    """The complete TFC with thresholds, argmax, queue and AXI4-Stream ports, after Yosys."""
    if not TFC.exists():
        return []
    graph = import_onnx(TFC, name="tfc", input_type="bits").graph
    rows = []
    for target in TARGETS:
        for what, goal, cuts in (("combinational", Goal(), 0),
                                 ("150 MHz", Goal(clock_mhz=150), None)):
            begin = time.process_time()
            core = generate(Network(graph, {}, ()), "unrolled", get_device(target), goal,
                            cuts=cuts)
            seconds = time.process_time() - begin
            report = synthesise(core, get_device(target))
            lut = sum(u.lut for u in report.units)
            operations = 2 * sum(u.products_per_cycle for u in core.plan.units)
            rows.append({"target": target, "registers": what, "slots": lut,
                         "FF": sum(u.ff for u in report.units), "latency": core.plan.latency,
                         "operations / cycle / slot": round(operations / lut, 2),
                         "generation s": round(seconds, 1)})
            print(rows[-1], flush=True)
    return rows


def routed() -> list[dict[str, Any]]:
    """TFC with registers for 150 MHz, placed and routed on the part of Lattice's ECP5 board."""
    if not TFC.exists():
        return []
    graph = import_onnx(TFC, name="tfc", input_type="bits").graph
    device, part, target_mhz, seed = get_device("ecp5-85"), "lfe5um5g-85f", 160.0, 1
    core = generate(Network(graph, {}, ()), "unrolled", device, Goal(clock_mhz=150))
    begin = time.monotonic()
    found = place_and_route(core, device, target_mhz, seed, part)
    used = {name: use["used"] for name, use in found["utilisation"].items()}
    return [{"part": found["part"], "target clock, MHz": target_mhz, "seed": seed,
             "fmax MHz": found["fmax_mhz"],
             "frames/s": round(found["fmax_mhz"] * 1e6 / core.plan.ii),
             "slots": used["TRELLIS_COMB"], "FF": used["TRELLIS_FF"],
             "latency": core.plan.latency, "seconds": round(time.monotonic() - begin)}]


def streaming() -> list[dict[str, Any]]:
    """Complete streaming designs on ECP5 with weights in block RAM: LUT4 per XNOR lane."""
    rows = []
    for name, ii in (("tfc", 64), ("sfc", 64)):
        core = generate(load_network(classifier(name)), "streaming", get_device("ecp5"),
                        Goal(target_cycles=ii))
        report = synthesise(core, get_device("ecp5"))
        lanes, lut = (sum(getattr(u, what) for u in report.units) for what in ("lanes", "lut"))
        rows.append({"network": name, "cycles per frame": core.plan.ii, "lanes": lanes, "LUT4": lut,
                     "FF": sum(u.ff for u in report.units),
                     "block RAM": sum(u.block for u in report.units),
                     "LUT4 per lane": round(lut / lanes, 2)})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["popcount", "matrices", "tfc", "streaming"])
    parser.add_argument("--peers", action="store_true",
                        help="measure other generators that are not in the cache")
    parser.add_argument("--work", action="append",
                        help="measure only this matrix, and keep the records of the others")
    arguments = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    parts = {"popcount": popcounts,
             "matrices": lambda: matrices(arguments.peers, record.get("matrices", []),
                                          arguments.work),
             "tfc": complete_tfc, "streaming": streaming, "routed": routed}
    for part in arguments.parts:
        if part == "peers":
            part, known = "matrices", works()
            record[part] = [with_peers(row, known[row["work"]]) for row in record[part]]
        else:
            record[part] = parts[part]()
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
        if record[part]:
            print_table(TITLES[part], tuple(record[part][0]),
                        [tuple(row.values()) for row in record[part]])


if __name__ == "__main__":
    main()
