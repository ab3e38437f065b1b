"""Types of the values in layers.yaml, with error messages that name what is expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeGuard

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from bnnhw.config.names import NAME_PATTERN, check_name

__all__ = ["Channels", "Extent", "Extra", "Factors", "Limits", "Name", "Pad", "PadValue",
           "PoolSize", "Size", "Source", "Strict"]

MAX_SIZE = 1 << 20

Source = Annotated[str, Field(pattern=NAME_PATTERN)]
Name = Annotated[Source, AfterValidator(check_name)]
Size = Annotated[int, Field(ge=1, le=MAX_SIZE)]


class Strict(BaseModel):
    """A mapping of YAML that allows known keys of exact types only."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _is_int(value: object, low: int, high: int = MAX_SIZE) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_list(value: object, lengths: tuple[int, ...], low: int,
             high: int = MAX_SIZE) -> TypeGuard[Sequence[int]]:
    return isinstance(value, (list, tuple)) and len(value) in lengths \
        and all(_is_int(v, low, high) for v in value)


def _extent(words: tuple[str, ...], what: str) -> Callable[[object], object]:
    """Make a validator of a positive number, a pair [rows, columns], or one of ``words``."""
    def check(value: object) -> object:
        if _is_int(value, 1) or (isinstance(value, str) and value in words):
            return value
        if _is_list(value, (2,), 1):
            return tuple(value)
        raise ValueError(what)
    return check


def _extra(value: object) -> object:
    if _is_int(value, 0):
        return value
    if _is_list(value, (2,), 0):
        return tuple(value)
    raise ValueError("must be a number that is not negative, or [rows, columns]")


def _pad(value: object) -> object:
    if _is_int(value, 0) or (isinstance(value, str) and value in ("same", "causal")):
        return value
    if _is_list(value, (2, 4), 0):
        return tuple(value)
    raise ValueError("must be a number, [rows, columns], [top, left, bottom, right], same or "
                     "causal")


def _pad_value(value: object) -> object:
    if _is_int(value, -1 << 40, 1 << 40) or \
            (isinstance(value, str) and value in ("zero", "checker", "pattern")):
        return value
    raise ValueError("must be a number, zero, checker or pattern")


def _limits(value: object) -> object:
    if _is_list(value, (2,), -1 << 60, 1 << 60) and value[0] <= value[1]:
        return tuple(value)
    raise ValueError("must be [lowest, highest]")


def _channels(value: object) -> object:
    if value is True:
        return value
    if isinstance(value, (list, tuple)) and value and all(_is_int(v, 0) for v in value):
        return tuple(value)
    raise ValueError("must be a list of channels, or true with an array")


_NUMBER = "must be a positive number or [rows, columns]"

Pair = tuple[int, int]
Extent = Annotated[int | Pair, PlainValidator(_extent((), _NUMBER))]
PoolSize = Annotated[int | Pair | Literal["global"], PlainValidator(_extent(
    ("global",), "must be a positive number, [rows, columns] or global"))]
Factors = Extent
Extra = Annotated[int | Pair, PlainValidator(_extra)]
Pad = Annotated[int | Pair | tuple[int, int, int, int] | Literal["same", "causal"],
                PlainValidator(_pad)]
PadValue = Annotated[int | Literal["zero", "checker", "pattern"], PlainValidator(_pad_value)]
Limits = Annotated[Pair, PlainValidator(_limits)]
Channels = Annotated[Literal[True] | tuple[int, ...], PlainValidator(_channels)]
