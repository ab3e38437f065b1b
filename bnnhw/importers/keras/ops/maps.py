"""Operations that pool maps or move their elements."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from bnnhw.importers.keras.nodes import Nodes
from bnnhw.importers.keras.ops.base import Op, Shape
from bnnhw.importers.keras.ops.geometry import Geometry, from_channels_first, to_channels_first

__all__ = ["AveragePool", "Crop", "Flatten", "GlobalPool", "Identity", "MaxPool", "Permute",
           "Reshape", "Upsample", "ZeroPadding"]


@dataclass(frozen=True, eq=False)
class MaxPool(Op):
    """The largest value of each window; outside of the map there is nothing.

    Parameters
    ----------
    geometry : Geometry
    """

    geometry: Geometry

    def out_shape(self, *shapes: Shape) -> Shape:
        rows, columns, channels = self.geometry.map_size(self, shapes[0])
        return self.geometry.shape(*self.geometry.out_size(self, rows, columns), channels)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        windows = self.geometry.windows(self.geometry.last(x[0]), -np.inf)
        return self.geometry.restored(windows.max(axis=3))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        self._lower("MaxPool", nodes)

    def _lower(self, operator: str, nodes: Nodes) -> None:
        source = to_channels_first(nodes, self.sources[0], self.geometry)
        made = nodes.add(operator, source, name=self.layer,
                         attributes=self.geometry.attributes())
        from_channels_first(nodes, made, self.geometry, self.name)


@dataclass(frozen=True, eq=False)
class AveragePool(MaxPool):
    """The mean of the values of each window that are inside of the map."""

    def compute(self, *x: np.ndarray) -> np.ndarray:
        last = self.geometry.last(x[0])
        inside = self.geometry.windows(np.ones_like(last[:1, ..., :1]), 0.0).sum(axis=3)
        windows = self.geometry.windows(last, 0.0)
        return self.geometry.restored(windows.sum(axis=3, dtype=np.float32) / inside)

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        rows, columns, _ = self.geometry.map_size(self, shapes[0])
        if any(n for pads in self.geometry.padding(rows, columns) for n in pads):
            raise self.error("averages fewer values at the border than inside (padding 'same'), "
                             "which is not supported", "train with padding='valid'")
        self._lower("AveragePool", nodes)


@dataclass(frozen=True, eq=False)
class GlobalPool(Op):
    """The mean or the largest value of each channel.

    Parameters
    ----------
    geometry : Geometry
        Of one pixel.
    keep, largest : bool
        ``keep``: keep rows and columns as axes of one element.
    """

    geometry: Geometry
    keep: bool
    largest: bool

    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.geometry.channels_last else 2
        return tuple(range(first, first + self.geometry.axes))

    def out_shape(self, *shapes: Shape) -> Shape:
        channels = self.geometry.map_size(self, shapes[0])[2]
        return self.geometry.shape(1, 1, channels) if self.keep else (channels,)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        if self.largest:
            return np.asarray(x[0].max(axis=self._axes(), keepdims=self.keep))
        return np.asarray(x[0].mean(axis=self._axes(), keepdims=self.keep, dtype=np.float32))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        if not self.largest:
            nodes.add("ReduceMean", self.sources[0], output=self.name, name=self.layer,
                      axes=list(self._axes()), keepdims=int(self.keep))
            return
        rows, columns, _ = self.geometry.map_size(self, shapes[0])
        pool = replace(self.geometry, kernel=(rows, columns), strides=(rows, columns))
        made = nodes.add("MaxPool", to_channels_first(nodes, self.sources[0], pool),
                         name=self.layer, attributes=pool.attributes())
        shape = np.array([1, *self.out_shape(*shapes)], dtype=np.int64)
        nodes.add("Reshape", made, nodes.constant(shape), output=self.name)


@dataclass(frozen=True, eq=False)
class Identity(Op):
    """A layer that does nothing after training, such as Dropout."""

    def out_shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0]

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        nodes.add("Identity", self.sources[0], output=self.name)


@dataclass(frozen=True, eq=False)
class Reshape(Op):
    """Gives the elements another shape, in the same order.

    Parameters
    ----------
    shape : tuple of int
        Without the batch; one size may be -1.
    """

    shape: Shape

    def out_shape(self, *shapes: Shape) -> Shape:
        (source,) = shapes
        size, known = math.prod(source), math.prod(n for n in self.shape if n != -1)
        free = self.shape.count(-1)
        if known < 1 or free > 1 or size % known or (not free and size != known):
            raise self.error(f"reshapes {list(source)} to {list(self.shape)}")
        return tuple(size // known if n == -1 else n for n in self.shape)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0].reshape(len(x[0]), *self.out_shape(x[0].shape[1:]))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        shape = np.array([1, *self.out_shape(*shapes)], dtype=np.int64)
        nodes.add("Reshape", self.sources[0], nodes.constant(shape), output=self.name)


@dataclass(frozen=True, eq=False)
class Flatten(Op):
    """Makes a vector of a map, with the channels as the fastest axis.

    Parameters
    ----------
    channels_last : bool
        False for maps with the channels first, which Keras moves to the end before.
    """

    channels_last: bool = True

    def out_shape(self, *shapes: Shape) -> Shape:
        return (math.prod(shapes[0]),)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        moved = x[0] if self.channels_last or x[0].ndim < 3 else np.moveaxis(x[0], 1, -1)
        return moved.reshape(len(moved), -1)

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        source, rank = self.sources[0], len(shapes[0])
        if not self.channels_last and rank > 1:
            source = nodes.add("Transpose", source, perm=[0, *range(2, rank + 1), 1])
        shape = np.array([1, math.prod(shapes[0])], dtype=np.int64)
        nodes.add("Reshape", source, nodes.constant(shape), output=self.name)


@dataclass(frozen=True, eq=False)
class Permute(Op):
    """Exchanges the axes.

    Parameters
    ----------
    order : tuple of int
        For each axis of the result the axis of the source; without the batch, from 0.
    """

    order: tuple[int, ...]

    def out_shape(self, *shapes: Shape) -> Shape:
        if sorted(self.order) != list(range(len(shapes[0]))):
            raise self.error(f"permutes the axes {[a + 1 for a in self.order]} of a tensor of "
                             f"shape {list(shapes[0])}")
        return tuple(shapes[0][a] for a in self.order)

    def _axes(self) -> list[int]:
        return [0, *(a + 1 for a in self.order)]

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(x[0].transpose(self._axes()))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        nodes.add("Transpose", self.sources[0], output=self.name, perm=self._axes())


@dataclass(frozen=True, eq=False)
class ZeroPadding(Op):
    """Adds rows and columns of zeros.

    Parameters
    ----------
    pads : ((int, int), (int, int))
        Before and after the rows, before and after the columns.
    channels_last : bool
    """

    pads: tuple[tuple[int, int], tuple[int, int]]
    channels_last: bool

    def _all(self) -> list[tuple[int, int]]:
        return [*self.pads, (0, 0)] if self.channels_last else [(0, 0), *self.pads]

    def out_shape(self, *shapes: Shape) -> Shape:
        if len(shapes[0]) != 3:
            raise self.error(f"reads a tensor of shape {list(shapes[0])}, expected rows, columns "
                             "and channels")
        return tuple(n + a + b for n, (a, b) in zip(shapes[0], self._all(), strict=True))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.pad(x[0], [(0, 0), *self._all()])

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        pads = [(0, 0), *self._all()]
        numbers = np.array([a for a, _ in pads] + [b for _, b in pads], dtype=np.int64)
        nodes.add("Pad", self.sources[0], nodes.constant(numbers),
                  nodes.constant(np.float32(0)), output=self.name)


@dataclass(frozen=True, eq=False)
class Crop(ZeroPadding):
    """Removes rows and columns; ``pads`` are the numbers of those."""

    def out_shape(self, *shapes: Shape) -> Shape:
        if len(shapes[0]) != 3:
            raise self.error(f"reads a tensor of shape {list(shapes[0])}, expected rows, columns "
                             "and channels")
        return tuple(n - a - b for n, (a, b) in zip(shapes[0], self._all(), strict=True))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        cuts = [slice(a, n - b) for n, (a, b) in zip(x[0].shape[1:], self._all(), strict=True)]
        return np.ascontiguousarray(x[0][:, cuts[0], cuts[1], cuts[2]])

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        starts = np.array([a for a, _ in self._all()], dtype=np.int64)
        ends = np.array([n - b for n, (_, b) in zip(shapes[0], self._all(), strict=True)],
                        dtype=np.int64)
        nodes.add("Slice", self.sources[0], nodes.constant(starts), nodes.constant(ends),
                  nodes.constant(np.arange(1, 4)), output=self.name, name=self.layer)


@dataclass(frozen=True, eq=False)
class Upsample(Op):
    """Repeats each pixel.

    Parameters
    ----------
    factors : (int, int)
    channels_last : bool
    """

    factors: tuple[int, int]
    channels_last: bool

    def out_shape(self, *shapes: Shape) -> Shape:
        if len(shapes[0]) != 3:
            raise self.error(f"reads a tensor of shape {list(shapes[0])}, expected rows, columns "
                             "and channels")
        factors = (*self.factors, 1) if self.channels_last else (1, *self.factors)
        return tuple(n * f for n, f in zip(shapes[0], factors, strict=True))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        first = 1 if self.channels_last else 2
        y = np.repeat(x[0], self.factors[0], axis=first)
        return np.repeat(y, self.factors[1], axis=first + 1)

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        geometry = Geometry((1, 1), (1, 1), channels_last=self.channels_last)
        source = to_channels_first(nodes, self.sources[0], geometry)
        scales = nodes.constant(np.array([1, 1, *self.factors], dtype=np.float32))
        made = nodes.add("Resize", source, "", scales, name=self.layer, mode="nearest",
                         nearest_mode="floor", coordinate_transformation_mode="asymmetric")
        from_channels_first(nodes, made, geometry, self.name)
