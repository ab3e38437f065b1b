"""Prepares ECP5 netlists for simulation: pads become wires, and block RAMs one common model."""

from __future__ import annotations

from dataclasses import replace

from bnnhw.errors import ConfigError
from bnnhw.families.cell_netlist import Bit, Cell, Module
from bnnhw.families.cell_replacement import (
    BEFORE,
    NORMAL,
    THROUGH,
    BlockPort,
    low_first,
    remove_replaced,
    replace_block,
    replace_pad,
)

__all__ = ["prepare"]


def prepare(module: Module) -> None:
    """Replace pads by wires and block RAMs by the common model; select inputs of flip-flops."""
    for cell in module.of_kind("TRELLIS_IO"):
        for name in ("DATAMUX_ODDR", "DATAMUX_MDDR"):
            if cell.parameters.get(name, "PADDO") != "PADDO":
                raise ConfigError("registers of pads cannot be simulated", where="TRELLIS_IO")
        replace_pad(module, cell, cell.parameters.get("DIR", "INPUT").lower(), "B", "O", "I")
    for cell in module.of_kind("TRELLIS_COMB"):
        if cell.parameters.get("MODE") == "RAMW_BLOCK":  # a LUT that is used as a write port
            cell.kind = ""
    for cell in module.of_kind("TRELLIS_FF"):
        if cell.parameters.pop("SD", "1 ").strip() == "0":
            cell.ports["DI"] = cell.ports.pop("M")
    for cell in module.of_kind("DP16KD"):
        _prepare_block(module, cell)
    remove_replaced(module)


def _prepare_block(module: Module, cell: Cell) -> None:
    """Replace a block RAM; of 36 bits, the low half is at port A and the high half at port B."""
    settings = cell.parameters

    def pin(name: str) -> Bit:
        mux = settings.get(f"{name}MUX")
        if cell.ports.get(name):
            if mux == "INV":
                raise ConfigError(f"an inverted {name} cannot be simulated", where="DP16KD")
            return cell.ports[name][0]
        if mux is None:
            return "1" if name.startswith(("CE", "OCE")) else "0"
        return {"INV": "0", name: "1"}.get(mux, mux.strip())

    def pins(name: str, count: int) -> list[Bit]:
        return [pin(f"{name}{k}") for k in range(count)]

    def outputs(name: str) -> list[Bit]:
        return [(cell.ports.get(f"{name}{k}") or [module.net()])[0] for k in range(18)]

    supported = {"REGMODE_A": "NOREG", "REGMODE_B": "NOREG", "CSDECODE_A": "0b000",
              "CSDECODE_B": "0b000"}
    if any(settings.get(name, value) != value for name, value in supported.items()) or any(
            pin(name) != "0" for name in ("CSA0", "CSA1", "CSA2", "CSB0", "CSB1", "CSB2")):
        raise ConfigError("output registers and selects cannot be simulated", where="DP16KD")
    # The initial values have a word of 18 bits in every 20 bits.
    init = "".join(low_first(settings.get(f"INITVAL_{k:02X}", "0"), 320)[20 * j:20 * j + 18]
                   for k in range(64) for j in range(16))
    modes = {"NORMAL": NORMAL, "WRITETHROUGH": THROUGH, "READBEFOREWRITE": BEFORE}
    ports = []
    for side in "AB":
        reset = pin(f"RST{side}")
        if reset != "0" and settings.get("RESETMODE") == "ASYNC":
            raise ConfigError("an asynchronous reset cannot be simulated", where="DP16KD")
        ports.append(BlockPort(
            int(settings.get(f"DATA_WIDTH_{side}", f"{18:b}"), 2),
            modes[settings.get(f"WRITEMODE_{side}", "NORMAL")], pin(f"CLK{side}"), pin(f"CE{side}"),
            pin(f"WE{side}"), reset, pins(f"AD{side}", 14), pins(f"DI{side}", 18),
            outputs(f"DO{side}")))
    a, b = ports
    if a.width == 36:
        a = replace(a, di=a.di + b.di)
    if b.width == 36:
        a, b = replace(a, do=[]), replace(b, do=a.do + b.do)
    replace_block(module, cell, init, a, b)
