"""The items under ``layers:``, one class a kind of layer."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from bnnhw.config.fields import (
    Channels,
    Extent,
    Factors,
    Limits,
    Name,
    Pad,
    PadValue,
    PoolSize,
    Size,
    Source,
    Strict,
)

__all__ = ["ITEMS", "AddItem", "AffineItem", "ArgMaxItem", "BatchNormItem", "BinarizeItem",
           "ConcatItem", "ConvItem", "DenseItem", "DepthwiseItem", "FlattenItem", "FoldItem",
           "LayerItem", "MaxPoolItem", "PoolItem", "ProductItem", "SelectItem", "SignItem",
           "SumPoolItem", "ThresholdItem", "UpsampleItem", "WindowItem"]


class FoldItem(Strict):
    """``fold:``, rows (pe) and columns (simd) computed in a cycle."""

    pe: int | None = None
    simd: int | None = None


class BatchNormItem(Strict):
    """``batch_norm:``, with the arrays gamma, beta, mean and var in the weight file."""

    eps: Annotated[float, Field(ge=0, le=1)] = 1e-5


class LayerItem(Strict):
    """What every item takes: a name, what it reads, and a name for its result as an output."""

    kind: ClassVar[str] = ""

    name: Name | None = None
    from_: Source | None = Field(None, alias="from")
    output: Name | None = None

    @property
    def others(self) -> tuple[str, ...]:
        """Layers that it reads besides ``from``."""
        return ()


class SignItem(LayerItem):
    """How integers become bits or levels: at thresholds, or by batch-norm and sign."""

    levels: Size = 1
    batch_norm: BatchNormItem | None = None
    sign: Literal[">=", ">"] = ">="
    unipolar: bool = False

    @field_validator("batch_norm", mode="before")
    @classmethod
    def _true_is_default(cls, value: Any) -> Any:
        return {} if value is True else value

    @model_validator(mode="after")
    def _check_levels(self) -> SignItem:
        if self.levels != 1 and (self.batch_norm or self.sign != ">="):
            raise ValueError("'levels' needs integer thresholds; remove batch_norm and sign")
        return self


class ProductItem(SignItem):
    """What dense layers and convolutions have in common: folding and what follows the sums."""

    sums: bool = False
    fold: FoldItem | None = None
    memory: Literal["auto", "block", "lut", "constant", "spram"] = "auto"

    @property
    def raw(self) -> bool:
        """The sums themselves are handed on."""
        return self.sums or self.output == "scores"

    @model_validator(mode="after")
    def _check_raw(self) -> ProductItem:
        if self.raw and (self.batch_norm or self.sign != ">=" or self.levels != 1
                         or (self.unipolar and not self.sums)):
            key = "sums: true" if self.sums else "output: scores"
            raise ValueError(f"a layer with '{key}' has no batch_norm, sign, levels or unipolar; "
                             "put an 'affine' layer behind it")
        return self


class DenseItem(ProductItem):
    """``dense: OUTPUTS``, each the sum of all inputs times one row of weights."""

    kind = "dense"

    dense: Size


class WindowItem(LayerItem):
    """How a window moves, and what lies around the map."""

    stride: Extent | None = None
    dilation: Extent = 1
    pad: Pad | None = None


class ConvBase(ProductItem, WindowItem):
    """What ``conv`` and ``depthwise`` have in common."""

    pad_value: PadValue | None = None

    @model_validator(mode="after")
    def _check_pad(self) -> ConvBase:
        if self.pad_value is not None and self.pad is None:
            raise ValueError("'pad_value' without 'pad'; add 'pad: same', or remove it")
        return self


class ConvItem(ConvBase):
    """``conv: OUTPUTS`` with its ``kernel``, over a map or a signal."""

    kind = "conv"

    conv: Size
    kernel: Extent
    groups: Size = 1


class DepthwiseItem(ConvBase):
    """``depthwise: KERNEL``, a convolution of each channel by itself."""

    kind = "depthwise"

    depthwise: Extent


class PoolItem(WindowItem):
    """What the pools have in common; the stride is the window unless it is given."""

    @property
    def size(self) -> int | tuple[int, int] | None:
        """The window; None for the whole map."""
        size = getattr(self, self.kind)
        return None if size == "global" else size


class MaxPoolItem(PoolItem):
    """``max_pool: WINDOW``, the largest element of each window."""

    kind = "max_pool"

    max_pool: PoolSize


class SumPoolItem(PoolItem):
    """``sum_pool: WINDOW`` or ``global``, the sum of each window: an average times its size."""

    kind = "sum_pool"

    sum_pool: PoolSize


class UpsampleItem(LayerItem):
    """``upsample: FACTOR``, every pixel as so many rows and columns of itself."""

    kind = "upsample"

    upsample: Factors


class FlattenItem(LayerItem):
    """``flatten``: a map or a signal as one vector, channel fastest."""

    kind = "flatten"

    flatten: Literal[True] = True


class SelectItem(LayerItem):
    """``select: [CHANNEL, ...]``: channels in another order, some of them, or some twice."""

    kind = "select"

    select: Channels


class AddItem(LayerItem):
    """``add: LAYER``: the sum with another layer, saturating at ``limits``."""

    kind = "add"

    add: Source
    limits: Limits | None = None

    @property
    def others(self) -> tuple[str, ...]:
        return (self.add,)


class ConcatItem(LayerItem):
    """``concat: LAYER``: the channels of another layer behind those of this one's source."""

    kind = "concat"

    concat: Source

    @property
    def others(self) -> tuple[str, ...]:
        return (self.concat,)


class ThresholdItem(SignItem):
    """``threshold``: integers to bits or levels at thresholds of each channel."""

    kind = "threshold"

    threshold: Literal[True] = True


class BinarizeItem(LayerItem):
    """``binarize: VALUE``, bit = [x >= VALUE]; at the input write ``threshold`` there."""

    kind = "binarize"

    binarize: int
    unipolar: bool = False


class AffineItem(LayerItem):
    """``affine``: integer scale and offset of each channel, a shift that rounds half up, limits.

    At the end of a network, or before its ``argmax``, its result takes the place of the sums
    before it as the output ``scores``.
    """

    kind = "affine"

    affine: Literal[True] = True
    shift: Annotated[int, Field(ge=0, le=48)] = 0
    limits: Limits | None = None


class ArgMaxItem(LayerItem):
    """``argmax``: the label."""

    kind = "argmax"

    argmax: Literal[True] = True


ITEMS: dict[str, type[LayerItem]] = {item.kind: item for item in (
    DenseItem, ConvItem, DepthwiseItem, MaxPoolItem, SumPoolItem, UpsampleItem, FlattenItem,
    SelectItem, AddItem, ConcatItem, ThresholdItem, BinarizeItem, AffineItem, ArgMaxItem)}
