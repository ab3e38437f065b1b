"""Builds networks for boards and prints size, clock and time: python bench/boards.py [NAME ...]

Each row is one ``bnnhw build`` from the network to the bitstream: its time in seconds, the placed
LUTs and block RAMs, and the clock that place-and-route reached, with one seed. Names select rows.
``--tfc FOLDER`` is an imported TFC_1W1A; without it the rows of TFC are skipped. SFC and LFC have
random weights.

The table also lists published figures for the UP5K, which are not measured here: Lattice's Compact
CNN IP in BNN mode (2,419 to 2,706 LUT, 11 to 27 EBR, 31.6 to 41.8 MHz) and TinBiNN (about 5,000
LUT4, 1.315 s for a CIFAR-like frame).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from networks import BITS, classifier

from bnnhw.cli.tables import print_table
from bnnhw.families import get_device
from bnnhw.platforms import get_board

FOLDER = Path("build/bench/boards")
PUBLISHED = [
    {"name": "Lattice Compact CNN IP, BNN mode (published)", "board": "UP5K", "lut": "2,419-2,706",
     "block_ram": "11-27", "fmax_mhz": "31.6-41.8", "fps": ""},
    {"name": "TinBiNN, CIFAR-like (published)", "board": "UP5K", "lut": "about 5,000",
     "block_ram": "", "fmax_mhz": "", "fps": "0.76"},
]


@dataclass(frozen=True)
class Row:
    """One build: its name in the table, the network, the board and additional options."""

    name: str
    network: str
    board: str
    options: tuple[str, ...] = ()


ROWS = (
    Row("mnist-up5k", "mnist_tfc", "icebreaker"),
    Row("mnist-ecp5", "mnist_tfc", "ulx3s_85f"),
    Row("tfc-up5k", "tfc", "icebreaker"),
    Row("tfc-ecp5", "tfc", "ulx3s_85f"),
    Row("tfc-up5k-fit", "tfc", "icebreaker", ("--fit", "--freq", "33")),
    Row("tfc-hx8k-fit", "tfc", "hx8k_evn", ("--fit", "--freq", "75")),
    Row("sfc-up5k-fit", "sfc", "icebreaker", ("--fit", "--freq", "33")),
    Row("keyword-up5k-fit", "designs/examples/keyword.yaml", "icebreaker", ("--fit",)),
    Row("sfc-ecp5-64", "sfc", "ulx3s_85f", ("--ii", "64")),
    Row("lfc-ecp5-fit", "lfc", "ulx3s_85f", ("--fit", "--freq", "80")),
    Row("mnist-gowin", "mnist_tfc", "tang_nano_9k"),
    Row("mnist-gowin-20k", "mnist_tfc", "tang_nano_20k"),
)


def measure(row: Row, network: str) -> dict[str, Any]:
    """Run one build; a build that misses its clock is a result too."""
    start = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "bnnhw", "build", network, "--board", row.board, *row.options,
         "--out", str(FOLDER / row.name), "--no-cache", "--json"], capture_output=True, text=True)
    seconds = time.monotonic() - start
    figures: dict[str, Any] = {"name": row.name, "board": row.board, "seconds": round(seconds, 1),
                               "exit": result.returncode}
    if not result.stdout:
        return {**figures, "error": result.stderr.strip().splitlines()[-1]}
    report = json.loads(result.stdout)
    link = next(r for r in report["layers"] if r["unit"] == "(host link)")["placed"]
    placed = [r["placed"] for r in report["layers"]]
    return {**figures, "lut": sum(p["lut"] for p in placed), "link_lut": link["lut"],
            "block_ram": sum(p["block_ram"] for p in placed), "clock_mhz": report["clock_mhz"],
            "fmax_mhz": report["fmax_mhz"], "cycles": report["cycles_per_frame"],
            "fps": round(report["frames_per_second"]), "utilisation": report["utilisation"],
            "stages": report["seconds"]}


def write_clocks(builds: list[dict[str, Any]]) -> None:
    """Record the clock that each build reached, from which ``plan`` estimates clocks."""
    reached: dict[str, dict[str, dict[str, float]]] = {}
    for row in builds:
        if row.get("fmax_mhz"):
            device = get_board(row["board"]).device
            of_family = reached.setdefault(get_device(device).family.name, {})
            of_family.setdefault(device, {})[row["name"]] = row["fmax_mhz"]
    for family, clocks in reached.items():
        path = Path("bnnhw/families") / family / "clocks.json"
        path.write_text(json.dumps(clocks, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="rows to build; all by default")
    parser.add_argument("--tfc", help="folder of an imported TFC_1W1A network")
    parser.add_argument("-o", "--out", type=Path, default=Path("bench/boards.json"))
    arguments = parser.parse_args()
    networks = {row.network: row.network for row in ROWS} | {
        "tfc": arguments.tfc, "sfc": str(classifier("sfc", BITS)),
        "lfc": str(classifier("lfc", BITS))}
    rows = [row for row in ROWS if row.name in arguments.names or not arguments.names]
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        network = networks[row.network]
        if network is None:
            print(f"{row.name}: skipped; give the network with --tfc FOLDER", file=sys.stderr)
            continue
        measured = measure(row, network)
        # Read the file late: another run may have written rows in the meantime.
        kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else {"builds": []}
        found = {known["name"]: known for known in kept["builds"]} | {row.name: measured}
        builds = [found[r.name] for r in ROWS if r.name in found]
        write_clocks(builds)
        arguments.out.write_text(json.dumps({"schema": "bnnhw.bench.boards/1", "builds": builds,
                                             "published": PUBLISHED}, indent=1) + "\n")
    columns = ("name", "board", "lut", "link_lut", "block_ram", "clock_mhz", "fmax_mhz", "cycles",
               "fps", "seconds", "error")
    shown = [found[row.name] for row in rows if row.name in found]
    print_table("builds: placed LUTs and block RAMs, clocks in MHz, one placer seed", columns,
                [tuple(row.get(c, "") for c in columns) for row in [*shown, *PUBLISHED]])


if __name__ == "__main__":
    main()
