"""Build networks for boards and print what they reach: python bench/boards.py [NAME ...] [-o FILE]

Every row is one ``bnnhw build``, from the network to the bitstream, with its time, what is placed,
and the clock that it reaches. Names choose rows; ``--tfc FOLDER`` names an imported TFC_1W1A,
without which its rows are left out. SFC and LFC are shapes, with random weights.

Beside them stands what is public for the UP5K, as its makers print it, not measured here:
Lattice's Compact CNN IP in BNN mode (2,419 to 2,706 LUT, 11 to 27 EBR, 31.6 to 41.8 MHz) and
TinBiNN (about 5,000 LUT4, 1.315 s a CIFAR-like frame).
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

from bnnhw.cli.common import print_table
from bnnhw.device.clocks import CLOCKS
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
    """A build: network, board and options."""

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


def shape(name: str, width: int) -> str:
    """A network of three hidden layers on the bits of a digit, such as SFC: 784-256-256-256-10."""
    path = FOLDER / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    layers = f"- {{dense: {width}}}\n" * 3
    path.write_text(f"name: {name}\ninput: {{shape: [784], type: bits}}\nweights: random\nseed: 1\n"
                    f"layers:\n{layers}- {{dense: 10, output: scores}}\n- argmax\n")
    return str(path)


def measure(row: Row, network: str) -> dict[str, Any]:
    """Run one build; a missed clock is a result too."""
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
    """Write what builds reached on each part, from which ``plan`` says what to expect."""
    reached: dict[str, dict[str, float]] = {}
    for row in builds:
        if row.get("fmax_mhz"):
            device = get_board(row["board"]).device
            reached.setdefault(device, {})[row["name"]] = row["fmax_mhz"]
    CLOCKS.write_text(json.dumps({"fmax_mhz": reached}, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="rows; all of them by default")
    parser.add_argument("--tfc", help="folder of an imported TFC_1W1A")
    parser.add_argument("-o", "--out", type=Path, default=Path("bench/boards.json"))
    arguments = parser.parse_args()
    networks = {row.network: row.network for row in ROWS} | {
        "tfc": arguments.tfc, "sfc": shape("sfc", 256),
                "lfc": shape("lfc", 1024)}
    rows = [row for row in ROWS if row.name in arguments.names or not arguments.names]
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        network = networks[row.network]
        if network is None:
            print(f"{row.name}: left out, --tfc names no network", file=sys.stderr)
            continue
        measured = measure(row, network)
        # Read now: another run may have written rows since this one began.
        kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else {"builds": []}
        found = {known["name"]: known for known in kept["builds"]} | {row.name: measured}
        builds = [found[r.name] for r in ROWS if r.name in found]
        write_clocks(builds)
        arguments.out.write_text(json.dumps({"schema": "bnnhw.bench.boards/1", "builds": builds,
                                             "published": PUBLISHED}, indent=1) + "\n")
    columns = ("name", "board", "lut", "link_lut", "block_ram", "clock_mhz", "fmax_mhz", "cycles",
               "fps", "seconds", "error")
    shown = [found[row.name] for row in rows if row.name in found]
    print_table("builds", columns, [tuple(row.get(c, "") for c in columns)
                                    for row in [*shown, *PUBLISHED]])


if __name__ == "__main__":
    main()
