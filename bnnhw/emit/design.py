"""A generated design: graph, plan and Verilog, with methods to save, simulate and build it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw.arch import Architecture, Rows, get_arch
from bnnhw.arch.base import Image
from bnnhw.arch.simulation import Run, StreamCore
from bnnhw.emit.display import design_facts, design_table
from bnnhw.emit.files import write_files
from bnnhw.emit.manifest import make_manifest, read_manifest, text_digest
from bnnhw.errors import BnnhwError, ConfigError
from bnnhw.families import get_device
from bnnhw.hostlink.wire.weights import WeightImage
from bnnhw.ir import Graph
from bnnhw.json_types import Json
from bnnhw.plan import Goal
from bnnhw.plan.resources import Resources

if TYPE_CHECKING:
    from bnnhw.hostlink.driver.build import Build

__all__ = ["Design", "check_name", "load_design"]


@dataclass(frozen=True, repr=False)
class Design:
    """A generated design: the network that it computes, its Plan and its Verilog.

    Attributes
    ----------
    graph : Graph
        After the passes: what the hardware computes.
    plan : plan of the architecture
    verilog : str
    written : str
        Digest of the network as the user wrote it, before the passes.
    goal : Goal or None
        What the design was generated for, where this process generated it.
    """

    graph: Graph
    plan: Any
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
        check_name(path)
        files = self.files(path)
        write_files(files)
        return tuple(files)

    def simulate(self, x: np.ndarray, engine: str = "verilator", *,
                 stalls: float | tuple[float, float] = 0.0, seed: int = 1,
                 layout: str | None = None,
                 progress: Callable[[str, float], None] | None = None) -> Run:
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
        Run
            With ``outputs`` (int64 arrays by name) and ``cycles``; for streams of frames also
            ``ii`` and ``latency``, in cycles.

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
        return self.architecture.resources(self.plan, get_device(self.plan.device))

    def __repr__(self) -> str:
        return f"<Design {design_facts(self.plan, self.rows, self.resources)}>"

    def _repr_html_(self) -> str:
        return design_table(self.plan, self.rows, self.resources)

    @property
    def architecture(self) -> Architecture[Any]:
        """The architecture that made the plan."""
        return get_arch(self.plan.arch)

    @cached_property
    def rows(self) -> Rows:
        """Description of the plan."""
        return self.architecture.describe(self.plan)

    @cached_property
    def core(self) -> StreamCore:
        """The hardware as simulators drive it."""
        return self.architecture.core(self)

    @cached_property
    def images(self) -> dict[str, Image]:
        """Data that the core loads before its first frame, by file suffix; empty for most."""
        return self.architecture.images(self.plan, self.graph)

    @property
    def image(self) -> WeightImage | None:
        """The weights that the core loads before its first frame; None for most cores."""
        found = self.images.get("weights")
        return found if isinstance(found, WeightImage) else None

    @property
    def digest(self) -> bytes:
        """Digest of the manifest, which identifies the accelerator."""
        return bytes.fromhex(self.manifest("core.v")["manifest_sha256"])

    def manifest(self, verilog_name: str) -> Json:
        """Everything about the design as JSON values; equal designs have equal manifests."""
        described = {**self.rows.manifest, **{
            "load" if name == "weights" else f"load_{name}": image.describe()
            for name, image in self.images.items()}}
        return make_manifest(self.plan, self.graph, described, self.written, self.verilog,
                             verilog_name)

    def files(self, verilog: Path) -> dict[Path, bytes]:
        """Contents of ``out.v``, ``out.json``, and ``out.NAME.bin`` of each image."""
        manifest = json.dumps(self.manifest(verilog.name), indent=1) + "\n"
        return {verilog: self.verilog.encode(), verilog.with_suffix(".json"): manifest.encode(),
                **{verilog.with_suffix(f".{name}.bin"): image.data
                   for name, image in self.images.items()}}


def check_name(path: Path) -> None:
    """Raise ConfigError for the path of a Verilog file that does not end in ``.v``."""
    if path.suffix != ".v":
        raise ConfigError(f"must end in .v, not '{path.suffix}'", where=str(path),
                          hint=f"for example {path.with_suffix('.v')}")


def load_design(path: Path) -> Design:
    """Read a design back from its manifest and its Verilog, which is in the same folder.

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
    except Exception as error:  # a damaged manifest can raise any exception
        raise ConfigError(f"is damaged: {type(error).__name__}", where=str(path),
                          hint="generate the design again") from None
    if Path(name).name != name:
        raise ConfigError(f"names a Verilog file in another folder: '{name}'", where=str(path))
    try:
        verilog = (path.parent / name).read_text()
    except (OSError, ValueError):
        raise ConfigError(f"its Verilog '{name}' is not in the same folder",
                          where=str(path)) from None
    if text_digest(verilog) != digest:
        raise ConfigError(f"'{name}' was changed after it was generated", where=str(path),
                          hint="generate the design again")
    return Design(graph, plan, verilog, written)
