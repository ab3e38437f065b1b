"""Compares the layers of any network with the tensors of a model, one by one."""

from __future__ import annotations

import numpy as np

from bnnhw import golden
from bnnhw.errors import ConfigError
from bnnhw.importers.comparison import (
    Comparison,
    OutputAgreement,
    TensorAgreement,
    first_difference,
)
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.check import Executor, model_inputs
from bnnhw.importers.onnx.imported import Imported, StoredTensor
from bnnhw.importers.onnx.model_outputs import ModelOutput
from bnnhw.importers.onnx.tolerance import ROUNDING, tensor_values

__all__ = ["compare_with"]

Tensors = dict[str, np.ndarray]


def compare_with(network: Network, imported: Imported, executor: Executor,
                 x: np.ndarray) -> Comparison:
    """Compare a network with a model.

    Parameters
    ----------
    network : Network
        Its layers are compared by their names with those that the model imports as.
    imported : Imported
        The import of the model.
    executor : Executor
        Executes the model.
    x : int64 [n, *shape]
        Samples as the network stores them.

    Raises
    ------
    ConfigError
        The samples of the model and the network have different types, or no layer has the name of
        a layer of the model.
    """
    if network.graph.input != imported.start.type:
        raise ConfigError(f"the model reads {imported.start.type} and the network "
                          f"{network.graph.input}", where="model", hint="compare a network with "
                          "the model that it was imported from")
    layers = golden.run_all(network.graph, x)
    types = {layer.name: layer.out_type() for layer in network.graph.layers}
    stored = [s for s in imported.stored_tensors() if types.get(s.layer) == s.chain.type]
    if not stored:
        raise ConfigError("no layer of the network has the name and type of a layer of the model",
                          where="model", hint="compare a network with the model that it was "
                          "imported from")
    ends = imported.translation.outputs
    names = list(dict.fromkeys([s.tensor for s in stored] + [
        name for end in ends for name in (end.tensor, end.scores)]))
    runs = [executor.run(one, names) for one in model_inputs(imported.start, x)]
    found = {name: np.stack([run[name] for run in runs]).reshape(len(x), -1).astype(np.float64)
             for name in names}
    outputs = network.predict(x)
    return Comparison(network.name, executor.versions, len(x),
                      tuple(_tensor(s, layers[s.layer], found[s.tensor]) for s in stored),
                      tuple(row for end in ends for row in _output(end, outputs, found)))


def _tensor(stored: StoredTensor, integers: np.ndarray, model: np.ndarray) -> TensorAgreement:
    chain = stored.chain
    network = tensor_values(chain, integers)
    slack = ROUNDING * np.abs(network).max(initial=0.0) + 1e-30 + (
        0.0 if chain.error is None else float(chain.error.max()))
    wrong = ~(np.abs(network - model) <= slack)
    return TensorAgreement(stored.layer, stored.tensor, wrong.size, int(wrong.sum()),
                           int(wrong.any(axis=1).sum()),
                           first_difference(wrong, chain.shape, model, network))


def _output(end: ModelOutput, outputs: Tensors, found: Tensors) -> list[OutputAgreement]:
    """Compare the order of scores and the label of an output, where the network has them."""
    names = [name for name, _ in end.outputs]
    if end.scores_layer is None or not set(names) <= set(outputs):
        return []
    integers = outputs[names[0]]
    floats = np.empty_like(found[end.scores])
    floats[:, end.chain.index.reshape(-1)] = found[end.scores]
    floats, integers = (a.reshape(len(a), -1, end.chain.channels) for a in (floats, integers))
    noise = 4 * ROUNDING * np.abs(floats).max(initial=0.0)
    above = floats[..., :, None] - floats[..., None, :] > noise
    ordered = integers[..., :, None] > integers[..., None, :]
    same_order = int((~above | ordered).all(axis=(1, 2, 3)).sum())
    same_label = None
    if len(names) > 1:
        label = found[end.tensor][:, 0] if end.label else floats[:, 0].argmax(axis=1)
        same_label = int((outputs[names[1]].reshape(len(label)) == label).sum())
    return [OutputAgreement(names[0], end.tensor, len(floats), same_order, same_label)]
