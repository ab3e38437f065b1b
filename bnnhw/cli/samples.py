"""``bnnhw samples``: writes samples to run a network on."""

from __future__ import annotations

from pathlib import Path

import typer

from bnnhw.api.opening import open_graph
from bnnhw.api.samples import RANDOM_COUNT, choose_samples
from bnnhw.cli.complete import networks
from bnnhw.cli.json_output import print_json
from bnnhw.config.npy import npy_bytes
from bnnhw.emit.files import write_files
from bnnhw.errors import ConfigError

__all__ = ["NAME", "command"]

NAME = "samples"


def command(
    network: str = typer.Argument(..., autocompletion=networks,
                                  help="Network, shipped design, or manifest of a design."),
    out: Path = typer.Option(..., "-o", "--out", help="File for the samples: .npy, [n, ...]."),
    count: int | None = typer.Option(None, "-n", min=1, help="Number of samples (default: all "
                                     f"real ones, or {RANDOM_COUNT} random ones)."),
    labels: Path | None = typer.Option(None, help="File for the true labels of real samples "
                                       "(.npy)."),
    random: bool = typer.Option(False, "--random", help="Random samples, also where there are "
                                "real ones."),
    seed: int = typer.Option(1, help="Seed of the random samples."),
    json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Write samples that a network accepts: real ones of a trained design, else random ones.

    Example: bnnhw samples mnist_tfc -o digits.npy --labels labels.npy
    """
    for path in (out, labels):
        if path is not None and path.suffix != ".npy":
            raise ConfigError(f"must end in .npy, not '{path.suffix}'", where=str(path))
    graph = open_graph(network)
    found = choose_samples(network, graph, count, random=random, seed=seed,
                           labels=labels is not None)
    x, files = found.x, {out: npy_bytes(found.x)}
    if labels is not None and found.labels is not None:
        files[labels] = npy_bytes(found.labels)
    write_files(files)
    if json:
        print_json("bnnhw.samples/1", {
            "network": graph.name, "samples": len(x), "shape": list(x.shape[1:]),
            "source": found.source, "files": [str(path) for path in files]})
    else:
        print(f"{len(x):,} {found.source} {list(x.shape)} -> {', '.join(map(str, files))}")
