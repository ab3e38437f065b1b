"""Graph to Plan: folding, then units along the chain, then exact cycles."""

from __future__ import annotations

from typing import Any

from bnnhw.arch.streaming.units import UNITS, ArgMaxPlan, ConverterPlan, InputPlan, OutputPlan
from bnnhw.arch.streaming.units.affine import plan_affine
from bnnhw.arch.streaming.units.argmax import plan_argmax
from bnnhw.arch.streaming.units.mvtu import accumulator, plan_mvtu
from bnnhw.config.hints import Hints, LayerHint
from bnnhw.device import Device
from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats
from bnnhw.ir import Bits, Graph
from bnnhw.ir.layers import Affine, ArgMax, Binarize, Dense, Layer
from bnnhw.plan import FieldPlan, Plan, StreamPlan, Unit, Wish
from bnnhw.plan.folding import Fold, Matrix, solve
from bnnhw.plan.timing import measure

__all__ = ["load_plan", "plan"]

MEMORIES = ("auto", "block", "lut", "constant")


def plan(graph: Graph, hints: Hints, device: Device, wish: Wish) -> Plan:
    """Plan a chain of dense layers as a streaming design.

    Raises
    ------
    PlanError
        The network is not such a chain, or a fold, memory or wish is impossible.
    """
    _check_chain(graph)
    target = wish.target()
    dense = [layer for layer in graph.layers if isinstance(layer, Dense)]
    matrices = [Matrix(d.name, d.outputs, d.fan_in, accumulator(d).width,
                       1 if k else graph.input.element.width,
                       _hand_fold(d, hints.get(d.name), target)) for k, d in enumerate(dense)]
    folds = dict(zip((d.name for d in dense), solve(matrices, target), strict=True))
    units: list[Unit] = []
    for layer in graph.layers:
        if isinstance(layer, Dense):
            _append(units, _mvtu(layer, folds[layer.name], hints, device), graph)
        elif isinstance(layer, Affine):
            units.append(plan_affine(layer, units[-1].o))
        elif isinstance(layer, ArgMax):
            units.append(plan_argmax(layer, units[-1].o, len(graph.outputs) == 2))
    last = units[-1].o
    units.append(OutputPlan("m_axis", None, last, last))
    names = [unit.name for unit in units]
    for name in names:
        if names.count(name) > 1:
            raise PlanError(f"two units would be named '{name}'", hint="rename that layer")
    blocks = [block for block in (unit.block() for unit in units) if block]
    timing = measure(blocks, units[0].i.words)
    return Plan(graph.name, "streaming", device.name, target, tuple(units),
                _fields(graph, units[-2]), timing.ii, timing.latency)


def load_plan(data: dict[str, Any]) -> Plan:
    """Rebuild a Plan from ``Plan.to_json``."""
    units = []
    for item in data["units"]:
        settings = {k: v for k, v in item.items() if k not in ("kind", "i", "o")}
        units.append(UNITS[item["kind"]](i=StreamPlan(**item["i"]), o=StreamPlan(**item["o"]),
                                         **settings))
    fields = tuple(FieldPlan(**item) for item in data["fields"])
    return Plan(data["name"], data["arch"], data["device"], data["target_ii"], tuple(units),
                fields, data["ii"], data["latency"])


def _fields(graph: Graph, last: Unit) -> tuple[FieldPlan, ...]:
    """Where each output of the network lies in the words of the last unit."""
    fields = []
    for output, source in graph.outputs:
        stream = last.o if source == last.layer else last.i
        label_bit = last.i.bits if isinstance(last, ArgMaxPlan) and last.forward else 0
        if isinstance(last, ArgMaxPlan) and source == last.layer:
            fields.append(FieldPlan(output, 1, 1, stream.width - label_bit, False, label_bit, True))
        else:
            fields.append(FieldPlan(output, stream.elements, stream.lanes, stream.width,
                                    stream.signed))
    return tuple(fields)


def _append(units: list[Unit], unit: Unit, graph: Graph) -> None:
    """Put ``unit`` behind the chain, with an input stage or a width converter where needed."""
    if not units:
        front = graph.layers[0] if isinstance(graph.layers[0], Binarize) else None
        element = graph.input.element
        outside = StreamPlan(unit.i.elements, unit.i.lanes, element.width, element.signed)
        units.append(InputPlan("s_axis", front.name if front else None, outside, unit.i,
                               front.threshold if front else None))
    elif units[-1].o != unit.i:
        units.append(ConverterPlan(f"{unit.name}_dwc", None, units[-1].o, unit.i))
    units.append(unit)


def _mvtu(layer: Dense, fold: Fold, hints: Hints, device: Device) -> Unit:
    memory = hints.get(layer.name, LayerHint()).memory
    steps = beats(layer.fan_in, fold.simd) * beats(layer.outputs, fold.pe)
    where = f"layer '{layer.name}'"
    if memory not in MEMORIES:
        raise PlanError(f"memory '{memory}' must be one of {', '.join(MEMORIES)}", where=where)
    if memory == "constant" and steps > 1:
        raise PlanError(
            f"constant weights need an unfolded layer, but PE {fold.pe} and SIMD {fold.simd} take "
            f"{steps} steps", where=where,
            hint=f"use fold {{pe: {layer.outputs}, simd: {layer.fan_in}}} or memory 'lut'")
    return plan_mvtu(layer, fold, device, memory)


def _hand_fold(layer: Dense, hint: LayerHint | None, target: int) -> Fold | None:
    """The fold given by hand; where only one half is given, the other meets the target."""
    if hint is None or (hint.pe is None and hint.simd is None):
        return None
    rows, columns = layer.outputs, layer.fan_in
    if hint.simd is None:
        assert hint.pe is not None
        groups = beats(rows, min(max(hint.pe, 1), rows))
        return Fold(hint.pe, beats(columns, max(1, min(target // groups, columns))))
    if hint.pe is None:
        words = beats(columns, min(max(hint.simd, 1), columns))
        return Fold(beats(rows, max(1, min(target // words, rows))), hint.simd)
    return Fold(hint.pe, hint.simd)


def _check_chain(graph: Graph) -> None:
    """Refuse what this architecture cannot build, with the layer's name."""
    source = "input"
    for layer in graph.layers:
        if layer.source != source:
            raise _cannot(layer, f"reads '{layer.source}' and not its neighbour '{source}'")
        source = layer.name
    kinds = [layer.kind for layer in graph.layers]
    for k, layer in enumerate(graph.layers):
        if isinstance(layer, Binarize):
            if k or graph.input.element.signed:
                raise _cannot(layer, "binarises anything but unsigned input pixels")
        elif isinstance(layer, Dense):
            if not isinstance(layer.input.element, Bits):
                raise _cannot(layer, f"reads {layer.input}, expected bits")
            if layer.thresholds is not None and layer.thresholds.shape[1] != 1:
                raise _cannot(layer, "has more than one threshold a channel")
        elif isinstance(layer, (Affine, ArgMax)):
            if "dense" not in kinds[:k]:
                raise _cannot(layer, "needs a dense layer before it")
        else:
            raise _cannot(layer, f"is of kind '{layer.kind}'")
    if "dense" not in kinds:
        raise _cannot(graph.layers[-1], "is all there is, expected at least one dense layer")
    _check_outputs(graph)


def _check_outputs(graph: Graph) -> None:
    last = graph.layers[-1]
    sources = [source for _, source in graph.outputs]
    allowed = [[last.name]]
    if isinstance(last, ArgMax):
        allowed += [[last.source, last.name], [last.name, last.source]]
    if sources not in allowed:
        raise _cannot(last, f"ends a network whose outputs are taken from {', '.join(sources)}; "
                      "expected the last layer, or an argmax and its scores")


def _cannot(layer: Layer, message: str) -> PlanError:
    return PlanError(f"architecture 'streaming' cannot build it: it {message}",
                     where=f"layer '{layer.name}' ({layer.kind})")
