"""``bnnhw import``: a trained model to net.yaml and weights.npz."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from bnnhw.cli.certificates import print_certificates
from bnnhw.cli.common import print_json
from bnnhw.config.names import check_name
from bnnhw.emit.files import write_files
from bnnhw.errors import ConfigError
from bnnhw.frontend.finn_npz import import_finn_npz
from bnnhw.frontend.imported import Imported
from bnnhw.frontend.network import Network
from bnnhw.frontend.onnx_check import DEFAULT_CHECK, Check
from bnnhw.frontend.onnx_input import INPUT_TYPES
from bnnhw.frontend.qonnx import import_qonnx
from bnnhw.frontend.save import network_files

__all__ = ["NAME", "command", "import_model", "network_of"]

NAME = "import"


def command(
    model: Path = typer.Argument(..., help="QONNX or ONNX file, or a FINN .npz."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder of the network."),
    name: str = typer.Option("", help="Name of the network (default: the folder's)."),
    input_type: str = typer.Option("uint8", "--input", help="What a sample is: uint8 pixels, int8 "
                                   "that the model sees times HI/127, or bits that it sees as -1 "
                                   "and +1."),
    pixel_range: tuple[float, float] = typer.Option(
        (0.0, 1.0), help="What the model sees for pixel 0 and pixel 255."),
    argmax: bool = typer.Option(True, help="Add the label behind the scores."),
    check: bool = typer.Option(True, "--check/--no-check", help="Compare every tensor with an "
                               "independent execution (onnxruntime, qonnx) on random samples."),
    samples: int | None = typer.Option(None, "--check-samples", min=1, help="Random samples of "
                                       "that comparison (default: 16 to 300, some seconds)."),
    json: bool = typer.Option(False, "--json", help="Print the certificate as JSON."),
) -> None:
    """Import a trained network; every threshold is read off the model's own expression.

    Example: bnnhw import model.onnx -o build/tfc
    """
    imported = import_model(model, name or out.name, input_type, pixel_range, argmax,
                            Check(samples) if check else None)
    files = network_files(imported)
    write_files({out / file: data for file, data in files.items()})
    if json:
        print_json({"layers": [c.to_json() for c in imported.certificates],
                    "scores": imported.scores.to_json() if imported.scores else None,
                    "notes": list(imported.notes), "check": imported.check})
        return
    print_certificates(network_of(imported))
    shape = ", ".join(map(str, imported.graph.input.shape))
    print(f"samples: an array [n, {shape}], each of them {imported.graph.input}")
    print(f"wrote {', '.join(str(out / f) for f in files)}")


def network_of(imported: Imported) -> Network:
    """An import as the network that its files will load as."""
    return Network(imported.graph, {}, imported.certificates,
                   imported.scores.to_json() if imported.scores else None, imported.notes,
                   imported.check)


def import_model(model: Path, name: str, input_type: str, pixel_range: tuple[float, float],
                 argmax: bool, check: Check | None = DEFAULT_CHECK) -> Imported:
    """Import by the file's ending, with the network's name made legal."""
    if input_type not in INPUT_TYPES:
        raise ConfigError(f"--input {input_type} must be uint8, int8 or bits")
    if not pixel_range[0] != pixel_range[1]:
        raise ConfigError("--pixel-range needs two different numbers")
    legal = re.sub(r"\W", "_", name)[:40]
    if not legal[:1].isalpha():
        legal = f"net_{legal}"[:40]
    try:
        check_name(legal)
    except ValueError as error:
        raise ConfigError(str(error), where="--name") from None
    if model.suffix == ".npz":
        return import_finn_npz(model, legal, argmax)
    return import_qonnx(model, name=legal, input_type=input_type, pixel_range=pixel_range,
                        argmax=argmax, check=check)
