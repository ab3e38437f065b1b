"""Reads the configuration of a Keras model: its layers, and which tensors each of them reads.

Sequential and functional models of Keras 2 and Keras 3 are supported. A layer that a model calls
several times is one layer with several calls, which share the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bnnhw.errors import ModelError
from bnnhw.importers.keras.options import Options, bare_class

__all__ = ["Call", "LayerConfig", "ModelConfig", "read_model_config"]

MAX_LAYERS = 10_000

FUNCTIONAL = ("Functional", "Model")


@dataclass(frozen=True)
class LayerConfig:
    """A layer of the model.

    Attributes
    ----------
    name, class_name : str
    options : Options
    """

    name: str
    class_name: str
    options: Options


@dataclass(frozen=True)
class Call:
    """One use of a layer.

    Attributes
    ----------
    tensor : str
        Name of the result: the layer's name, with ``:1``, ``:2``, ... for further calls.
    layer : LayerConfig
    sources : tuple of str
        Tensors that it reads.
    """

    tensor: str
    layer: LayerConfig
    sources: tuple[str, ...]


@dataclass(frozen=True)
class ModelConfig:
    """A model without its weights.

    Attributes
    ----------
    layers : tuple of LayerConfig
        In the order of the file, which is that of the weights.
    calls : tuple of Call
        In topological order, without the input.
    input_name : str
        Tensor of the input.
    input_shape : tuple of int
        Without the batch.
    outputs : tuple of str
        Tensors.
    """

    layers: tuple[LayerConfig, ...]
    calls: tuple[Call, ...]
    input_name: str
    input_shape: tuple[int, ...]
    outputs: tuple[str, ...]


def read_model_config(data: object) -> ModelConfig:
    """Read the JSON of a model.

    Raises
    ------
    ModelError
        It is malformed, no Sequential or functional model, or contains another model.
    """
    kind, config = _class_and_config(data, "model")
    items = config.get("layers")
    if kind not in ("Sequential", *FUNCTIONAL):
        raise ModelError(f"is of the class '{kind}', expected Sequential or Functional",
                         where="model", hint="build the model with tf.keras.Sequential or "
                         "tf.keras.Model(inputs, outputs): only these store their layers")
    if not isinstance(items, list) or not 0 < len(items) <= MAX_LAYERS:
        raise ModelError(f"has no list of 1 to {MAX_LAYERS} layers", where="model")
    layers = tuple(_layer(item, k) for k, item in enumerate(items))
    names = [layer.name for layer in layers]
    if len(set(names)) != len(names):
        raise ModelError("has two layers of the same name", where="model")
    if kind == "Sequential":
        return _sequential(config, layers)
    return _functional(config, layers, items)


def _class_and_config(data: object, where: str) -> tuple[str, dict[str, object]]:
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        raise ModelError("has no configuration of a class", where=where)
    config = {str(key): value for key, value in data["config"].items()}
    return bare_class(data.get("class_name"), where), config


def _layer(item: object, k: int) -> LayerConfig:
    where = f"layer {k}"
    kind, config = _class_and_config(item, where)
    assert isinstance(item, dict)
    name = config.get("name", item.get("name"))
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise ModelError("has no name", where=where)
    where = f"layer '{name}' ({kind})"
    if kind in ("Sequential", *FUNCTIONAL):
        raise ModelError("is a model inside of the model, which is not supported", where=where,
                         hint="call the layers of the inner model one by one when you build the "
                         "outer one")
    if "batch_input_shape" not in config and isinstance(item.get("build_config"), dict):
        config["built_shape"] = item["build_config"].get("input_shape")
    return LayerConfig(name, kind, Options(where, config))


def _input_shape(layer: LayerConfig) -> tuple[int, ...] | None:
    """Return the shape that a layer states for the input of the model, without the batch."""
    for key in ("batch_shape", "batch_input_shape", "built_shape"):
        shape = layer.options.values.get(key)
        if isinstance(shape, (list, tuple)) and len(shape) > 1:
            sizes = shape[1:]
            if any(not isinstance(n, int) or n < 1 for n in sizes):
                raise layer.options.error(
                    f"has the input shape {list(shape)}, expected a known size for each axis but "
                    "the batch", "build the model with a fixed input shape")
            return tuple(sizes)
    return None


def _sequential(config: dict[str, object], layers: tuple[LayerConfig, ...]) -> ModelConfig:
    first = layers[0]
    shape = _input_shape(first)
    if shape is None:
        built = config.get("build_input_shape")
        shape = _input_shape(LayerConfig(first.name, first.class_name, Options(
            first.options.where, {"batch_shape": built})))
    if shape is None:
        raise ModelError("does not state the shape of its input", where="model",
                         hint="begin the model with tf.keras.Input(shape=...) and save it again")
    has_input = first.class_name == "InputLayer"
    source = first.name if has_input else "model_input"
    name = source
    calls = []
    for layer in layers[has_input:]:
        calls.append(Call(layer.name, layer, (source,)))
        source = layer.name
    return ModelConfig(layers, tuple(calls), name, shape, (source,))


def _functional(config: dict[str, object], layers: tuple[LayerConfig, ...],
                items: list[object]) -> ModelConfig:
    inputs = [_history(entry, "model") for entry in _entries(config.get("input_layers"))]
    outputs = tuple(_history(entry, "model") for entry in _entries(config.get("output_layers")))
    if len(inputs) != 1 or not outputs:
        raise ModelError(f"has {len(inputs)} inputs and {len(outputs)} outputs, expected one "
                         "input and at least one output", where="model")
    calls: dict[str, Call] = {}
    shape = None
    for layer, item in zip(layers, items, strict=True):
        assert isinstance(item, dict)
        if layer.class_name == "InputLayer":
            if layer.name == inputs[0]:
                shape = _input_shape(layer)
            continue
        nodes = item.get("inbound_nodes")
        for k, node in enumerate(nodes if isinstance(nodes, list) else []):
            tensor = layer.name if k == 0 else f"{layer.name}:{k}"
            sources = tuple(_sources(node, layer.options.where))
            calls[tensor] = Call(tensor, layer, sources)
    if shape is None:
        raise ModelError(f"does not state the shape of its input '{inputs[0]}'", where="model")
    return ModelConfig(layers, tuple(_ordered(calls, inputs[0], outputs)), inputs[0], shape,
                       outputs)


def _entries(value: object) -> list[object]:
    """Return a list of ``[layer, call, tensor]``; Keras 3 writes a single one without a list."""
    if not isinstance(value, list):
        return []
    return [value] if value and isinstance(value[0], str) else value


def _history(entry: object, where: str) -> str:
    """Return the tensor that ``[layer, call, tensor]`` means."""
    if not isinstance(entry, (list, tuple)) or len(entry) < 3:
        raise ModelError("has a malformed connection", where=where)
    name, call, output = entry[:3]
    if not isinstance(name, str) or not isinstance(call, int) or output != 0 or call < 0:
        raise ModelError(f"reads {list(entry[:3])!r}, expected the only output of a layer",
                         where=where)
    return name if call == 0 else f"{name}:{call}"


def _sources(node: object, where: str) -> Iterator[str]:
    """Read the tensors of one call: ``[[name, 0, 0, {}], ...]``, or Keras 3's arguments."""
    if isinstance(node, dict):
        yield from _keras_tensors([node.get("args"), node.get("kwargs")], where)
        return
    for entry in _entries(node):
        yield _history(entry, where)
        extra = entry[3] if isinstance(entry, list) and len(entry) > 3 else None
        if isinstance(extra, dict):  # a second operand, as in x + y
            for value in extra.values():
                if isinstance(value, list) and value and isinstance(value[0], str) and \
                        len(value) > 2:
                    yield _history(value, where)


def _keras_tensors(value: object, where: str, depth: int = 0) -> Iterator[str]:
    if depth > 8:
        raise ModelError("has arguments that are nested too deeply", where=where)
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            config = value.get("config")
            yield _history(config.get("keras_history") if isinstance(config, dict) else None, where)
            return
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _keras_tensors(part, where, depth + 1)


def _ordered(calls: dict[str, Call], start: str, outputs: tuple[str, ...]) -> Iterator[Call]:
    """Return the calls that the outputs need, each after its sources."""
    done, stack = {start}, [*reversed(outputs)]
    open_: set[str] = set()
    while stack:
        name = stack[-1]
        if name in done:
            stack.pop()
            continue
        call = calls.get(name)
        if call is None:
            raise ModelError(f"refers to the tensor '{name}', which no layer computes",
                             where="model")
        missing = [source for source in call.sources if source not in done]
        if not missing:
            done.add(name)
            open_.discard(name)
            yield call
        elif name in open_:
            raise ModelError(f"contains a cycle through '{name}'", where="model")
        else:
            open_.add(name)
            stack.extend(missing)
