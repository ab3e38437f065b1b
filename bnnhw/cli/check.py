"""``bnnhw check``: layer by layer, what it is and what it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from bnnhw.cli.common import open_network, print_json, print_table
from bnnhw.frontend.fold import Certificate
from bnnhw.frontend.network import Network
from bnnhw.ir import Graph
from bnnhw.ir.layers import Affine, ArgMax, Binarize, Dense, Layer
from bnnhw.passes import run_passes

__all__ = ["NAME", "certificate_rows", "command"]

NAME = "check"


def command(
    network: str = typer.Argument(..., help="Network: folder, layers.yaml, shipped design, or "
                                  ".onnx file."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Check a network without building it; what is wrong is named with its mend.

    Example: bnnhw check build/tfc
    """
    loaded = _load(network)
    graph = loaded.graph
    reduced = run_passes(graph)
    rows = [(layer.name, layer.kind, f"{layer.input} -> {layer.out_type()}",
             _becomes(layer, reduced)) for layer in graph.layers]
    if json:
        print_json({"name": graph.name, "network_sha256": graph.digest(),
                    "layers": [{"layer": r[0], "kind": r[1], "type": r[2], "becomes": r[3]}
                               for r in rows],
                    "certificates": [c.to_json() for c in loaded.certificates]})
        return
    print_table(f"{graph.name}: {len(graph.layers)} layers, all can be built",
                ("layer", "is", "type", "becomes"), rows)
    if loaded.certificates:
        print()
        print_table("fold certificate", ("layer", "channels", "sums", "inverted", "constant",
                                         "ties", "rounding", "order"),
                    certificate_rows(loaded.certificates))
        for c in loaded.certificates:
            if c.rounding or c.order:
                print(f"note: layer '{c.layer}': {c.rounding} thresholds hang on float32 rounding, "
                      f"{c.order} on the order of the framework's sums")
    outputs = ", ".join(f"{name} {kind}" for name, kind in graph.output_types().items())
    print(f"outputs: {outputs}")


def _load(name: str) -> Network:
    if name.endswith(".onnx"):
        from bnnhw.frontend.qonnx import import_qonnx
        imported = import_qonnx(Path(name), name="model")
        return Network(imported.graph, {}, imported.certificates)
    return open_network(name)


def certificate_rows(certificates: Sequence[Certificate]) -> list[tuple[Any, ...]]:
    """One row a certificate, for a table."""
    return [(c.layer, c.channels, c.points, c.complemented, c.constant, c.ties, c.rounding, c.order)
            for c in certificates]


def _becomes(layer: Layer, reduced: Graph) -> str:
    if isinstance(layer, Binarize):
        return f"bit = [pixel >= {layer.threshold}]"
    if isinstance(layer, Dense):
        smaller = reduced.layer(layer.name)
        assert isinstance(smaller, Dense)
        kept = ""
        if (smaller.outputs, smaller.fan_in) != (layer.outputs, layer.fan_in):
            kept = f", {smaller.outputs} x {smaller.fan_in} after constants are dropped"
        if layer.thresholds is None:
            return f"exact sums of {layer.fan_in} products{kept}"
        return f"{layer.outputs} integer thresholds on popcounts of {layer.fan_in}{kept}"
    if isinstance(layer, Affine):
        return "integer scale and offset of each score"
    if isinstance(layer, ArgMax):
        return "label, the lowest index on a tie"
    return layer.kind
