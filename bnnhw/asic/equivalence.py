"""Formal equivalence check of a mapped netlist against the Verilog of its design.

The check is sequential and unbounded. Both sides are split at their state elements: registers,
latches, and the latch inside each clock gate. What remains is combinational logic from inputs (the
clock is one of them) and state to outputs, to the data of each state element, and to its *control*
(the clock of a register, the enable of a latch). Each state element of the Verilog is matched with
one of the netlist of the same kind, or with a constant (``correspondence.py``).

The correspondence is a function from states of the netlist to states of the Verilog. For all
inputs, both values of the clock and all states of the netlist, the check proves that

* the outputs,
* the data of each matched state element, and
* its control

agree, and that no clear or preset of a matched state element is ever active. Then both sides store
the same values at the same time whatever happens (an edge of the clock or of a gated clock, an
input that changes at any time, a latch that opens): the function is a simulation relation. Where
the Verilog leaves a value undefined, the netlist may have either; controls must be defined. A state
element of the Verilog without a partner has an unknown value, and a proof that depends on it fails.
No state is assumed to be unreachable, so that a failed proof is not yet a fault.

The check assumes that logic has settled when a value is stored. Glitches on gated clocks, enables
that change while the clock is high, and data that races through a latch are timing questions, which
static timing analysis answers (setup and hold of registers, latches and clock-gate enables).
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bnnhw.asic.aig import FALSE, PATTERNS, TRUE, Aig
from bnnhw.asic.assignments import Net
from bnnhw.asic.correspondence import match_registers
from bnnhw.asic.dual_rail import UNKNOWN, permits
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.sequential import SequentialModule, split_netlist, split_verilog
from bnnhw.asic.shared_graph import shared_graph
from bnnhw.asic.yosys import read_yosys_json, run_yosys
from bnnhw.emit.shims import shims_used

__all__ = ["Equivalence", "prove_netlist"]

BATCH_ANDS = 20_000
"""AND nodes from which a call of ABC gets no more pairs; two small calls are faster than one."""

SIMULATION_ROUNDS = 8
"""Rounds of random simulation that look for a difference before any proof is tried."""

MAX_NAMES = 5
"""Largest number of differing nets that a result names."""

ELABORATED, COMPARED = 0.3, 0.4
"""Fractions of the run time after which the Verilog is elaborated, and both sides are compared."""

ABC_SCRIPT = "+strash;iprove;fraig;iprove;strash"


@dataclass(frozen=True)
class Equivalence:
    """Result of an equivalence check.

    Attributes
    ----------
    proven : bool
    registers, latches : int
        State elements of the Verilog with a partner in the netlist; a clock gate has one latch.
    constant : int
        State elements matched to a constant.
    gone : int
        State elements without a partner. If the proof passes, nothing that it compares depends on
        them.
    compared : int
        Pairs of nets that were compared: outputs, data and controls, each pair once.
    differing : tuple of str
        Names in the Verilog of some nets that differ in random simulation. It may be empty even
        though nothing was proven.
    """

    proven: bool
    registers: int
    latches: int
    constant: int
    gone: int
    compared: int
    differing: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Return the result as one line for people."""
        latches = f"{self.latches:,} latches, " if self.latches else ""
        where = f"; differing: {', '.join(self.differing)}" if self.differing else ""
        return (f"netlist {'proven equal' if self.proven else 'not proven equal'} to the Verilog: "
                f"{self.compared:,} outputs, next states and clocks, {self.registers:,} registers, "
                f"{latches}{self.constant} constant and {self.gone} removed state elements{where}")

    def to_json(self) -> dict[str, object]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _Pair:
    """Two nets that have to agree; with ``exact`` the Verilog must not leave its net undefined."""

    netlist: Net
    verilog: Net
    exact: bool


def prove_netlist(verilog: str, mapped: Mapped,
                  progress: Callable[[float], None] | None = None) -> Equivalence:
    """Prove that a netlist implements the Verilog that it was mapped from.

    Parameters
    ----------
    verilog : str
    mapped : Mapped
    progress : callable, optional
        Receives the approximate fraction of the work that is done.

    Raises
    ------
    ConfigError
        A side has other cells than logic, registers, latches and clock gates, a net has two
        drivers, or a net depends on itself.
    ToolError
        Yosys is missing or failed.
    """
    with tempfile.TemporaryDirectory(prefix="bnnhw-equiv-") as scratch:
        folder = Path(scratch)
        report = progress or (lambda fraction: None)
        source, netlist = _elaborate(folder, verilog, mapped), split_netlist(mapped)
        report(ELABORATED)
        matched = match_registers(source, netlist)
        pairs = _pairs(source, netlist, matched)
        aig = Aig()
        agree = _agreement(aig, source, netlist, matched, pairs)
        differing = _differing_names(aig, agree, pairs)
        report(COMPARED)
        proven = not differing
        batches = list(_batches(aig, agree)) if proven else []
        for k, batch in enumerate(batches, 1):
            if not _is_never_true(folder, aig, batch):
                proven = False
                break
            report(COMPARED + (1 - COMPARED) * k / len(batches))
    constants = sum(partner in ("0", "1") for partner in matched.values())
    latches = sum(source.state[net].kind == "latch" and partner not in ("0", "1")
                  for net, partner in matched.items())
    return Equivalence(proven, len(matched) - constants - latches, latches, constants,
                       len(source.state) - len(matched), len(pairs), differing)


def _elaborate(folder: Path, verilog: str, mapped: Mapped) -> SequentialModule:
    """Let Yosys reduce the Verilog to simple gates, registers and latches.

    Nothing is optimised across registers and no registers are merged.
    """
    text = verilog if "`ifndef BNNHW_CELLS" in verilog else verilog + shims_used(verilog)
    (folder / "text.v").write_text(text)
    run_yosys(folder, f"""
read_verilog -DSYNTHESIS text.v
hierarchy -check -top {mapped.top}
proc
setattr -unset init w:*
setattr -set keep 1 t:$dlatch
opt
wreduce
peepopt
opt_clean
alumacc
opt
memory
opt
techmap
opt
flatten
opt
dffunmap
opt_clean
write_json text.json
""")
    return split_verilog(read_yosys_json(folder / "text.json")["modules"][mapped.top])


def _pairs(verilog: SequentialModule, netlist: SequentialModule,
           matched: dict[Net, Net]) -> dict[_Pair, str]:
    """Return the pairs of nets that have to agree, with a name for each."""
    pairs = {_Pair(netlist.outputs[name], net, False): name
             for name, net in verilog.outputs.items()}
    names = {net: name for name, net in reversed(verilog.names.items())}
    for net, partner in matched.items():
        element, name = verilog.state[net], str(names.get(net, net))
        if partner in ("0", "1"):
            # The data is always that constant, so that it does not matter when it is stored.
            pairs.setdefault(_Pair(partner, element.data, False), f"data of {name}")
            continue
        other = netlist.state[partner]
        control = "clock" if element.kind == "register" else "enable"
        pairs.setdefault(_Pair(other.data, element.data, False), f"data of {name}")
        pairs.setdefault(_Pair(other.control, element.control, True), f"{control} of {name}")
        for forced in set(other.forced) - {"0"}:
            pairs.setdefault(_Pair(forced, "0", True), f"clear or preset of {name}")
    return pairs


def _agreement(aig: Aig, verilog: SequentialModule, netlist: SequentialModule,
               matched: dict[Net, Net], pairs: dict[_Pair, str]) -> list[int]:
    """Return a literal for each pair that is 1 where its nets agree."""
    left, right = shared_graph(aig, verilog, netlist, matched, lambda: UNKNOWN)
    agree = []
    for pair in pairs:
        specified = right[pair.verilog]
        ok = permits(aig, specified, left[pair.netlist])
        if pair.exact:
            ok = aig.and_(ok, aig.xor(*specified))
        agree.append(ok)
    return agree


def _differing_names(aig: Aig, agree: list[int], pairs: dict[_Pair, str]) -> tuple[str, ...]:
    """Return names of pairs that differ in random simulation, which needs no prover."""
    found: dict[str, None] = {}
    open_pairs = [(ok, name) for ok, name in zip(agree, pairs.values(), strict=True) if ok != TRUE]
    for seed in range(SIMULATION_ROUNDS if open_pairs else 0):
        values = aig.simulate(seed)
        found |= {name: None for ok, name in open_pairs
                  if values[ok >> 1] != (0 if ok & 1 else (1 << PATTERNS) - 1)}
    return tuple(found)[:MAX_NAMES]


def _batches(aig: Aig, agree: list[int]) -> Iterator[int]:
    """Yield literals that must never be 1; each stands for pairs that share logic."""
    cone: set[int] = set()
    size, disagree = 0, list[int]()
    for ok in agree:
        if ok == TRUE:
            continue  # structural hashing has proven the pair already
        size += aig.add_fanin_cone([ok], cone)
        disagree.append(ok ^ 1)
        if size > BATCH_ANDS:
            yield aig.or_many(disagree)
            cone, size, disagree = set(), 0, []
    if disagree:
        yield aig.or_many(disagree)


def _is_never_true(folder: Path, aig: Aig, literal: int) -> bool:
    """Return whether ABC proves that a literal is 0 for all inputs."""
    if literal in (FALSE, TRUE):
        return literal == FALSE
    (folder / "batch.aig").write_bytes(aig.to_aiger(literal, "differs"))
    run_yosys(folder, f"""
read_aiger -module_name difference batch.aig
abc -g AND -script {ABC_SCRIPT}
opt_clean
write_json proof.json
""")
    proof = read_yosys_json(folder / "proof.json")["modules"]["difference"]
    # ABC replaces the output by the constant 0 once it has proven that no input makes it 1.
    return proof["ports"]["differs"]["bits"] == ["0"]
