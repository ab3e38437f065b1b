"""The plan of a network on the core: jobs of each layer, and what the host does."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from bnnhw.arch.yodann.job import Job
from bnnhw.arch.yodann.layout import Layout
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["LayerPlan", "YodannPlan"]


@dataclass(frozen=True)
class LayerPlan:
    """A layer that the core runs.

    Parameters
    ----------
    layer : str
    layout : Layout
    jobs : tuple of Job
        In order.
    fused : str or None
        The ``affine`` behind it that the core computes with it.
    """

    layer: str
    layout: Layout
    jobs: tuple[Job, ...]
    fused: str | None = None

    def cycles(self, shape: CoreShape) -> int:
        return sum(job.cycles(shape) for job in self.jobs)

    def macs(self) -> int:
        """Products that the outputs need, of all images."""
        layout, frames = self.layout, self.jobs[0].images // self.layout.phases
        fan_in = layout.kernel[0] * layout.kernel[1] * layout.channels // layout.groups
        return frames * layout.out[0] * layout.out[1] * fan_in * layout.outputs

    def mode(self, shape: CoreShape) -> int:
        return self.jobs[0].mode(shape)

    def peak(self, shape: CoreShape) -> int:
        """Products a cycle that the mode can do."""
        return shape.no * (1 if self.mode(shape) == 0 else 2) * \
            shape.kernels[self.mode(shape)] ** 2

    def utilisation(self, shape: CoreShape) -> float:
        """Share of the mode's products that the outputs need."""
        return self.macs() / (self.cycles(shape) * self.peak(shape))

    def of_bound(self, shape: CoreShape) -> float:
        """Share of its cycles that loading and walking cannot do without (``Job.bound``)."""
        return sum(job.bound(shape) for job in self.jobs) / self.cycles(shape)

    def summary(self, shape: CoreShape) -> dict[str, Any]:
        side = shape.kernels[self.mode(shape)]
        return {"layer": self.layer, "jobs": len(self.jobs),
                "mode": f"{side}x{side}" if self.mode(shape) == 0 else f"dual {side}x{side}",
                "cycles": self.cycles(shape), "operations": 2 * self.macs(),
                "operations_a_cycle": round(2 * self.macs() / self.cycles(shape), 1),
                "utilisation": round(self.utilisation(shape), 4),
                "of_bound": round(self.of_bound(shape), 4)}


@dataclass(frozen=True)
class YodannPlan:
    """Everything about a network on the core.

    Parameters
    ----------
    name, arch, device : str
    shape : CoreShape
    batch : int
        Frames that share the weights of a job.
    layers : tuple of LayerPlan
        What the core runs, in order.
    host : tuple of (str, str)
        Layers that the host computes, and their kinds.
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
        """Cycles of the core for a batch, without stalls: exact."""
        return sum(layer.cycles(self.shape) for layer in self.layers)

    @property
    def target_cycles(self) -> int:
        return self.ii

    @property
    def ii(self) -> int:
        """Cycles a frame, rounded up."""
        return -(-self.cycles // self.batch)

    @property
    def latency(self) -> int:
        """Cycles of the core until the batch is done."""
        return self.cycles

    @property
    def in_bytes(self) -> int:
        """Bytes of an input word."""
        return -(-self.shape.bits // 8)

    @property
    def lane_bytes(self) -> int:
        """Bytes of one of the two lanes of an output word."""
        return -(-self.shape.lane_bits // 8)

    def output_delay(self, job: Job) -> int:
        """Cycles from a job's first word to its last output, as it leaves."""
        # ``Job.cycles`` ends where the last word is written to the queue.
        return job.cycles(self.shape) + CreditQueue.LATENCY

    def layer(self, name: str) -> LayerPlan:
        return next(layer for layer in self.layers if layer.layer == name)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> YodannPlan:
        """Rebuild a plan from ``to_json``, after its way through JSON."""
        layers = tuple(LayerPlan(
            layer["layer"], _tuples(Layout, layer["layout"]),
            tuple(_tuples(Job, job) for job in layer["jobs"]), layer["fused"])
            for layer in data["layers"])
        return YodannPlan(**{**data, "shape": CoreShape(**data["shape"]), "layers": layers,
                             "host": tuple((name, kind) for name, kind in data["host"])})


def _tuples(kind: Any, data: dict[str, Any]) -> Any:
    """A flat dataclass, whose lists were tuples."""
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})
