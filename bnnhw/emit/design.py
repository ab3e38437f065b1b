"""A generated design: Verilog and its manifest, which holds all that others need to know."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw.arch import get_arch
from bnnhw.emit.display import design_facts, design_table
from bnnhw.emit.files import write_files
from bnnhw.emit.manifest import make_manifest, read_manifest, text_digest, verilog_header
from bnnhw.emit.verilog import convert
from bnnhw.errors import BnnhwError, ConfigError
from bnnhw.families import Device, get_device
from bnnhw.hostlink.wire.weights import WeightImage
from bnnhw.importers.network import Network
from bnnhw.ir import Graph
from bnnhw.passes import run_passes
from bnnhw.plan import Goal, Plan
from bnnhw.plan.fit import fit_hints
from bnnhw.plan.goal_check import plan_goal
from bnnhw.plan.image import weight_image
from bnnhw.plan.resources import Resources, resources

if TYPE_CHECKING:
    from bnnhw.hostlink.driver.build import Build
    from bnnhw.sim.jobs import JobRun
    from bnnhw.sim.simulate import Simulation

__all__ = ["Design", "Stages", "design_of", "generate", "load_design", "plan_network"]

Stages = Callable[[str], Callable[[float], None]]
"""Announces a stage, and returns what takes the fraction of it that is done."""


@dataclass(frozen=True, repr=False)
class Design:
    """A generated design: the network that it computes, its Plan and its Verilog.

    Attributes
    ----------
    graph : Graph
        After the passes: what the hardware computes.
    plan : Plan
    verilog : str
    written : str
        Digest of the network as the user wrote it, before the passes.
    goal : Goal or None
        What the design was generated for, where this process generated it.
    """

    graph: Graph
    plan: Plan
    verilog: str
    written: str = ""
    goal: Goal | None = field(default=None, compare=False)

    @classmethod
    def load(cls, path: str | Path) -> Design:
        """Read a saved design back from its manifest, or from the Verilog next to it.

        Raises
        ------
        ConfigError
            A file is missing, damaged or of another version, or they do not belong together.
        """
        path = Path(path)
        return load_design(path.with_suffix(".json") if path.suffix == ".v" else path)

    def save(self, path: str | Path) -> tuple[Path, ...]:
        """Write ``NAME.v``, its manifest ``NAME.json``, and ``NAME.weights.bin`` if it loads any.

        Parameters
        ----------
        path : str or Path
            Verilog file; it ends in ``.v``.

        Returns
        -------
        tuple of Path
            The files that were written.

        Raises
        ------
        ConfigError
            The path does not end in ``.v``, or cannot be written.
        """
        path = Path(path)
        if path.suffix != ".v":
            raise ConfigError(f"must end in .v, not '{path.suffix}'", where=str(path),
                              hint=f"for example {path.with_suffix('.v')}")
        files = self.files(path)
        write_files(files)
        return tuple(files)

    def simulate(self, x: np.ndarray, engine: str = "verilator", *,
                 stalls: float | tuple[float, float] = 0.0, seed: int = 1,
                 layout: str | None = None,
                 progress: Callable[[str, float], None] | None = None) -> Simulation | JobRun:
        """Simulate the design on samples, and compare every output with the golden model.

        Parameters
        ----------
        x : integer array [n, *input.shape]
            Samples: the integers that the network reads.
        engine : str
            ``verilator`` (compiled, fast), ``cocotb`` or ``pysim`` (the Amaranth component).
        stalls : float or (float, float)
            Chance, from 0 to below 1, that a cycle has no input word and that it does not accept
            an output word.
        seed : int
            Seed of the stalls.
        layout : str or None
            ``NHWC`` (default) or ``NCHW``, which is transposed.
        progress : callable or None
            Called as ``progress(stage, fraction)``.

        Returns
        -------
        Simulation or JobRun
            With ``outputs`` (int64 arrays by name) and ``cycles``; of streams also ``ii`` and
            ``latency``, in cycles.

        Raises
        ------
        MismatchError
            The hardware differs from the golden model, at ``error.layer``, ``error.frame`` and
            ``error.channel``; ``error.result`` is the run.
        ToolError
            The simulator is not installed.
        """
        from bnnhw.api.simulation import simulate_design

        return simulate_design(self, x, engine, stalls, seed, layout, progress)

    def build(self, board: str, *, clock_mhz: float | None = None, baud: int | None = None,
              seeds: Sequence[int] = (1,), out: str | Path = "build", tools: str = "yowasp",
              cache: bool = True, progress: Callable[[str, float], None] | None = None) -> Build:
        """Build a bitstream for a board: host link, synthesis, place and route, packing.

        Parameters
        ----------
        board : str
            ``bnnhw.boards()`` lists them. The design must be generated for the board's device.
        clock_mhz : float or None
            Clock; by default that of the design's goal, else the board's.
        baud : int or None
            Bits per second on the serial line; by default the board's.
        seeds : sequence of int
            Placer seeds to try; the fastest result is kept.
        out : str or Path
            Folder; files go to ``out/NETWORK/BOARD``.
        tools : str
            ``yowasp`` (from pip) or ``native`` (on PATH).
        cache : bool
            Reuse the results of equal inputs.
        progress : callable or None
            Called as ``progress(stage, fraction)``.

        Raises
        ------
        FitError
            The design and its host link are larger than the part.
        TimingError
            The clock is missed; ``error.result`` is the build.
        ToolError
            A tool is missing or failed.
        """
        from bnnhw.api.building import build_design

        return build_design(self, board, clock_mhz, baud, seeds, Path(out), tools, cache, progress)

    @cached_property
    def resources(self) -> Resources | None:
        """Estimate of what the design needs of its device; None where nothing was measured."""
        if get_arch(self.plan.arch).jobs:
            return None
        return resources(self.plan, get_device(self.plan.device))

    def __repr__(self) -> str:
        return f"<Design {design_facts(self.plan, self.resources)}>"

    def _repr_html_(self) -> str:
        return design_table(self.plan, self.resources)

    @cached_property
    def image(self) -> WeightImage | None:
        """What the core has to load before its first frame; None for most cores: nothing."""
        jobs = get_arch(self.plan.arch).jobs
        return None if jobs else weight_image(self.plan, self.graph)

    @property
    def digest(self) -> bytes:
        """Names the accelerator, as ``core.json`` does."""
        return bytes.fromhex(self.manifest("core.v")["manifest_sha256"])

    def manifest(self, verilog_name: str) -> dict[str, Any]:
        """Everything about the design as JSON values; equal designs have equal manifests."""
        return make_manifest(self.plan, self.graph, self.image, self.written, self.verilog,
                             verilog_name)

    def files(self, verilog: Path) -> dict[Path, bytes]:
        """Contents of ``out.v`` and ``out.json``, and of ``out.weights.bin`` where it loads any."""
        manifest = json.dumps(self.manifest(verilog.name), indent=1) + "\n"
        image = {} if self.image is None else \
            {verilog.with_suffix(".weights.bin"): self.image.data}
        return {verilog: self.verilog.encode(), verilog.with_suffix(".json"): manifest.encode(),
                **image}


def plan_network(network: Network, arch_name: str, device: Device, goal: Goal,
                 stages: Stages | None = None) -> tuple[Graph, Plan]:
    """Run the passes and plan what they leave."""
    arch = get_arch(arch_name)
    graph = run_passes(network.graph)
    hints = fit_hints(network.hints, network.graph, graph)
    if stages is None or not arch.searches:
        return graph, plan_goal(lambda goal: arch.plan(graph, hints, device, goal), goal)
    told: list[Callable[[float], None]] = []

    def report(fraction: float) -> None:
        if not told:  # not before a search begins: what cannot be planned says no more than why
            told.append(stages("search for shared sums"))
        told[0](fraction)

    return graph, arch.plan(graph, hints, device, goal, report)


def generate(network: Network, arch_name: str, device: Device, goal: Goal,
             stages: Stages | None = None) -> Design:
    """Plan a network and write its Verilog.

    Parameters
    ----------
    stages : callable or None
        Is told of the stages that can take seconds.
    """
    _, plan = plan_network(network, arch_name, device, goal, stages)
    if stages is not None:
        stages("prove and write Verilog")
    return design_of(network, arch_name, plan)


def design_of(network: Network, arch_name: str, plan: Plan) -> Design:
    """Write the Verilog of a plan that was made for the network."""
    graph = run_passes(network.graph)
    body = convert(get_arch(arch_name).elaborate(plan, graph))
    written = network.graph.digest()
    return Design(graph, plan, verilog_header(plan, written) + body, written)


def load_design(path: Path) -> Design:
    """Read a design back from its manifest and the Verilog beside it.

    Raises
    ------
    ConfigError
        A file is missing, is no manifest of this version, or they do not belong together.
    """
    data = read_manifest(path)
    try:
        graph = Graph.from_json(data["network"])
        plan = get_arch(data["arch"]).load_plan(data["plan"])
        name, digest = str(data["verilog"]["file"]), data["verilog"]["sha256"]
        written = str(data["network_sha256"])
    except BnnhwError:
        raise
    except Exception as error:  # a damaged manifest can fail in any way
        raise ConfigError(f"is damaged: {type(error).__name__}", where=path.name,
                          hint="generate the design again") from None
    if Path(name).name != name:
        raise ConfigError(f"names a Verilog file in another folder: '{name}'", where=path.name)
    try:
        verilog = (path.parent / name).read_text()
    except (OSError, ValueError):
        raise ConfigError(f"its Verilog '{name}' is not beside it", where=path.name) from None
    if text_digest(verilog) != digest:
        raise ConfigError(f"'{name}' was changed after it was generated", where=path.name,
                          hint="generate the design again")
    return Design(graph, plan, verilog, written)
