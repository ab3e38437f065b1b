"""``bnnhw import``: converts a trained model to net.yaml and weights.npz."""

from __future__ import annotations

from pathlib import Path

import typer
from pydantic import TypeAdapter

from bnnhw.cli.certificates import print_certificates
from bnnhw.cli.json_output import print_json
from bnnhw.config.fields import Name
from bnnhw.emit.files import write_files
from bnnhw.errors import ConfigError
from bnnhw.importers.base import Check, ImportOptions, legal_name
from bnnhw.importers.registry import import_model
from bnnhw.importers.save import network_files

__all__ = ["NAME", "command"]

NAME = "import"


def command(
    model: Path = typer.Argument(..., help="ONNX or QONNX file, .h5 or .keras file of "
                                "Keras, .npz of FINN, or .pt of PyTorch with "
                                "--layers."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder of the network."),
    name: str = typer.Option("", help="Name of the network (default: the folder's)."),
    input_type: str = typer.Option("uint8", "--input", help="What a sample is: uint8 pixels, int8 "
                                   "that the model sees times HI/127, or bits that it sees as -1 "
                                   "and +1."),
    pixel_range: tuple[float, float] = typer.Option(
        (0.0, 1.0), help="What the model sees for pixel 0 and pixel 255."),
    argmax: bool = typer.Option(True, help="Add an output with the label, after the scores."),
    check: bool = typer.Option(True, "--check/--no-check", help="Compare every tensor with an "
                               "independent execution (onnxruntime, qonnx; for Keras, numpy) on "
                               "random samples."),
    samples: int | None = typer.Option(None, "--check-samples", min=1, help="Random samples of "
                                       "that comparison (default: 16 to 300, some seconds)."),
    layers: Path | None = typer.Option(None, help="Description of the layers of a PyTorch state "
                                       "dict (YAML)."),
    json: bool = typer.Option(False, "--json", help="Print the certificate as JSON."),
) -> None:
    """Import a trained network; every threshold is derived from the arithmetic of the model.

    Example: bnnhw import model.onnx -o build/tfc
    """
    legal = _checked(name, "is no name for a network") if name else _from_folder(out.name)
    network = import_model(model, ImportOptions(legal, input_type, pixel_range, argmax,
                                                Check(samples) if check else None, layers))
    files = network_files(network)
    write_files({out / file: data for file, data in files.items()})
    if json:
        print_json("bnnhw.import/1", {
            "network": legal, "certificates": [c.to_json() for c in network.certificates],
            "scores": network.scores,
            "notes": list(network.notes), "check": network.check,
            "files": [str(out / file) for file in files]})
        return
    print_certificates(network)
    shape = ", ".join(map(str, network.graph.input.shape))
    print(f"samples: an array [n, {shape}], each of them {network.graph.input}")
    print(f"wrote {', '.join(str(out / f) for f in files)}")
    if not name and legal != out.name:
        print(f"the network's name is '{legal}'; --name gives it another")


def _from_folder(folder: str) -> str:
    """Make a legal name for a network from the name of its folder."""
    legal = legal_name(folder)
    return _checked(legal, f"is made from the folder '{folder}' and is no name for a network")


def _checked(name: str, problem: str) -> str:
    """Return a legal name.

    Raises
    ------
    ConfigError
        It is not a legal name; the message names the option ``--name``.
    """
    try:
        TypeAdapter(Name).validate_python(name)
    except ValueError:
        raise ConfigError(f"'{name}' {problem}", where="--name",
                          hint="use a letter, then letters, digits and '_', at most 40 in all, and "
                          "no word of Verilog") from None
    return name
