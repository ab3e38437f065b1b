"""Checks the description of a state dict: a layers.yaml whose items name tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bnnhw.errors import ConfigError
from bnnhw.importers.yaml.read import check_config
from bnnhw.importers.yaml.schema import NetConfig

__all__ = ["BATCH_NORM", "LayerState", "StateDescription", "check_description"]

BATCH_NORM = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var"}
"""PyTorch's names of the arrays of a batch-norm."""

EXAMPLE = "for example 'state: fc0', or 'state: {weights: fc0.weight, batch_norm: norm0}'"


@dataclass(frozen=True)
class LayerState:
    """The tensors of one layer.

    Attributes
    ----------
    module : str or None
        Prefix of a module: its ``weight`` is the weights, its ``bias`` the bias where there is one.
    batch_norm : str or None
        Prefix of a batch-norm module.
    arrays : dict of str to str
        Keys of tensors by the names of arrays of a layers.yaml, such as ``weights``.
    """

    module: str | None
    batch_norm: str | None
    arrays: dict[str, str]


@dataclass(frozen=True)
class StateDescription:
    """The layers of a state dict.

    Attributes
    ----------
    config : NetConfig
    states : dict of str to LayerState
        By the names of the layers.
    sign_of_zero : int or None
        What a latent weight of exactly 0 becomes, -1 or 1; None where none may occur.
    entry : str or None
        Key of the state dict inside of a checkpoint.
    ignored : tuple of str
        Tensors, or prefixes of modules, that no layer reads.
    """

    config: NetConfig
    states: dict[str, LayerState]
    sign_of_zero: int | None
    entry: str | None
    ignored: tuple[str, ...]

    def ignores(self, key: str) -> bool:
        """Whether a tensor may remain unread; training's counters of batches always may."""
        return key.endswith("num_batches_tracked") or any(
            key == name or key.startswith(f"{name}.") for name in self.ignored)


def check_description(data: object, where: str) -> StateDescription:
    """Check a description.

    Parameters
    ----------
    data : mapping
        The keys of a layers.yaml without ``weights``, where items have the key ``state``; and the
        optional keys ``sign_of_zero``, ``entry`` and ``ignore``.
    where : str
        What errors name as the source, such as the file.

    Raises
    ------
    ConfigError
        A key is missing, unknown or wrong.
    """
    if not isinstance(data, Mapping):
        raise ConfigError("is empty or a list, expected the keys name, input and layers",
                          where=where)
    keys = dict(data)
    zero, entry = keys.pop("sign_of_zero", None), keys.pop("entry", None)
    ignored = keys.pop("ignore", [])
    if zero not in (None, 1, -1) or isinstance(zero, bool):
        raise ConfigError(f"'sign_of_zero' is {zero!r}, expected 1 or -1", where=where)
    if entry is not None and not isinstance(entry, str):
        raise ConfigError(f"'entry' is {entry!r}, expected the key of the state dict", where=where)
    if not isinstance(ignored, list) or not all(isinstance(name, str) for name in ignored):
        raise ConfigError("'ignore' must be a list of tensors or modules", where=where)
    if "weights" in keys:
        raise ConfigError("has the key 'weights', but the weights are in the state dict",
                          where=where, hint="remove the key")
    items, states = [], []
    given = keys.get("layers")
    for k, item in enumerate(given if isinstance(given, (list, tuple)) else []):
        at = f"layers.{k}.state"
        states.append(_state(item["state"], at, where)
                      if isinstance(item, Mapping) and "state" in item else None)
        items.append({key: value for key, value in item.items() if key != "state"}
                     if isinstance(item, Mapping) else item)
    config = check_config({**keys, "weights": "state", **({"layers": items} if items else {})},
                          where)
    found = {name: state for name, state in zip(config.names(), states, strict=True) if state}
    if not found:
        raise ConfigError("no item has the key 'state'", where=where, hint=EXAMPLE)
    return StateDescription(config, found, zero, entry, tuple(ignored))


def _state(value: object, at: str, where: str) -> LayerState:
    if isinstance(value, str):
        return LayerState(value, None, {})
    if not isinstance(value, Mapping):
        raise ConfigError(f"{at} is {value!r}, expected text or a mapping", where=where,
                          hint=f"quote a number; {EXAMPLE}")
    for key, name in value.items():
        if not isinstance(key, str) or not isinstance(name, str):
            raise ConfigError(f"{at}.{key} is {name!r}, expected the key of a tensor as text",
                              where=where, hint="quote a number")
    named = {str(key): str(name) for key, name in value.items()}
    return LayerState(named.pop("module", None), named.pop("batch_norm", None), named)
