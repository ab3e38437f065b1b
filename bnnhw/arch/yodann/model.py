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
class CorePart:
    """A module of the core, for reports of what it is made of.

    Parameters
    ----------
    name, kind : str
    lanes : int
        Products of a weight and a pixel in a cycle.
    """

    name: str
    kind: str
    lanes: int = 0

    @property
    def products_per_cycle(self) -> int:
        return self.lanes

    def summary(self) -> dict[str, Any]:
        return {"lanes": self.lanes}


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
    def units(self) -> tuple[CorePart, ...]:
        """Modules of the core, by the names of their instances."""
        names = ("control", "image_memory", "image_bank", "filter_bank", "operands")
        arrays = [part for k in range(self.shape.no) for part in (
            CorePart(f"unit{k}", "sop", self.shape.products), CorePart(f"summer{k}", "summer"))]
        arrays += [CorePart("window_unit", "sop"), CorePart("window_summer", "summer")]
        return (*(CorePart(name, name) for name in names), *arrays,
                *(CorePart(name, name) for name in ("drain", "scale_bias", "queue")))

    @property
    def cycles(self) -> int:
        """Cycles of the core for a batch, without stalls: exact."""
        return sum(layer.cycles(self.shape) for layer in self.layers)

    @property
    def target(self) -> int:
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

    def describe(self) -> dict[str, Any]:
        """What a manifest says of the streams, the cycles and the layers."""
        s = self.shape
        return {
            "input": {"port": "s_axis", "bytes_a_word": self.in_bytes, "bits_a_word": s.bits,
                      "header": [list(field) for field in s.header],
                      "header_words": s.header_words,
                      "order": "a job: header, weights, scales, pixels column by column"},
            "output": {"port": "m_axis", "bytes_a_word": 2 * self.lane_bytes, "lanes": 2,
                       "bits_a_lane": 8 * self.lane_bytes, "signed": True},
            "frames_a_batch": self.batch, "cycles_a_batch": self.cycles,
            "layers": [layer.summary(s) for layer in self.layers],
            "host_layers": [list(layer) for layer in self.host],
        }

    def facts(self) -> list[str]:
        """Lines at the head of the Verilog."""
        s = self.shape
        sums = f"sums saturate at {s.acc} bits" if s.acc else f"sums of {s.out_bits} bits"
        lines = [f"core of {s.ni} input channels and {s.no} units of {s.kernel}x{s.kernel}, "
                 f"{s.bits}-bit activations, {sums}, {s.storage} storage",
                 f"{self.cycles} cycles for {self.batch} frame(s)", ""]
        for layer in self.layers:
            facts = layer.summary(s)
            lines.append(f"{layer.layer}: " + ", ".join(f"{k} {v}" for k, v in facts.items()
                                                        if k != "layer"))
        return lines

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
