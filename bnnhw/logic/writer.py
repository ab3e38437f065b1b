"""Writes a netlist as a Verilog module: ports, pipeline registers and the names of nets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from bnnhw.logic.cells import Chain, Function, Lut, Slot
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Schedule

__all__ = ["Gap", "Names", "module_text"]


@dataclass(frozen=True)
class Gap:
    """The slot between two chains of a sequence.

    Parameters
    ----------
    out : int or None
        Bit that is the carry out of the chain before it; None where nothing reads that carry.
    entry : int, Function or None
        Literal, or function of two bits, that is the carry into the chain after it.
    stage : int
        Pipeline stage of both chains.
    """

    out: int | None
    entry: int | Function | None
    stage: int


class Names:
    """Verilog names of a netlist's bits at each pipeline stage.

    ``read`` adds the pipeline registers that a name needs, so that the set of registers is complete
    once all cells are written.

    Attributes
    ----------
    netlist : Netlist
    schedule : Schedule
    luts, chains : list
        Live cells: at least one of their outputs is read.
    used : set of int
        Bits that a live cell or an output of the netlist reads.
    """

    def __init__(self, netlist: Netlist, schedule: Schedule) -> None:
        self.netlist, self.schedule = netlist, schedule
        self.used = netlist.used()
        live = [cell for cell in netlist.cells if netlist.live(cell, self.used)]
        self.luts = [cell for cell in live if isinstance(cell, Lut)]
        self.chains = [cell for cell in live if isinstance(cell, Chain) and cell.slots]
        self._wires: dict[int, int] = {}
        self.registers: dict[tuple[int, int, int], int] = {}
        """Index of each (bit, stage, copy) in the vector of that stage's registers."""
        self._counts = [0] * (schedule.cuts + 1)
        self._reads: Counter[tuple[int, int]] = Counter()

    def stage_of(self, cell: Lut | Chain) -> int:
        """Pipeline stage of a cell."""
        out = cell.out if isinstance(cell, Lut) else cell.slots[0].total
        return self.schedule.stage[out]

    def wire(self, bit: int) -> str:
        """Name of a bit at the stage that computes it."""
        if bit == 0:
            return "1'b0"
        if bit <= self.netlist.inputs:
            return f"x[{bit - 1}]"
        return f"n{self._wires.setdefault(bit, len(self._wires))}"

    def read(self, bit: int, stage: int) -> str:
        """Name of a bit at ``stage``; adds its pipeline registers."""
        made = self.schedule.stage[bit]
        if bit == 0 or made == stage:
            return self.wire(bit)
        copy = 0
        if self.schedule.max_fanout:
            copy = self._reads[bit, stage] // self.schedule.max_fanout
            self._reads[bit, stage] += 1
        if (bit, stage, copy) not in self.registers:
            self.registers[bit, stage, copy] = self._counts[stage]
            self._counts[stage] += 1
        return f"r{stage}[{self.registers[bit, stage, copy]}]"

    def literal(self, lit: int, stage: int) -> str:
        """Expression of a literal at ``stage``."""
        name = self.read(lit >> 1, stage)
        if lit <= 1:
            return f"1'b{lit}"
        return f"~{name}" if lit & 1 else name

    def stages(self) -> list[list[Chain]]:
        """Chains of each stage, each chain before those that read it."""
        depth = [0] * self.netlist.bits
        for cell in self.netlist.cells:
            at = 1 + max((depth[bit] for bit in cell.reads), default=0)
            for function in cell.functions:
                depth[function.out] = at

        def key(chain: Chain) -> tuple[int, int, int]:
            out = chain.slots[0].total
            return self.stage_of(chain), depth[out], out

        return [list(group) for _, group in groupby(sorted(self.chains, key=key), self.stage_of)]

    def sequences(self, longest: int, headed: bool = False) -> list[list[Slot | Gap]]:
        """Chains of a stage joined into sequences of at most ``longest`` slots and gaps.

        A chain comes before those that read it, so that no loop of cells can arise. A sequence
        whose first chain has no carry in begins with the first slot of that chain, or with a gap
        where it is ``headed``.
        """
        made: list[list[Slot | Gap]] = []
        for chains in self.stages():
            row: list[Slot | Gap] = []
            pending: int | None = None
            stage = self.stage_of(chains[0])
            for chain in chains:
                if row and len(row) + len(chain.slots) + 2 > longest:
                    made.append(row + ([] if pending is None else [Gap(pending, None, stage)]))
                    row, pending = [], None
                entry = chain.carry if chain.inject is None else chain.inject
                if row or headed or entry != 0:
                    row.append(Gap(pending, entry, stage))
                row += chain.slots
                last = chain.slots[-1].carry
                pending = last if last in self.used else None
            made.append(row + ([] if pending is None else [Gap(pending, None, stage)]))
        return made


def module_text(name: str, netlist: Netlist, schedule: Schedule,
                instances: Callable[[Names], list[str]],
                register: Callable[[str, str], str | None], behaviour: str = "") -> str:
    """Write a netlist as a Verilog module ``name(clk, x, y)``, without ``clk`` if it has no stages.

    Parameters
    ----------
    name : str
    netlist : Netlist
    schedule : Schedule
    instances, register : callable
        The netlist writer of a family, see ``Target.instances`` and ``Target.register``.
    behaviour : str
        Body for simulators with the same function and latency, written for speed. Where it is
        given, the cells are used only if ``SYNTHESIS`` is defined, as synthesis tools do.
    """
    names = Names(netlist, schedule)
    cells = instances(names)
    outputs = [names.literal(lit, schedule.cuts) for lit in netlist.outputs]
    clock = "input clk, " if schedule.cuts else ""
    lines = [f"module {name}({clock}input [{max(netlist.inputs, 1) - 1}:0] x, "
             f"output [{max(len(outputs), 1) - 1}:0] y);"]
    body = []
    if names._wires:
        # Scalars, as simulators report a vector that feeds itself as a loop.
        wires = [f"n{k}" for k in range(len(names._wires))]
        body += [f"wire {', '.join(wires[k:k + 16])};" for k in range(0, len(wires), 16)]
    # A register reads one of the stage before, which that read may add: the last stage first.
    stages = [_registers(names, stage, register) for stage in range(schedule.cuts, 0, -1)]
    body += [line for lines in stages[::-1] for line in lines]
    body += cells
    body.append(f"assign y = {{{_joined(outputs)}}};")
    if behaviour:
        body = ["`ifdef SYNTHESIS", *body, "`else", behaviour, "`endif"]
    return "\n".join([*lines, *body, "endmodule"]) + "\n"


def _registers(names: Names, stage: int,
               register: Callable[[str, str], str | None]) -> list[str]:
    """Registers of a stage, in the order of their index."""
    found = sorted((index, bit, copy) for (bit, s, copy), index in names.registers.items()
                   if s == stage)
    if not found:
        return []
    sources = [names.read(bit, stage - 1) for _, bit, _ in found]
    if any(copy for _, _, copy in found):
        # Synthesis would merge equal plain registers, but not cells.
        cells = [register(source, f"r{stage}[{index}]")
                 for (index, _, _), source in zip(found, sources, strict=True)]
        kept = [cell for cell in cells if cell is not None]
        if len(kept) == len(found):
            return [f"wire [{len(found) - 1}:0] r{stage};", *kept]
    return [f"reg [{len(found) - 1}:0] r{stage};",
            f"always @(posedge clk) r{stage} <= {{{_joined(sources)}}};"]


def _joined(names: list[str]) -> str:
    """The items of a concatenation, highest first, in lines of twelve."""
    reverse = names[::-1]
    return ",\n".join(", ".join(reverse[k:k + 12]) for k in range(0, len(reverse), 12))
