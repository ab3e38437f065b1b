"""Describes a YodaNN plan for tables and documents: its layers, streams and modules."""

from __future__ import annotations

from bnnhw.arch.rows import Part, Rows
from bnnhw.arch.yodann.model import YodannPlan

__all__ = ["describe"]

COLUMNS = ("layer", "jobs", "mode", "cycles", "operations", "operations per cycle", "utilisation",
           "share of the bound")


def describe(plan: YodannPlan) -> Rows:
    """Describe a plan for tables, documents, comments and reports."""
    s = plan.shape
    layers = [layer.summary(s) for layer in plan.layers]
    host = ", ".join(f"{name} ({kind})" for name, kind in plan.host)
    sums = f"sums saturate at {s.acc} bits" if s.acc else f"sums of {s.out_bits} bits"
    return Rows(
        f"{plan.name} on {plan.device}: a core of {s.ni} channels and {s.no} units of "
        f"{s.kernel}x{s.kernel}",
        COLUMNS, tuple(tuple(layer.values()) for layer in layers),
        f"{plan.cycles:,} cycles for {plan.batch} frame(s)", plan.cycles, plan.batch,
        _parts(plan), (f"on the host: {host}",) if host else (),
        (f"core of {s.ni} input channels and {s.no} units of {s.kernel}x{s.kernel}, "
         f"{s.bits}-bit activations, {sums}, {s.storage} storage",
         f"{plan.cycles} cycles for {plan.batch} frame(s)", "",
         *(f"{layer['layer']}: " + ", ".join(f"{k} {v}" for k, v in layer.items() if k != "layer")
           for layer in layers)),
        {"input": {"port": "s_axis", "bytes_a_word": plan.in_bytes, "bits_a_word": s.bits,
                   "header": [list(field) for field in s.header],
                   "header_words": s.header_words,
                   "order": "a job: header, weights, scales, pixels column by column"},
         "output": {"port": "m_axis", "bytes_a_word": 2 * plan.lane_bytes, "lanes": 2,
                    "bits_a_lane": 8 * plan.lane_bytes, "signed": True},
         "frames_a_batch": plan.batch, "cycles_a_batch": plan.cycles, "layers": layers,
         "host_layers": [list(layer) for layer in plan.host]},
        {"frames_per_batch": plan.batch, "cycles_per_batch": plan.cycles,
         "layers": [_renamed(layer) for layer in layers],
         "host_layers": [{"layer": name, "kind": kind} for name, kind in plan.host]})


def _renamed(layer: dict[str, object]) -> dict[str, object]:
    """A layer as JSON documents have it; the manifest keeps an older key."""
    return {key.replace("operations_a_cycle", "operations_per_cycle"): value
            for key, value in layer.items()}


def _parts(plan: YodannPlan) -> tuple[Part, ...]:
    """Modules of the core, by the names of their instances."""
    before = ("control", "image_memory", "image_bank", "filter_bank", "operands")
    arrays = [part for k in range(plan.shape.no) for part in (
        Part(f"unit{k}", "sop", plan.shape.products), Part(f"summer{k}", "summer"))]
    arrays += [Part("window_unit", "sop"), Part("window_summer", "summer")]
    return (*(Part(name, name) for name in before), *arrays,
            *(Part(name, name) for name in ("drain", "scale_bias", "queue")))
