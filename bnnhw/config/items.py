"""Base classes of the items under ``layers:``, which each layer kind extends."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from bnnhw.config.fields import Extent, Name, Pad, Size, Source, Strict
from bnnhw.config.hints import LayerHint

__all__ = ["BatchNormItem", "FoldItem", "LayerItem", "ProductItem", "SignItem", "WindowItem"]


class FoldItem(Strict):
    """``fold:``, the rows (pe) and columns (simd) of the weights that one cycle computes."""

    pe: int | None = None
    simd: int | None = None


class BatchNormItem(Strict):
    """``batch_norm:``, whose arrays gamma, beta, mean and var are in the weight file."""

    eps: Annotated[float, Field(ge=0, le=1)] = 1e-5


class LayerItem(Strict):
    """The keys of every item: its name, what it reads, and a name for its result as an output."""

    kind: ClassVar[str] = ""
    """The key that makes a mapping an item of this kind."""

    needs: ClassVar[str] = ""
    """What the key ``kind`` needs, with an example; empty where the word alone is an item."""

    reads_vector: ClassVar[bool] = False
    """As the first layer, it reads the input as one vector, whatever shape the input has."""

    name: Name | None = None
    from_: Source | None = Field(None, alias="from")
    output: Name | None = None

    @property
    def others(self) -> tuple[str, ...]:
        """Layers that it reads in addition to ``from``."""
        return ()

    @property
    def hint(self) -> LayerHint | None:
        """Folding and memory that the item fixes; None for kinds without such keys."""
        return None

    @classmethod
    def default_name(cls, position: int) -> str:
        """Name of a layer without the key ``name``, by its position in the list from 0."""
        return f"{cls.kind}{position}"


class SignItem(LayerItem):
    """How integers become bits or levels: by thresholds, or by a batch-norm and a sign."""

    levels: Size = 1
    batch_norm: BatchNormItem | None = None
    sign: Literal[">=", ">"] = ">="
    unipolar: bool = False

    @field_validator("batch_norm", mode="before")
    @classmethod
    def _true_is_default(cls, value: object) -> object:
        return {} if value is True else value

    @model_validator(mode="after")
    def _check_levels(self) -> SignItem:
        if self.levels != 1 and (self.batch_norm or self.sign != ">="):
            raise ValueError("'levels' needs integer thresholds; remove batch_norm and sign")
        return self


class ProductItem(SignItem):
    """What dense layers and convolutions share: folding, memory, and what follows the sums."""

    weight_bits: Annotated[int, Field(ge=1, le=16)] = 1
    sums: bool = False
    fold: FoldItem | None = None
    memory: Literal["auto", "block", "lut", "constant", "spram"] = "auto"

    @property
    def raw(self) -> bool:
        """Whether the layer gives its sums, without thresholds."""
        return self.sums or self.output == "scores"

    @property
    def hint(self) -> LayerHint:
        fold = self.fold or FoldItem()
        return LayerHint(fold.pe, fold.simd, self.memory)

    @model_validator(mode="after")
    def _check_raw(self) -> ProductItem:
        if self.raw and (self.batch_norm or self.sign != ">=" or self.levels != 1
                         or (self.unipolar and not self.sums)):
            key = "sums: true" if self.sums else "output: scores"
            raise ValueError(f"a layer with '{key}' has no batch_norm, sign, levels or unipolar; "
                             "put an 'affine' layer after it")
        return self


class WindowItem(LayerItem):
    """How a window moves over a map, and how far it reaches beyond the map."""

    stride: Extent | None = None
    dilation: Extent = 1
    pad: Pad | None = None
