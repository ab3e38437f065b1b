"""Writes a Verilog simulation model of each cell from its Liberty functions, with output delays.

Yosys could write such models too, but it also maps to the cells: with separate models, a simulation
compares two independent interpretations of the library.
"""

from __future__ import annotations

from bnnhw.asic.cell import Cell, State
from bnnhw.errors import ConfigError

__all__ = ["cell_model"]


def cell_model(cell: Cell) -> str:
    """Return the Verilog model of a cell.

    Each output ``Y`` has the parameters ``Y_R`` and ``Y_F``, its rise and fall delay in nanoseconds
    (default 0). Delays are inertial: shorter pulses are suppressed. The initial state of a register
    or latch is random, as in silicon; it comes from the variable ``seed`` of the top module
    ``bench``.

    Raises
    ------
    ConfigError
        The cell is neither logic nor a flip-flop, latch or clock gate.
    """
    def unsupported(what: str) -> ConfigError:
        return ConfigError(f"cell {cell.name} {what}, which cannot be simulated",
                           where="gate-level simulation")

    ports = [f"input {p}" for p in cell.inputs] + [f"output {p}" for p in cell.outputs]
    parameters = [f"parameter real {p}_{edge} = 0" for p in cell.outputs for edge in "RF"]
    lines = [f"module {cell.name} #({', '.join(parameters)}) ({', '.join(ports)});"]
    if cell.gating:
        lines += _clock_gate(cell)
    elif cell.opaque:
        raise unsupported("has a state that is not one flip-flop or latch")
    else:
        if cell.state is not None:
            lines += _state(cell.state, cell.name)
        for name in cell.outputs:
            pin = cell.pins[name]
            if pin.function is None or pin.three_state:
                raise unsupported(f"has no two-state function for its output {name}")
            lines.append(_output(name, pin.function.verilog()))
    return "\n".join([*lines, "endmodule", ""])


def _output(name: str, value: str) -> str:
    return f"  assign #({name}_R, {name}_F) {name} = {value};"


def _clock_gate(cell: Cell) -> list[str]:
    """Return the body of a clock gate: a latch, transparent while the clock is 0, and an AND."""
    roles = {role: next((p.name for p in cell.pins.values() if f"clock_gate_{role}_pin"
                         in p.flags), None) for role in ("clock", "enable", "test", "out")}
    if not cell.gating.startswith("latch_posedge") or None in (
            roles["clock"], roles["enable"], roles["out"]):
        raise ConfigError(f"clock gate {cell.name} has the type '{cell.gating}'; only "
                          "latch_posedge clock gates can be simulated",
                          where="gate-level simulation")
    enable = roles["enable"] if roles["test"] is None else f"({roles['enable']} | {roles['test']})"
    clock = roles["clock"]
    return ["  reg held_;", "  initial #0 held_ = $random(bench.seed);",
            f"  always @* if (!{clock}) held_ = {enable};",
            _output(str(roles["out"]), f"{clock} & held_")]


def _state(state: State, cell: str) -> list[str]:
    if len(state.variables) != 2 or state.data is None or state.clock is None:
        raise ConfigError(f"cell {cell} has no data or no clock function",
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
    overrides = "".join(f"if ({name}) {value} <= 1'b{to}; else " for name, to in forced)
    if state.kind == "ff":
        edges = "".join(f" or posedge {name}" for name, _ in forced)
        return [*lines, f"  always @(posedge clock_{edges}) {overrides}{value} <= data_;"]
    return [*lines, f"  always @* {overrides}if (clock_) {value} <= data_;"]
