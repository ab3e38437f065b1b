"""Plans a streaming design: folds, memories, units, buffer depths and exact cycles."""

from __future__ import annotations

from dataclasses import replace

from bnnhw.arch.streaming.builder import Builder
from bnnhw.arch.streaming.fold_prices import FittedPrices, has_prices, solve_within
from bnnhw.arch.streaming.layers import check_lowering, lower
from bnnhw.arch.streaming.memories import choose_memories
from bnnhw.arch.streaming.products import matrix_of
from bnnhw.config.hints import Hints
from bnnhw.dataflow.folding import Fold, Matrix, solve
from bnnhw.dataflow.params import BufferParams, LabelParams
from bnnhw.dataflow.rough_prices import RoughPrices
from bnnhw.dataflow.sizing import size
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.unit import Unit
from bnnhw.dataflow.units import FifoParams, OutputParams, SequenceParams
from bnnhw.dataflow.units.mvtu import Storage
from bnnhw.errors import PlanError
from bnnhw.families import Device
from bnnhw.families.costs import block_count
from bnnhw.ir import Graph
from bnnhw.layers import ArgMax, Binarize, Layer, Product
from bnnhw.plan import FieldPlan, Goal, Plan
from bnnhw.plan.resources import fits

__all__ = ["cannot", "check", "finish", "plan"]


def plan(graph: Graph, hints: Hints, device: Device, goal: Goal) -> Plan:
    """Plan a network as a streaming design.

    Raises
    ------
    PlanError
        The network cannot be built, or a fold, memory or goal is impossible.
    """
    check(graph, "streaming")
    vectors = [p.vector_count for p in graph.layers if isinstance(p, Product)]
    target = goal.cycles_per_frame(max(vectors, default=1))
    folds = fold_products(graph, hints, target, device)
    products = [(layer, *folds[layer.name]) for layer in graph.layers if isinstance(layer, Product)]

    def make(memories: dict[str, Storage]) -> Plan:
        builder = Builder(graph, device, target, folds, memories)
        for layer in graph.layers:
            lower(builder, layer)
        return finish(builder, "streaming")

    memories = choose_memories(products, hints, device)
    made = make(memories)
    if device.budget is None:
        return made
    for reserve in range(device.budget.blocks):
        # Buffers may take more block RAM than estimated, which moves ROMs elsewhere.
        if fits(made, device) or (reserve and sum(
                block_count(unit.params, device) for unit in made.units) <= device.budget.blocks):
            break
        others = choose_memories(products, hints, device, load=device.budget.spram > 0,
                                 reserve=reserve)
        if others != memories:
            memories, made = others, make(others)
    return made


def finish(builder: Builder, arch: str) -> Plan:
    """Join the outputs in one stream, decide the buffer depths, and make the Plan."""
    fields = _outputs(builder)
    names = [unit.name for unit in builder.units]
    for name in names:
        if names.count(name) > 1:
            raise PlanError(f"two units would be named '{name}'", hint="rename that layer")
    schedule = size(builder.units)
    units = tuple(_with_style(unit, builder.device) for unit in schedule.units)
    return Plan(builder.graph.name, arch, builder.device.name, builder.target_cycles, units, fields,
                schedule.ii, schedule.latency, schedule.spans)


def _with_style(unit: Unit, device: Device) -> Unit:
    """Choose the kind of memory of a line buffer, once its depth is decided."""
    if not isinstance(unit.params, BufferParams):
        return unit
    return replace(unit, params=unit.params.with_storage(device))


def fold_products(graph: Graph, hints: Hints, target: int,
                  device: Device) -> dict[str, tuple[Matrix, Fold]]:
    """Choose the fold of every product layer for a target in cycles per frame."""
    fronts = {"input", *(b.name for b in graph.layers if isinstance(b, Binarize))}
    layers = {layer.name: layer for layer in graph.layers if isinstance(layer, Product)}
    matrices = [matrix_of(layer, graph.input.element.width if layer.source in fronts else 1,
                          hints.get(layer.name), target)
                for layer in layers.values()]
    folds = solve_within(matrices, target, FittedPrices(device, layers)) if has_prices(device) \
        else solve(matrices, target, RoughPrices())
    return {m.name: (m, f) for m, f in zip(matrices, folds, strict=True)}


def _outputs(b: Builder) -> tuple[FieldPlan, ...]:
    """Send all outputs through one stream, one after the other; return the bits of each."""
    fields: dict[str, FieldPlan] = {}
    source, stream = "", None
    done: set[str] = set()
    for output, name in b.graph.outputs:
        owner = b.resolve(name)
        owner = next((a for a, scores in b.forwarding.items() if scores == owner), owner)
        if owner in done:
            continue
        done.add(owner)
        branch, words = b.branch(owner)
        first = 0 if stream is None else stream.words
        fields.update(_fields(b, owner, words, first))
        if stream is None:
            source, stream = branch, words
            continue
        # Each branch waits for a frame of the other one.
        source, branch = (b.add(f"{output}_fifo{k}", None, (s,), FifoParams(p, p)).name
                          for k, (s, p) in enumerate(((source, stream), (branch, words))))
        both = StreamPlan(stream.words + words.words, 1, max(stream.bits, words.bits))
        source = b.add(f"{output}_sequence", None, (source, branch),
                       SequenceParams(stream, both, words)).name
        stream = both
    assert stream is not None
    b.add("m_axis", None, (source,), OutputParams(stream, stream))
    return tuple(fields[output] for output, _ in b.graph.outputs)


def _fields(b: Builder, owner: str, words: StreamPlan, first: int) -> dict[str, FieldPlan]:
    """Return the bits of the outputs that one unit emits, in the words from ``first`` on."""
    unit = next(u for u in reversed(b.units) if u.layer == owner)
    params = unit.params
    labelled = params if isinstance(params, LabelParams) and params.labelled else None
    fields = {}
    for output, name in b.graph.outputs:
        stream = words
        if labelled is not None and name == owner:
            label_bit = labelled.scores.bits if labelled.forward else 0
            fields[output] = FieldPlan(output, 1, 1, stream.width - label_bit, False, label_bit,
                                       True, labelled.scores.groups, first, stream.words)
            continue
        if b.resolve(name) != owner and b.forwarding.get(owner) != b.resolve(name):
            continue
        if labelled is not None:
            stream = labelled.scores
        fields[output] = FieldPlan(output, stream.elements, stream.lanes, stream.width,
                                   stream.signed, groups=stream.groups, first_word=first,
                                   words=stream.words)
    return fields


def check(graph: Graph, arch: str) -> None:
    """Raise an error that names the layer which the architecture does not support."""
    for layer in graph.layers:
        if isinstance(layer, Binarize):
            if layer.source != "input" or graph.input.element.signed or \
                    len(graph.readers("input")) > 1 or layer is not graph.layers[0]:
                raise cannot(arch, layer, "binarises anything but unsigned input pixels")
        elif isinstance(layer, ArgMax) and layer.source == "input":
            raise cannot(arch, layer, "reads the input itself")
        check_lowering(layer, arch)
        if not graph.readers(layer.name) and \
                layer.name not in [source for _, source in graph.outputs]:
            raise cannot(arch, layer, "is read by no layer and is no output")
    if not any(isinstance(layer, Product) for layer in graph.layers):
        raise cannot(arch, graph.layers[-1],
                     "is in a network without product layers; add a dense or conv layer")


def cannot(arch: str, layer: Layer, message: str) -> PlanError:
    """Make the error that names an architecture and a layer."""
    return PlanError(f"architecture '{arch}' cannot build it: it {message}",
                     where=f"layer '{layer.name}' ({layer.kind})")
