"""Builds the bitstream of a board: synthesis, place and route with several seeds, packing."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bnnhw.caches import cache_dir
from bnnhw.emit.board import BOARD_TOP, BoardDesign
from bnnhw.emit.files import write_files
from bnnhw.errors import FitError
from bnnhw.families.flow import Flow
from bnnhw.platforms.base import Board
from bnnhw.tools.nextpnr import Routed, nextpnr_arguments, run_nextpnr, synthesise_flat
from bnnhw.tools.stages import Stages
from bnnhw.tools.too_large import UnroutableError
from bnnhw.tools.tools import Tools

__all__ = ["Built", "build"]


@dataclass(frozen=True)
class Built:
    """The files and results of a build.

    Attributes
    ----------
    folder : Path
    bitstream : Path
    synthesised, routed : Path
        Netlists, as JSON of Yosys and of nextpnr.
    best : Routed
        The run with the highest fmax, which the bitstream is from.
    seeds : tuple of Routed
        All runs of place and route.
    tools : dict of str to str
        Versions of the tools by program.
    cached : bool
        All results came from the cache.
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
    """Build a bitstream from the fastest of several runs of place and route.

    A seed whose placement cannot be routed is skipped. If all of them are, the next number is tried
    as one more seed.

    Parameters
    ----------
    built : BoardDesign
    board : Board
    folder : Path
        Receives the design, the constraints, both netlists, the logs and the bitstream.
    seeds : sequence of int
        Seeds of the placer, one run each.
    tools : Tools
    stages : Stages
    use_cache : bool
        Reuse cached results of equal inputs.

    Raises
    ------
    FitError
        The design is larger than the part, or the bitstream overlaps the weights in the flash.
    UnroutableError
        No placement can be routed.
    ToolError
        A tool is missing or failed.
    """
    flow = board.family.need_flow()
    nextpnr, packer = flow.place_and_route, flow.packer
    versions = {"yosys": tools.version("yosys"),
                **{tool.program: tools.version(tool) for tool in (nextpnr.tool, packer.tool)}}
    name, text = board.constraints(built.weights is not None)
    sources = {**built.files(), name: text.encode()}
    eased = "as synthesised" if nextpnr.ease is None else nextpnr.ease[0]
    synth = _Cached("synthesis", [built.verilog, _synth(board), versions["yosys"], eased],
                  ["synthesised.json"], use_cache)
    write_files({folder / file: data for file, data in sources.items()})
    (folder / "logs").mkdir(exist_ok=True)
    synth.run(folder, lambda there: _synthesise(there, board, tools, stages), sources)
    runs: list[tuple[Routed, _Cached]] = []
    netlist = (folder / "synthesised.json").read_bytes()
    options = nextpnr.options_for(folder / "synthesised.json")
    files = [*(argument.format(constraints=name) for argument in nextpnr.constrained),
             *nextpnr.outputs]
    spare = max(seeds) + 1
    for seed in (*seeds, spare):
        if seed == spare and runs:
            break
        arguments = nextpnr_arguments(board.part, files, built.clock_hz / 1e6, seed, options)
        step = _Cached(f"seed {seed}", [
            *synth.facts, text, " ".join(arguments),
            versions[nextpnr.tool.program], versions[packer.tool.program],
        ], ["routed.json", "placed.json", packer.file], use_cache)
        try:
            step.run(folder, partial(_route, flow=flow, board=board, arguments=arguments, seed=seed,
                                     tools=tools, stages=stages),
                     {name: text.encode(), "synthesised.json": netlist})
        except UnroutableError:
            if seed == spare:
                raise
            stages.fail("cannot be routed")
            continue
        runs.append((Routed.read(seed, folder / "placed.json"), step))
    best, step = max(runs, key=lambda run: (run[0].fmax_mhz, -run[0].seed))
    step.fetch(folder)
    size = (folder / packer.file).stat().st_size
    if built.weights is not None and size > built.weights.flash.weights:
        raise FitError(f"the bitstream of {size:,} bytes overlaps the weights, which begin at byte "
                       f"{built.weights.flash.weights:,} of the flash")
    return Built(folder, folder / packer.file, folder / "synthesised.json",
                 folder / "routed.json", best, tuple(run for run, _ in runs), versions,
                 synth.hit and all(s.hit for _, s in runs))


class _Cached:
    """Files that a stage makes, in a cache under the digest of everything that they depend on."""

    def __init__(self, title: str, facts: Sequence[str], results: Sequence[str],
                 use_cache: bool) -> None:
        self.title, self.facts, self.results = title, [*facts], [*results, "logs"]
        digest = hashlib.sha256("\0".join([*facts, *results]).encode()).hexdigest()
        self.cached = cache_dir("builds") / digest[:32]
        self.hit = use_cache and self.cached.exists()

    def run(self, folder: Path, make: Callable[[Path], None], inputs: dict[str, bytes]) -> None:
        """Make the files unless the cache has them, and copy them to ``folder``."""
        if not self.hit:
            with tempfile.TemporaryDirectory(dir=self.cached.parent, prefix=".") as scratch:
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
                if self.cached.exists():  # of an earlier build; this one was not to use it
                    shutil.rmtree(self.cached)
                there.rename(self.cached)
        self.fetch(folder)

    def fetch(self, folder: Path) -> None:
        """Copy the files from the cache to ``folder``."""
        for name in self.results:
            source = self.cached / name
            if source.is_dir():
                shutil.copytree(source, folder / name, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, folder / name)


def _synth(board: Board) -> str:
    more = "".join(f" {argument}" for argument in board.part.synth)
    return f"{board.family.need_synthesis().with_pads}{more} -top {BOARD_TOP}"


def _synthesise(folder: Path, board: Board, tools: Tools, stages: Stages) -> None:
    synthesise_flat(folder, "board.v", "synthesised.json", _synth(board),
                    board.family.need_flow().place_and_route, tools, stages("synthesis (yosys)"))


def _route(folder: Path, flow: Flow, board: Board, arguments: list[str], seed: int, tools: Tools,
           stages: Stages) -> None:
    run_nextpnr(folder, flow.place_and_route, board.part, "synthesised.json", arguments, tools,
                stages(f"place and route, seed {seed} (nextpnr)"), ("--write", "routed.json"),
                f"logs/nextpnr-{seed}.log")
    tool = flow.packer.tool
    done = stages(f"bitstream ({tool.program})")
    tools.run(tool, flow.packer.arguments(board.part), folder)
    done(1.0)
