"""The top-level component of a plan of units, which are joined by named streams."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.dataflow.params import BufferParams
from bnnhw.ir import Graph
from bnnhw.plan import Plan
from bnnhw.plan.image import loaded_memories
from bnnhw.rtl.shared import SharedComponent, prefix_ports
from bnnhw.rtl.spram import Loader

__all__ = ["StreamingTop"]


class StreamingTop(SharedComponent):
    """The hardware of a Plan.

    The output stream of a unit named ``u`` is the signals ``u_o_valid``, ``u_o_ready`` and
    ``u_o_payload`` of the top module; simulators tap layers there. ``u_held`` is the
    fill level of a line buffer or FIFO in words.

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tready, s_axis_tlast : AXI4-Stream in
    m_axis_tdata, m_axis_tvalid, m_axis_tready, m_axis_tlast : AXI4-Stream out
    frame_error : Out(1)
        Set, until reset, once ``s_axis_tlast`` was not at the end of a frame.
    load_begin, load_valid : In(1)
        Present only where ROMs are loaded (``bnnhw.hostlink.wire.weights``). ``load_begin``
        restarts the image with the next word; ``load_valid`` marks a word. The core must be
        empty meanwhile.
    load_data : In(16)
    loaded : Out(1)
        All words have arrived. Reset does not change it.
    """

    def __init__(self, plan: Plan, graph: Graph) -> None:
        self.plan = plan
        self.graph = graph
        self.loads = loaded_memories(plan)
        super().__init__({
            "s_axis_tdata": In(8 * plan.i.bytes), "s_axis_tvalid": In(1),
            "s_axis_tready": Out(1), "s_axis_tlast": In(1),
            "m_axis_tdata": Out(8 * plan.o.bytes), "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1), "m_axis_tlast": Out(1),
            "frame_error": Out(1),
            **({"load_begin": In(1), "load_valid": In(1), "load_data": In(16), "loaded": Out(1)}
               if self.loads else {}),
        })

    @property
    def module_name(self) -> str:
        return self.plan.name

    def body(self, platform: object) -> Module:
        m = Module()
        components: dict[str, SharedComponent] = {}
        outputs: dict[str, stream.Interface] = {}
        for unit in self.plan.units:
            component = unit.create(self.graph, self.plan.name)
            prefix_ports(component, unit.name)
            m.submodules[unit.name] = component
            components[unit.name] = component
            if isinstance(unit.params, BufferParams):
                held = Signal(len(component.level), name=f"{unit.name}_held")
                m.d.comb += held.eq(component.level)
            for k, port in enumerate(unit.out_ports):
                outputs[unit.name if len(unit.out_ports) == 1 else f"{unit.name}.{k}"] = \
                    getattr(component, port)
            for source, port in zip(unit.sources, unit.params.in_ports, strict=False):
                _connect(m, outputs[source], getattr(component, port))
        first, last = (components[self.plan.units[k].name] for k in (0, -1))
        m.d.comb += [
            first.i.payload.eq(self.s_axis_tdata),
            first.i.valid.eq(self.s_axis_tvalid),
            first.last.eq(self.s_axis_tlast),
            self.s_axis_tready.eq(first.i.ready),
            self.frame_error.eq(first.error),
            self.m_axis_tdata.eq(last.o.payload),
            self.m_axis_tvalid.eq(last.o.valid),
            self.m_axis_tlast.eq(last.last),
            last.o.ready.eq(self.m_axis_tready),
        ]
        if self.loads:
            self._load(m, components)
        return m

    def _load(self, m: Module, components: dict[str, SharedComponent]) -> None:
        """Distribute the words of the image to the units whose ROMs they belong to."""
        m.submodules.loader = loader = Loader(self.loads)
        m.d.comb += [loader.begin.eq(self.load_begin), loader.valid.eq(self.load_valid),
                     self.loaded.eq(loader.loaded)]
        for k, memory in enumerate(self.loads):
            unit = components[memory.unit]
            m.d.comb += [unit.load.eq(loader.write[k]), unit.load_at.eq(loader.at),
                         unit.load_part.eq(loader.part), unit.load_data.eq(self.load_data)]


def _connect(m: Module, source: stream.Interface, sink: stream.Interface) -> None:
    m.d.comb += [
        sink.payload.eq(source.payload),
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
    ]
