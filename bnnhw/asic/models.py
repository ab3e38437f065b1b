"""Verilog models of cells, read off their Liberty functions, with a delay at each output.

They are written here and not by Yosys, which maps to the cells: two readings of the library meet
in a simulation.
"""

from __future__ import annotations

from bnnhw.asic.cell import Cell, State
from bnnhw.errors import ConfigError

__all__ = ["cell_model"]


def cell_model(cell: Cell) -> str:
    """Verilog of a cell.

    Output ``Y`` has parameters ``Y_R`` and ``Y_F``: nanoseconds to rise and fall, 0 unless set.
    Shorter pulses do not come through. What a register or latch holds at first is random, from
    the variable ``seed`` of a top module ``bench``, as silicon powers up.

    Raises
    ------
    ConfigError
        The cell is more than logic, a flip-flop, a latch or a clock gate.
    """
    def refuse(what: str) -> ConfigError:
        return ConfigError(f"cell {cell.name} {what}, which cannot be simulated",
                           where="gate-level simulation")

    ports = [f"input {p}" for p in cell.inputs] + [f"output {p}" for p in cell.outputs]
    parameters = [f"parameter real {p}_{edge} = 0" for p in cell.outputs for edge in "RF"]
    lines = [f"module {cell.name} #({', '.join(parameters)}) ({', '.join(ports)});"]
    if cell.gating:
        lines += _gate(cell)
    elif cell.opaque:
        raise refuse("has a state that is not a plain one")
    else:
        if cell.state is not None:
            lines += _state(cell.state, cell.name)
        for name in cell.outputs:
            pin = cell.pins[name]
            if pin.function is None or pin.three_state:
                raise refuse(f"has no plain function for its output {name}")
            lines.append(_output(name, pin.function.verilog()))
    return "\n".join([*lines, "endmodule", ""])


def _output(name: str, value: str) -> str:
    return f"  assign #({name}_R, {name}_F) {name} = {value};"


def _gate(cell: Cell) -> list[str]:
    """A latch that is open while the clock is low, and an AND."""
    roles = {role: next((p.name for p in cell.pins.values() if f"clock_gate_{role}_pin"
                         in p.flags), None) for role in ("clock", "enable", "test", "out")}
    if not cell.gating.startswith("latch_posedge") or None in (
            roles["clock"], roles["enable"], roles["out"]):
        raise ConfigError(f"clock gate {cell.name} is of the kind '{cell.gating}', which cannot "
                          "be simulated", where="gate-level simulation")
    enable = roles["enable"] if roles["test"] is None else f"({roles['enable']} | {roles['test']})"
    clock = roles["clock"]
    return ["  reg held_;", "  initial #0 held_ = $random(bench.seed);",
            f"  always @* if (!{clock}) held_ = {enable};",
            _output(str(roles["out"]), f"{clock} & held_")]


def _state(state: State, cell: str) -> list[str]:
    if len(state.variables) != 2 or state.data is None or state.clock is None:
        raise ConfigError(f"cell {cell} has a state without data or clock",
                          where="gate-level simulation")
    value, complement = state.variables
    lines = [f"  reg {value};", f"  wire {complement} = ~{value};",
             f"  initial #0 {value} = $random(bench.seed);",
             f"  wire clock_ = {state.clock.verilog()};", f"  wire data_ = {state.data.verilog()};"]
    forced = []
    for name, function, to in (("clear_", state.clear, 0), ("preset_", state.preset, 1)):
        if function is not None:
            lines.append(f"  wire {name} = {function.verilog()};")
            forced.append((name, to))
    chain = "".join(f"if ({name}) {value} <= 1'b{to}; else " for name, to in forced)
    if state.kind == "ff":
        edges = "".join(f" or posedge {name}" for name, _ in forced)
        return [*lines, f"  always @(posedge clock_{edges}) {chain}{value} <= data_;"]
    return [*lines, f"  always @* {chain}if (clock_) {value} <= data_;"]
