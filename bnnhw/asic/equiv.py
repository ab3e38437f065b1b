"""Proof that a mapped netlist does what the Verilog of its design says, for ever.

Both are cut at what they store: registers, latches, and the latch inside each clock gate. What is
left is logic that reads inputs (the clock is one of them) and what is stored, and makes outputs,
data, and *controls*: the clock of a register, the enable of a latch. Each register and latch of the
Verilog is looked up in the netlist by its name, which synthesis keeps: it is one of the same kind
there, or a constant. For a register whose name is gone, a simulation suggests what it is.

That is a function from the states of the netlist to the states of the Verilog. Proven is, for all
inputs, both values of the clock and all states of the netlist, that

* outputs,
* the data of each register and latch that is matched, and
* its control

agree, and that no clear or preset of a matched register or latch is ever active. Then whatever
happens (an edge of the clock or of a gated one, an input that changes at any time, a latch that
opens), what is stored takes the same values on both sides at the same time, and from any state of
the netlist the Verilog can go the same way for ever: a simulation relation.
Where the Verilog leaves a value open, the netlist may have any; controls are never left open.
What has no counterpart counts as a value that nobody knows: if anything depends on it, there is no
proof. No state is assumed to be unreachable, so that a failed proof is no proof of a fault.

Assumed is that logic has settled when something is stored. That a clock gate's output has no
glitch, that an enable stays until the clock has risen, and that data passes no latch before it
closes, are questions of time, which static timing analysis answers (setup and hold of registers,
latches and enables of clock gates).
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnnhw.asic.aig import FALSE, LANES, TRUE, Aig
from bnnhw.asic.cover import Net
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.match import match_stored
from bnnhw.asic.rails import EITHER, NEITHER, Rails, Values, allowed, plain, rails
from bnnhw.asic.states import Logic, cut_netlist, cut_text
from bnnhw.emit.shims import shims_used
from bnnhw.tools.tools import Tools

__all__ = ["Equivalence", "prove_netlist"]

PART = 20_000
"""ANDs that one call of ABC gets, about: more take longer than as many in two parts."""
SAMPLES = 8
"""Rounds of random cases that are tried first."""
SHOWN = 5
"""Names of what differs that are kept."""
READ, MATCHED = 0.3, 0.4
"""Fractions of the work until the Verilog is read, and until its registers are matched."""
PROVE = "+strash;iprove;fraig;iprove;strash"


@dataclass(frozen=True)
class Equivalence:
    """Result of a proof.

    Attributes
    ----------
    proven : bool
    registers, latches : int
        Of the Verilog, matched to those of the netlist; the latch of a clock gate is one.
    constant : int
        Matched to constants.
    gone : int
        Without a match; nothing compared depends on them if it is proven.
    compared : int
        Outputs, data and controls, each pair of nets once.
    differing : tuple of str
        Some that differ for random inputs and states, by their names in the Verilog; there may
        be none though it is not proven.
    """

    proven: bool
    registers: int
    latches: int
    constant: int
    gone: int
    compared: int
    differing: tuple[str, ...] = ()

    def sentence(self) -> str:
        latches = f"{self.latches:,} latches, " if self.latches else ""
        where = f"; differs: {', '.join(self.differing)}" if self.differing else ""
        return (f"netlist {'proven equal' if self.proven else 'not proven equal'} to the Verilog: "
                f"{self.compared:,} outputs, next states and clocks, {self.registers:,} registers, "
                f"{latches}{self.constant} that are constant, {self.gone} that are gone{where}")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _Pair:
    """Nets that have to agree; ``exact`` where the Verilog must not leave it open."""

    netlist: Net
    text: Net
    exact: bool


def prove_netlist(verilog: str, mapped: Mapped,
                  done: Callable[[float], None] | None = None) -> Equivalence:
    """Prove that ``mapped`` is ``verilog``, which it was made of.

    Parameters
    ----------
    verilog : str
    mapped : Mapped
    done : callable or None
        Receives the fraction of the work that is done, about.

    Raises
    ------
    ConfigError
        There is something else than logic, registers, latches and clock gates; or a net depends
        on itself.
    ToolError
        Yosys is missing or failed.
    """
    with tempfile.TemporaryDirectory(prefix="bnnhw-equiv-") as scratch:
        folder = Path(scratch)
        tell = done or (lambda fraction: None)
        text, netlist = _read(folder, verilog, mapped), cut_netlist(mapped)
        tell(READ)
        matched = match_stored(text, netlist)
        pairs = _pairs(text, netlist, matched)
        aig = Aig()
        agree = _agree(aig, text, netlist, matched, pairs)
        differing = _differing(aig, agree, pairs)
        tell(MATCHED)
        proven = not differing
        parts = list(_parts(aig, agree)) if proven else []
        for k, part in enumerate(parts, 1):
            if not _never(folder, aig, part):
                proven = False
                break
            tell(MATCHED + (1 - MATCHED) * k / len(parts))
    fixed = sum(there in ("0", "1") for there in matched.values())
    latches = sum(text.stored[own].kind == "latch" and there not in ("0", "1")
                  for own, there in matched.items())
    return Equivalence(proven, len(matched) - fixed - latches, latches, fixed,
                       len(text.stored) - len(matched), len(pairs), differing)


def _read(folder: Path, verilog: str, mapped: Mapped) -> Logic:
    """The Verilog as simple gates, registers and latches; nothing is optimised or merged."""
    text = verilog if "`ifndef BNNHW_CELLS" in verilog else verilog + shims_used(verilog)
    (folder / "text.v").write_text(text)
    _yosys(folder, f"""
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
    return cut_text(json.loads((folder / "text.json").read_text())["modules"][mapped.top])


def _yosys(folder: Path, script: str) -> None:
    (folder / "run.ys").write_text(script)
    Tools().run("yosys", ["-Q", "-T", "-q", "run.ys"], folder)


def _pairs(text: Logic, netlist: Logic, matched: dict[Net, Net]) -> dict[_Pair, str]:
    """What has to agree, with a name for each."""
    pairs = {_Pair(netlist.outputs[name], net, False): name for name, net in text.outputs.items()}
    names = {net: name for name, net in reversed(text.names.items())}
    for own, there in matched.items():
        stored, name = text.stored[own], str(names.get(own, own))
        if there in ("0", "1"):
            # Whenever it takes its data, that is the constant: no matter when.
            pairs.setdefault(_Pair(there, stored.data, False), f"data of {name}")
            continue
        other = netlist.stored[there]
        what = "clock" if stored.kind == "register" else "enable"
        pairs.setdefault(_Pair(other.data, stored.data, False), f"data of {name}")
        pairs.setdefault(_Pair(other.control, stored.control, True), f"{what} of {name}")
        for forced in set(other.forced) - {"0"}:
            pairs.setdefault(_Pair(forced, "0", True), f"clear or preset of {name}")
    return pairs


def _agree(aig: Aig, text: Logic, netlist: Logic, matched: dict[Net, Net],
           pairs: dict[_Pair, str]) -> list[int]:
    """For each pair a literal that is 1 where they agree."""
    inputs = {name: aig.free() for name in text.inputs}
    known: dict[Net, int] = {"0": FALSE, "1": TRUE}
    known |= {net: inputs[name] for name, net in netlist.inputs.items()}
    known |= {net: aig.free() for net in netlist.stored}
    # Whatever an open net of the netlist is at: the proof is for both.
    left = Values[int](netlist.covers, known, aig.value, lambda _: aig.free())
    state: dict[Net, Rails] = {"0": plain(FALSE), "1": plain(TRUE), "x": EITHER}
    state |= {net: plain(inputs[name]) for name, net in text.inputs.items()}
    state |= {own: plain(known[matched[own]]) if own in matched else NEITHER
              for own in text.stored}
    right = Values[Rails](text.covers, state, lambda f, pins: rails(aig, f, pins),
                          lambda _: EITHER)
    agree = []
    for pair in pairs:
        found, wanted = left[pair.netlist], right[pair.text]
        ok = allowed(aig, found, wanted)
        if pair.exact:
            ok = aig.both(ok, aig.differ(*wanted))
        agree.append(ok)
    return agree


def _differing(aig: Aig, agree: list[int], pairs: dict[_Pair, str]) -> tuple[str, ...]:
    """Names of pairs that do not agree in random cases, which need no prover."""
    found: dict[str, None] = {}
    left = [(ok, name) for ok, name in zip(agree, pairs.values(), strict=True) if ok != TRUE]
    for seed in range(SAMPLES if left else 0):
        values = aig.samples(seed)
        found |= {name: None for ok, name in left
                  if values[ok >> 1] != (0 if ok & 1 else (1 << LANES) - 1)}
    return tuple(found)[:SHOWN]


def _parts(aig: Aig, agree: list[int]) -> Iterator[int]:
    """Literals that have to be 0: some pairs each, as many as share their logic."""
    seen: set[int] = set()
    size, wrong = 0, list[int]()
    for ok in agree:
        if ok == TRUE:
            continue  # of one structure on both sides
        size += aig.cone([ok], seen)
        wrong.append(ok ^ 1)
        if size > PART:
            yield aig.any_of(wrong)
            seen, size, wrong = set(), 0, []
    if wrong:
        yield aig.any_of(wrong)


def _never(folder: Path, aig: Aig, literal: int) -> bool:
    """Whether ABC proves that a literal is 0 in all cases."""
    if literal in (FALSE, TRUE):
        return literal == FALSE
    (folder / "part.aig").write_bytes(aig.aiger(literal, "differs"))
    _yosys(folder, f"""
read_aiger -module_name difference part.aig
abc -g AND -script {PROVE}
opt_clean
write_json proof.json
""")
    proof = json.loads((folder / "proof.json").read_text())["modules"]["difference"]
    # ABC put the constant there, as there are no inputs for which it is 1.
    return bool(proof["ports"]["differs"]["bits"] == ["0"])
