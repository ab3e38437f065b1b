"""A board's Verilog to a bitstream: synthesis, place and route with a seed or several, packing."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bnnhw.caches import cache_dir
from bnnhw.device import get_device
from bnnhw.emit.board import BOARD_TOP, BoardDesign
from bnnhw.emit.files import write_files
from bnnhw.errors import FitError, ToolError
from bnnhw.platforms.base import Board
from bnnhw.platforms.constraints import constraints
from bnnhw.tools.ecp5_carry import EASED
from bnnhw.tools.families import Family, get_family
from bnnhw.tools.fractions import nextpnr_fraction, yosys_fraction
from bnnhw.tools.too_large import fit_error
from bnnhw.tools.tools import Tools

__all__ = ["Built", "Routed", "Stages", "build"]

Stages = Callable[[str], Callable[[float], None]]
"""Announces a stage, and returns what takes the fraction of it that is done."""


@dataclass(frozen=True)
class Routed:
    """One run of place and route."""

    seed: int
    fmax_mhz: float
    report: dict[str, Any]


@dataclass(frozen=True)
class Built:
    """What a build came to.

    Attributes
    ----------
    folder : Path
    bitstream : Path
    synthesised, routed : Path
        Netlists.
    best : Routed
    seeds : tuple of Routed
    tools : dict of str to str
        Versions.
    cached : bool
        Nothing had to be run.
    """

    folder: Path
    bitstream: Path
    synthesised: Path
    routed: Path
    best: Routed
    seeds: tuple[Routed, ...]
    tools: dict[str, str]
    cached: bool


def build(built: BoardDesign, board: Board, folder: Path, seeds: Sequence[int], tools: Tools,
          stages: Stages, use_cache: bool = True) -> Built:
    """Make a bitstream; with several seeds, of the fastest placement.

    Parameters
    ----------
    built : BoardDesign
    board : Board
    folder : Path
        Gets the design, the constraints, both netlists, the logs and the bitstream.
    seeds : sequence of int
        Of the placer.
    tools : Tools
    stages : Stages
    use_cache : bool
        Take results of equal inputs from the cache.

    Raises
    ------
    FitError
        The design is larger than the part.
    ToolError
        A tool is missing or failed.
    """
    family = get_family(board)
    versions = {name: tools.version(name) for name in ("yosys", family.place, family.pack)}
    name, text = constraints(board, built.weights is not None)
    sources = {**built.files(), name: text.encode()}
    eased = EASED if family.ease else "as synthesised"
    synth = _Step("synthesis", [built.verilog, _synth(board), versions["yosys"], eased],
                  ["synthesised.json"], use_cache)
    write_files({folder / file: data for file, data in sources.items()})
    (folder / "logs").mkdir(exist_ok=True)
    synth.run(folder, lambda there: _synthesise(there, board, tools, stages), sources)
    runs: list[tuple[Routed, _Step]] = []
    netlist = (folder / "synthesised.json").read_bytes()
    ways = family.ways(folder / "synthesised.json")
    for seed in seeds:
        arguments = [*_place(family, board, built, seed), *ways]
        step = _Step(f"seed {seed}", [
            *synth.facts, text, " ".join(arguments),
            versions[family.place], versions[family.pack],
        ], ["routed.json", "placed.json", family.bitstream], use_cache)
        step.run(folder, partial(_route, family=family, board=board, arguments=arguments, seed=seed,
                                 tools=tools, stages=stages),
                 {name: text.encode(), "synthesised.json": netlist})
        report = json.loads((folder / "placed.json").read_text())
        runs.append((Routed(seed, _fmax(report), report), step))
    best, step = max(runs, key=lambda run: (run[0].fmax_mhz, -run[0].seed))
    step.fetch(folder)
    size = (folder / family.bitstream).stat().st_size
    if built.weights is not None and size > built.weights.flash.weights:
        raise FitError(f"the bitstream of {size:,} bytes reaches into the weights, which begin at "
                       f"{built.weights.flash.weights:,} in the flash")
    return Built(folder, folder / family.bitstream, folder / "synthesised.json",
                 folder / "routed.json", best, tuple(run for run, _ in runs), versions,
                 synth.hit and all(s.hit for _, s in runs))


class _Step:
    """A step whose results are kept under the digest of all that it depends on."""

    def __init__(self, title: str, facts: Sequence[str], results: Sequence[str],
                 use_cache: bool) -> None:
        self.title, self.facts, self.results = title, [*facts], [*results, "logs"]
        digest = hashlib.sha256("\0".join([*facts, *results]).encode()).hexdigest()
        self.place = cache_dir("builds") / digest[:32]
        self.hit = use_cache and self.place.exists()

    def run(self, folder: Path, make: Callable[[Path], None], inputs: dict[str, bytes]) -> None:
        """Make the results, or take them from the cache; they end up in ``folder``."""
        if not self.hit:
            with tempfile.TemporaryDirectory(dir=self.place.parent, prefix=".") as scratch:
                there = Path(scratch) / "work"
                (there / "logs").mkdir(parents=True)
                for name, data in inputs.items():
                    (there / name).write_bytes(data)
                try:
                    make(there)
                finally:
                    shutil.copytree(there / "logs", folder / "logs", dirs_exist_ok=True)
                for path in there.iterdir():
                    if path.name not in self.results:
                        path.unlink()
                if self.place.exists():  # made before, and not wanted from there
                    shutil.rmtree(self.place)
                there.rename(self.place)
        self.fetch(folder)

    def fetch(self, folder: Path) -> None:
        for name in self.results:
            source = self.place / name
            if source.is_dir():
                shutil.copytree(source, folder / name, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, folder / name)


def _synth(board: Board) -> str:
    more = "".join(f" {argument}" for argument in board.part.synth)
    return f"{get_device(board.device).synth_with_pads}{more} -top {BOARD_TOP}"


def _synthesise(folder: Path, board: Board, tools: Tools, stages: Stages) -> None:
    script = f"read_verilog board.v; {_synth(board)}; write_json synthesised.json"
    tools.run("yosys", ["-q", "-l", "logs/yosys.log", "-p", script], folder, "logs/yosys.log",
              yosys_fraction(stages("synthesis (yosys)")))
    ease = get_family(board).ease
    if ease is not None:
        ease(folder / "synthesised.json")


def _place(family: Family, board: Board, built: BoardDesign, seed: int) -> list[str]:
    file, _ = constraints(board, built.weights is not None)
    pins = [argument.format(constraints=file) for argument in family.pins]
    return [*board.part.place, *pins, *family.placed, "--freq", f"{built.clock_hz / 1e6:g}",
            "--seed", str(seed)]


def _route(folder: Path, family: Family, board: Board, arguments: list[str], seed: int,
           tools: Tools, stages: Stages) -> None:
    log = f"logs/nextpnr-{seed}.log"
    try:
        tools.run(family.place, [
            *arguments, "--json", "synthesised.json", "--write",
            "routed.json", "--report", "placed.json", "--timing-allow-fail", "-q", "-l", log,
        ], folder, log, nextpnr_fraction(stages(f"place and route, seed {seed} (nextpnr)")))
    except (ToolError, FitError) as error:
        raise fit_error(error, board.part.name) from None
    done = stages(f"bitstream ({family.pack})")
    tools.run(family.pack, family.pack_arguments(board), folder)
    done(1.0)


def _fmax(report: dict[str, Any]) -> float:
    """Of the slowest clock; the oscillator's own counts where nothing is behind a PLL."""
    return float(min(clock["achieved"] for clock in report["fmax"].values()))

