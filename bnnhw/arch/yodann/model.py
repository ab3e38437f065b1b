"""The plan of a network on the YodaNN core: the jobs of each layer, and the host's layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bnnhw.arch.yodann.job import Job
from bnnhw.arch.yodann.layout import Layout
from bnnhw.json_types import Json
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["LayerPlan", "YodannPlan"]


@dataclass(frozen=True)
class LayerPlan:
    """The jobs of one layer that the core computes.

    Parameters
    ----------
    layer : str
    layout : Layout
    jobs : tuple of Job
        Jobs in order.
    fused : str or None
        Subsequent ``affine`` layer that the core computes together with this one.
    """

    layer: str
    layout: Layout
    jobs: tuple[Job, ...]
    fused: str | None = None

    def cycles(self, shape: CoreShape) -> int:
        return sum(job.cycles(shape) for job in self.jobs)

    def macs(self) -> int:
        """Products that the outputs of all images need."""
        layout, frames = self.layout, self.jobs[0].images // self.layout.phases
        fan_in = layout.kernel[0] * layout.kernel[1] * layout.channels // layout.groups
        return frames * layout.out[0] * layout.out[1] * fan_in * layout.outputs

    def mode(self, shape: CoreShape) -> int:
        return self.jobs[0].mode(shape)

    def peak(self, shape: CoreShape) -> int:
        """Largest number of products per cycle in the mode."""
        mode = self.mode(shape)
        return shape.no * shape.lanes(mode) * shape.kernels[mode] ** 2

    def utilisation(self, shape: CoreShape) -> float:
        """Fraction of the possible products that the outputs need."""
        return self.macs() / (self.cycles(shape) * self.peak(shape))

    def of_bound(self, shape: CoreShape) -> float:
        """Lower bound of the cycles (``Job.bound``) as a fraction of the planned cycles."""
        return sum(job.bound(shape) for job in self.jobs) / self.cycles(shape)

    def summary(self, shape: CoreShape) -> dict[str, object]:
        side = shape.kernels[self.mode(shape)]
        return {"layer": self.layer, "jobs": len(self.jobs),
                "mode": f"{side}x{side}" if self.mode(shape) == 0 else f"dual {side}x{side}",
                "cycles": self.cycles(shape), "operations": 2 * self.macs(),
                "operations_a_cycle": round(2 * self.macs() / self.cycles(shape), 1),
                "utilisation": round(self.utilisation(shape), 4),
                "of_bound": round(self.of_bound(shape), 4)}


T = TypeVar("T")


@dataclass(frozen=True)
class YodannPlan:
    """The complete plan of a network on the core.

    Parameters
    ----------
    name, arch, device : str
    shape : CoreShape
    batch : int
        Frames that share the weights of a job.
    layers : tuple of LayerPlan
        Layers that the core computes, in order.
    host : tuple of (str, str)
        Names and kinds of the layers that the host computes.
    """

    name: str
    arch: str
    device: str
    shape: CoreShape
    batch: int
    layers: tuple[LayerPlan, ...]
    host: tuple[tuple[str, str], ...]

    @property
    def cycles(self) -> int:
        """Exact cycles of the core for a batch, without stalls."""
        return sum(layer.cycles(self.shape) for layer in self.layers)

    @property
    def target_cycles(self) -> int:
        return self.ii

    @property
    def ii(self) -> int:
        """Cycles per frame, rounded up."""
        return -(-self.cycles // self.batch)

    @property
    def latency(self) -> int:
        """Cycles of the core until a batch is complete."""
        return self.cycles

    @property
    def in_bytes(self) -> int:
        """Bytes of an input word."""
        return self.shape.in_bytes

    @property
    def lane_bytes(self) -> int:
        """Bytes of one of the two lanes of an output word."""
        return self.shape.lane_bytes

    def output_delay(self, job: Job) -> int:
        """Cycles from the first word of a job to the transfer of its last output word."""
        # ``Job.cycles`` ends where the last word is written to the queue.
        return job.cycles(self.shape) + CreditQueue.LATENCY

    def layer(self, name: str) -> LayerPlan:
        return next(layer for layer in self.layers if layer.layer == name)

    def to_json(self) -> dict[str, object]:
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(data: Json) -> YodannPlan:
        """Rebuild a plan from the JSON values of ``to_json``."""
        layers = tuple(LayerPlan(
            layer["layer"], _tuples(Layout, layer["layout"]),
            tuple(_tuples(Job, job) for job in layer["jobs"]), layer["fused"])
            for layer in data["layers"])
        return YodannPlan(**{**data, "shape": CoreShape(**data["shape"]), "layers": layers,
                             "host": tuple((name, kind) for name, kind in data["host"])})


def _tuples(kind: Callable[..., T], data: Mapping[str, object]) -> T:
    """Make a flat dataclass, with lists converted back to tuples."""
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})
