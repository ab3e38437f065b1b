"""Reads the options of a Keras layer, which come from a file and are not trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bnnhw.errors import ModelError

__all__ = ["Options", "bare_class"]

MAX_SIZE = 1 << 20
"""Largest number that an option may have."""


def bare_class(name: object, where: str) -> str:
    """Return the name of a class without its package: ``Larq>QuantDense`` is ``QuantDense``."""
    if not isinstance(name, str) or not name or len(name) > 200:
        raise ModelError("has no class name", where=where)
    return name.rpartition(">")[2]


@dataclass(frozen=True)
class Options:
    """The configuration of a layer or of a quantiser.

    Attributes
    ----------
    where : str
        The layer, for messages.
    values : dict
        As JSON gives it.
    """

    where: str
    values: dict[str, object]

    def error(self, message: str, hint: str | None = None) -> ModelError:
        return ModelError(message, where=self.where, hint=hint)

    def get(self, key: str, default: object = None) -> object:
        value = self.values.get(key, default)
        return default if value is None else value

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if isinstance(value, (bool, int)) and value in (0, 1):
            return bool(value)
        raise self.error(f"has {key} = {value!r}, expected true or false")

    def integer(self, key: str, default: int | None = None, least: int = 1) -> int:
        value = self.get(key, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= MAX_SIZE:
            return value
        raise self.error(f"has {key} = {value!r}, expected an integer of at least {least}")

    def number(self, key: str, default: float | None = None) -> float:
        value = self.get(key, default)
        if isinstance(value, (int, float)) and abs(value) < 1e30:
            return float(value)
        raise self.error(f"has {key} = {value!r}, expected a number")

    def choice(self, key: str, default: str, allowed: Sequence[str]) -> str:
        value = self.get(key, default)
        if isinstance(value, str) and value in allowed:
            return value
        raise self.error(f"has {key} = {value!r}, expected {' or '.join(allowed)}")

    def pair(self, key: str, default: tuple[int, int] | None = (1, 1)) -> tuple[int, int]:
        """Read two positive integers, or one for both rows and columns."""
        value = self.get(key, default)
        given = list(value) if isinstance(value, (list, tuple)) else [value, value]
        numbers = [n for n in given if isinstance(n, int) and not isinstance(n, bool)
                   and 1 <= n <= MAX_SIZE]
        if len(numbers) == len(given) == 2:
            return numbers[0], numbers[1]
        raise self.error(f"has {key} = {value!r}, expected two positive integers")

    def one(self, key: str, default: tuple[int, int] | None = (1, 1)) -> tuple[int, int]:
        """Read one positive integer, or a list of one, for the rows of a signal; columns are 1."""
        value = self.get(key, default[0] if default else None)
        value = value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SIZE:
            return value, 1
        raise self.error(f"has {key} = {value!r}, expected one positive integer")

    def channels_last(self, default: bool = True) -> bool:
        allowed = ("channels_last", "channels_first")
        return self.choice("data_format", allowed[not default], allowed) == "channels_last"

    def refuse(self, key: str, *harmless: object) -> None:
        """Reject the layer if an option is set to something that changes its result."""
        value = self.values.get(key)
        if value is not None and value not in harmless:
            raise self.error(f"has {key} = {value!r}, which is not supported",
                             f"train with {key} = {harmless[0]!r}" if harmless else
                             f"train without {key}")
