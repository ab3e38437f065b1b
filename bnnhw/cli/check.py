"""``bnnhw check``: shows each layer, and the hardware that it becomes."""

from __future__ import annotations

import typer

from bnnhw.api.loading import network_path
from bnnhw.cli.certificates import print_certificates
from bnnhw.cli.complete import networks
from bnnhw.cli.json_output import print_json
from bnnhw.cli.tables import print_table
from bnnhw.emit.generate import plan_network
from bnnhw.families import get_device
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.registry import load_any
from bnnhw.plan import Goal

__all__ = ["NAME", "command"]

NAME = "check"


def command(
    network: str = typer.Argument(..., autocompletion=networks, help="Network: folder, "
                                  "layers.yaml, shipped design, or trained model."),
    input_type: str = typer.Option("uint8", "--input", help="For a trained model: see 'import'."),
    pixel_range: tuple[float, float] = typer.Option((0.0, 1.0), help="For a trained model: see "
                                                    "'import'."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Check a network without building it; what is wrong is named with its mend.

    Example: bnnhw check build/tfc
    """
    loaded = load_any(network_path(network), ImportOptions("model", input_type, pixel_range))
    graph = loaded.graph
    reduced, plan = plan_network(loaded, "streaming", get_device("generic"), Goal())
    rows = [(layer.name, layer.kind, f"{layer.input} -> {layer.out_type()}",
             layer.hardware(reduced.layer(layer.name))) for layer in graph.layers]
    if json:
        print_json("bnnhw.check/1", {
                    "network": graph.name, "network_sha256": graph.digest(),
                    "layers": [{"layer": r[0], "kind": r[1], "type": r[2], "becomes": r[3]}
                               for r in rows],
                    "certificates": [c.to_json() for c in loaded.certificates],
                    "scores": loaded.scores, "notes": list(loaded.notes),
                    "check": loaded.check, "cycles_per_frame": plan.ii,
                    "latency_cycles": plan.latency})
        return
    print_table(f"{graph.name}: {len(graph.layers)} layers, all can be built",
                ("layer", "is", "type", "becomes"), rows)
    print(f"{plan.ii} cycles per frame and a latency of {plan.latency} as '{plan.arch}', unless "
          "'generate' is given another goal or architecture")
    print()
    print_certificates(loaded)
    outputs = ", ".join(f"{name} {kind}" for name, kind in graph.output_types().items())
    print(f"outputs: {outputs}")
