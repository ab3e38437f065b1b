"""The frame of a netlist's module: ports, registers between stages, and names of bits."""

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
    """The place between two chains.

    Parameters
    ----------
    out : int or None
        Bit that is the carry of the chain before, if anything reads it.
    entry : int, Function or None
        Literal, or function, that goes into the chain behind.
    stage : int
    """

    out: int | None
    entry: int | Function | None
    stage: int


class Names:
    """Names of bits at the stages where they are read; registers follow from what is asked for.

    Attributes
    ----------
    netlist : Netlist
    schedule : Schedule
    luts, chains : list
        Cells that something reads.
    used : set of int
        Bits that are read.
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
        out = cell.out if isinstance(cell, Lut) else cell.slots[0].total
        return self.schedule.stage[out]

    def wire(self, bit: int) -> str:
        """Name of a bit where it is made."""
        if bit == 0:
            return "1'b0"
        if bit <= self.netlist.inputs:
            return f"x[{bit - 1}]"
        return f"n{self._wires.setdefault(bit, len(self._wires))}"

    def read(self, bit: int, stage: int) -> str:
        """Name of a bit as a cell of ``stage`` reads it."""
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
        name = self.read(lit >> 1, stage)
        if lit <= 1:
            return f"1'b{lit}"
        return f"~{name}" if lit & 1 else name

    def stages(self) -> list[list[Chain]]:
        """Chains of each stage, those that others read first."""
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
        """Chains of a stage behind one another, at most ``longest`` places in a row.

        Those that others read come first, so that no loop of cells can arise. A sequence whose
        first chain has no carry in begins with its first slot, unless it is to be ``headed``: then
        it begins with a gap, which does not read the carry in front of it.
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
                writer: Callable[[Names], list[str]], behaviour: str = "",
                copies: Callable[[str, str], str] | None = None) -> str:
    """Write a netlist as a Verilog module ``name(clk, x, y)``; ``clk`` only where it has stages.

    Parameters
    ----------
    behaviour : str
        Body for simulators: the same function and latency, written for speed. Where it is given,
        cells are used under ``SYNTHESIS`` only, which synthesis tools define.
    copies : callable or None
        Writes a register, from the names of its input and output, that synthesis leaves as it is;
        for schedules that limit fan-out.
    """
    names = Names(netlist, schedule)
    cells = writer(names)
    outputs = [names.literal(lit, schedule.cuts) for lit in netlist.outputs]
    clock = "input clk, " if schedule.cuts else ""
    lines = [f"module {name}({clock}input [{max(netlist.inputs, 1) - 1}:0] x, "
             f"output [{max(len(outputs), 1) - 1}:0] y);"]
    body = []
    if names._wires:
        # Scalars: simulators take a vector that feeds itself for a loop.
        wires = [f"n{k}" for k in range(len(names._wires))]
        body += [f"wire {', '.join(wires[k:k + 16])};" for k in range(0, len(wires), 16)]
    # A register reads one of the stage before, which may be made for it: the last stage first.
    stages = [_registers(names, stage, copies) for stage in range(schedule.cuts, 0, -1)]
    body += [line for lines in stages[::-1] for line in lines]
    body += cells
    body.append(f"assign y = {{{_joined(outputs)}}};")
    if behaviour:
        body = ["`ifdef SYNTHESIS", *body, "`else", behaviour, "`endif"]
    return "\n".join([*lines, *body, "endmodule"]) + "\n"


def _registers(names: Names, stage: int, copies: Callable[[str, str], str] | None) -> list[str]:
    """Registers of a stage, in the order of their index."""
    found = sorted((index, bit, copy) for (bit, s, copy), index in names.registers.items()
                   if s == stage)
    if not found:
        return []
    sources = [names.read(bit, stage - 1) for _, bit, _ in found]
    if not any(copy for _, _, copy in found) or copies is None:
        return [f"reg [{len(found) - 1}:0] r{stage};",
                f"always @(posedge clk) r{stage} <= {{{_joined(sources)}}};"]
    # Synthesis would make one of equal registers, but not of cells.
    return [f"wire [{len(found) - 1}:0] r{stage};",
            *(copies(source, f"r{stage}[{index}]")
              for (index, _, _), source in zip(found, sources, strict=True))]


def _joined(names: list[str]) -> str:
    """A concatenation, highest first, in lines that people can scroll."""
    reverse = names[::-1]
    return ",\n".join(", ".join(reverse[k:k + 12]) for k in range(0, len(reverse), 12))
