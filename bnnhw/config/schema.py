"""The keys of layers.yaml."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from bnnhw.config.names import check_name
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["ITEMS", "AffineItem", "ArgMaxItem", "DenseItem", "FoldItem", "InputItem", "NetConfig"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$"), AfterValidator(check_name)]
Size = Annotated[int, Field(ge=1, le=1 << 20)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class InputItem(_Strict):
    """``input:``, what one sample is.

    ``bits`` are -1/+1 stored as 0/1, or 0/1 themselves with ``unipolar``. ``uint8`` pixels are
    binarised: bit = [pixel >= threshold].
    """

    shape: Annotated[list[Size], Field(min_length=1, max_length=4)]
    type: Literal["bits", "uint8"]
    threshold: Annotated[int, Field(ge=0, le=256)] | None = None
    unipolar: bool = False

    @model_validator(mode="after")
    def _check(self) -> InputItem:
        if math.prod(self.shape) > MAX_ELEMENTS:
            raise ValueError(f"{math.prod(self.shape)} elements, at most {MAX_ELEMENTS} are taken")
        if self.type == "uint8" and self.threshold is None:
            raise ValueError("type uint8 needs 'threshold': bit = [pixel >= threshold]; "
                             "128 is the middle")
        if self.type == "bits" and self.threshold is not None:
            raise ValueError("type bits takes no 'threshold'")
        return self

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class FoldItem(_Strict):
    """``fold:``, rows (pe) and columns (simd) computed in a cycle."""

    pe: int | None = None
    simd: int | None = None


class BatchNormItem(_Strict):
    """``batch_norm:``, with the arrays gamma, beta, mean and var in the weight file."""

    eps: Annotated[float, Field(ge=0, le=1)] = 1e-5


class DenseItem(_Strict):
    """``dense: OUTPUTS`` with its options."""

    dense: Size
    name: Name | None = None
    output: Literal["scores"] | None = None
    fold: FoldItem | None = None
    memory: Literal["auto", "block", "lut", "constant"] = "auto"
    batch_norm: BatchNormItem | None = None
    sign: Literal[">=", ">"] = ">="
    unipolar: bool = False

    @field_validator("batch_norm", mode="before")
    @classmethod
    def _true_is_default(cls, value: Any) -> Any:
        return {} if value is True else value

    @model_validator(mode="after")
    def _check(self) -> DenseItem:
        if self.output and (self.batch_norm or self.unipolar or self.sign != ">="):
            raise ValueError("a layer with 'output: scores' has no batch_norm, sign or unipolar; "
                             "put an 'affine' layer behind it")
        return self


class AffineItem(_Strict):
    """``affine``: integer scale and offset of each score, from the weight file.

    Its result takes the place of the sums before it as the output ``scores``.
    """

    affine: Literal[True] = True
    name: Name | None = None
    output: Literal["scores"] = "scores"


class ArgMaxItem(_Strict):
    """``argmax``: the label."""

    argmax: Literal[True] = True
    name: Name | None = None


ITEMS: dict[str, type[DenseItem] | type[AffineItem] | type[ArgMaxItem]] = {
    "dense": DenseItem, "affine": AffineItem, "argmax": ArgMaxItem,
}


class NetConfig(_Strict):
    """All of layers.yaml but its ``layers``, and those."""

    name: Name
    input: InputItem
    weights: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,255}$")]
    seed: Annotated[int, Field(ge=0, le=(1 << 32) - 1)] = 0
    layers: Annotated[tuple[DenseItem | AffineItem | ArgMaxItem, ...], Field(min_length=1)]

    def names(self) -> list[str]:
        """A name for every layer: its own, or its kind and position."""
        names: list[str] = []
        for k, item in enumerate(self.layers):
            kind = next(key for key in ITEMS if key in type(item).model_fields)
            names.append(item.name or ("label" if kind == "argmax" else f"{kind}{k}"))
        return names

    @model_validator(mode="after")
    def _unique(self) -> NetConfig:
        names = self.names()
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two layers are named '{name}'; rename one of them")
        return self
