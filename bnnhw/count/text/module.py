"""The frame of a netlist's module: ports, registers between stages, and names of bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from bnnhw.count.cells import Chain, Function, Lut, Slot
from bnnhw.count.netlist import Netlist
from bnnhw.count.pipeline import Schedule

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
        self.registers: dict[tuple[int, int], int] = {}
        """Index of each (bit, stage) in the vector of that stage's registers."""
        self._counts = [0] * (schedule.cuts + 1)

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
        for s in range(made + 1, stage + 1):
            if (bit, s) not in self.registers:
                self.registers[bit, s] = self._counts[s]
                self._counts[s] += 1
        return f"r{stage}[{self.registers[bit, stage]}]"

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

    def sequences(self, longest: int) -> list[list[Slot | Gap]]:
        """Chains of a stage behind one another, at most ``longest`` places in a row.

        Those that others read come first, so that no loop of cells can arise. A sequence whose
        first chain has no carry in begins with its first slot.
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
                if row or entry != 0:
                    row.append(Gap(pending, entry, stage))
                row += chain.slots
                last = chain.slots[-1].carry
                pending = last if last in self.used else None
            made.append(row + ([] if pending is None else [Gap(pending, None, stage)]))
        return made


def module_text(name: str, netlist: Netlist, schedule: Schedule,
                writer: Callable[[Names], list[str]], behaviour: str = "") -> str:
    """Write a netlist as a Verilog module ``name(clk, x, y)``; ``clk`` only where it has stages.

    Parameters
    ----------
    behaviour : str
        Body for simulators: the same function and latency, written for speed. Where it is given,
        cells are used under ``SYNTHESIS`` only, which synthesis tools define.
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
    for stage in range(1, schedule.cuts + 1):
        bits = sorted((index, bit) for (bit, s), index in names.registers.items() if s == stage)
        if not bits:
            continue
        sources = [names.read(bit, stage - 1) for _, bit in bits]
        body += [f"reg [{len(bits) - 1}:0] r{stage};",
                 f"always @(posedge clk) r{stage} <= {{{_joined(sources)}}};"]
    body += cells
    body.append(f"assign y = {{{_joined(outputs)}}};")
    if behaviour:
        body = ["`ifdef SYNTHESIS", *body, "`else", behaviour, "`endif"]
    return "\n".join([*lines, *body, "endmodule"]) + "\n"


def _joined(names: list[str]) -> str:
    """A concatenation, highest first, in lines that people can scroll."""
    reverse = names[::-1]
    return ",\n".join(", ".join(reverse[k:k + 12]) for k in range(0, len(reverse), 12))
