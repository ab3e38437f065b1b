"""Determines which layers of a layers.yaml are outputs of the network, and their names."""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.errors import ConfigError
from bnnhw.importers.yaml.schema import NetConfig
from bnnhw.ir.layer import Layer

__all__ = ["declared_outputs", "gives_scores"]


def gives_scores(layers: Sequence[Layer]) -> bool:
    """Whether the first of these last layers of a network replaces its output ``scores``."""
    return layers[0].replaces_scores and all(layer.follows_scores for layer in layers)


def declared_outputs(config: NetConfig, layers: list[Layer]) -> dict[str, str]:
    """Return the outputs and the layers that give them, in the order of the items.

    The last layer is always an output. Layers such as ``affine`` replace the output ``scores`` at
    the end of a network. Unless ``outputs`` names all outputs, every layer must be read.

    Parameters
    ----------
    config : NetConfig
    layers : list of Layer
        The layer of each item, after one for the key ``input.threshold`` if it is given.

    Raises
    ------
    ConfigError
        Two outputs have one name, or nothing reads a layer.
    """
    if config.outputs:
        return dict(config.outputs)
    outputs: dict[str, str] = {}
    described = layers[-len(config.layers):]
    for k, (item, layer) in enumerate(zip(config.layers, described, strict=True)):
        output = item.output or ("scores" if gives_scores(described[k:]) else None)
        if output is None and layer is described[-1] and layer.name not in outputs.values():
            output = layer.output_name()
        if output is None:
            continue
        replaced = layer.replaces_scores and layer.sources == (outputs.get(output),)
        if output in outputs and not replaced:
            raise ConfigError(f"its output is '{output}', and so is that of '{outputs[output]}'",
                              where=f"layer '{layer.name}'", hint="give one of them another "
                              "'output'; 'sums: true' gives raw sums to the next layer only")
        outputs[output] = layer.name
    _check_all_read(layers, outputs)
    return outputs


def _check_all_read(layers: list[Layer], outputs: dict[str, str]) -> None:
    read = {source for layer in layers for source in layer.sources} | set(outputs.values())
    for layer in layers:
        if layer.name not in read:
            raise ConfigError("nothing reads it", where=f"layer '{layer.name}'",
                              hint=f"read it by 'from: {layer.name}', give it an 'output', or "
                              "remove it")
