"""Which layers of layers.yaml hand their results out, and under which names."""

from __future__ import annotations

from bnnhw.errors import ConfigError
from bnnhw.importers.yaml.schema import NetConfig
from bnnhw.ir import Bits
from bnnhw.layers import Layer

__all__ = ["declared_outputs", "default_output", "is_tail"]

TAIL = ("affine", "argmax")


def is_tail(kinds: list[str]) -> bool:
    """Whether an affine layer with these kinds behind it gives the scores of the network."""
    return all(kind in TAIL for kind in kinds)


def default_output(layer: Layer) -> str:
    """Name of the last layer's result, where it has none of its own."""
    if layer.kind == "argmax":
        return "label"
    return "bits" if isinstance(layer.out_type().element, Bits) else "scores"


def declared_outputs(config: NetConfig, layers: list[Layer]) -> dict[str, str]:
    """Outputs and the layers that give them, in the order of the items.

    The last layer is always an output. An affine layer at the tail takes over the output
    ``scores``. A layer that nobody reads is refused, unless ``outputs`` names them all.
    """
    if config.outputs:
        return dict(config.outputs)
    names = config.names()
    kinds = [item.kind for item in config.layers]
    sources = {layer.name: layer.sources for layer in layers}
    outputs: dict[str, str] = {}
    for k, (item, name) in enumerate(zip(config.layers, names, strict=True)):
        scores = "scores" if item.kind == "affine" and is_tail(kinds[k:]) else None
        output = item.output or scores
        if output is None and k == len(names) - 1 and name not in outputs.values():
            output = default_output(layers[-1])
        if output is None:
            continue
        taken_over = item.kind == "affine" and sources[name] == (outputs.get(output),)
        if output in outputs and not taken_over:
            raise ConfigError(f"its output is '{output}', and so is that of '{outputs[output]}'",
                              where=f"layer '{name}'", hint="give one of them another 'output'; "
                              "'sums: true' hands raw sums to the next layer only")
        outputs[output] = name
    _refuse_unread(layers, outputs)
    return outputs


def _refuse_unread(layers: list[Layer], outputs: dict[str, str]) -> None:
    read = {source for layer in layers for source in layer.sources} | set(outputs.values())
    for layer in layers:
        if layer.name not in read:
            raise ConfigError("nothing reads it", where=f"layer '{layer.name}'",
                              hint=f"read it by 'from: {layer.name}', give it an 'output', or "
                              "remove it")
