"""``bnnhw compare``: compares a network with the float model that it was imported from."""

from __future__ import annotations

from pathlib import Path

import typer

from bnnhw.api.arrays import read_samples
from bnnhw.api.opening import open_network
from bnnhw.cli.common import LAYOUT_HELP
from bnnhw.cli.complete import layouts, networks
from bnnhw.cli.json_output import print_json
from bnnhw.cli.tables import print_table
from bnnhw.errors import MismatchError
from bnnhw.importers.comparison import COLUMNS, OUTPUT_COLUMNS

__all__ = ["NAME", "command"]

NAME = "compare"


def command(
    network: str = typer.Argument(..., autocompletion=networks,
                                  help="Network that was imported."),
    model: Path = typer.Argument(..., help="ONNX or QONNX file that it was imported from."),
    inputs: Path = typer.Option(..., help="Samples: .npy, [n, ...], integers as the network "
                                "reads."),
    pixel_range: tuple[float, float] = typer.Option(
        (0.0, 1.0), help="What the model sees for pixel 0 and pixel 255."),
    layout: str | None = typer.Option(None, autocompletion=layouts, help=LAYOUT_HELP),
    json: bool = typer.Option(False, "--json", help="Print the comparison as JSON."),
) -> None:
    """Compare each layer with its tensor in the model; exit code 5 if one differs.

    Example: bnnhw compare build/tfc model.onnx --inputs digits.npy
    """
    net = open_network(network)
    comparison = net.compare(model, read_samples(inputs, net.graph, layout),
                             pixel_range=pixel_range)
    if json:
        print_json("bnnhw.compare/1", comparison.to_json())
    else:
        print_table("tensors", COLUMNS, comparison.rows())
        print_table("outputs", OUTPUT_COLUMNS, comparison.output_rows())
        print(comparison.verdict())
    if not comparison.equal:
        first = comparison.first
        raise MismatchError(comparison.verdict(), result=comparison,
                            layer=None if first is None else first.layer)
