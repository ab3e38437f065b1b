"""Prepares Gowin netlists for simulation: all block RAM cells become one common model."""

from __future__ import annotations

from collections.abc import Callable

from bnnhw.errors import ConfigError
from bnnhw.families.cell_netlist import Bit, Cell, Module
from bnnhw.families.cell_replacement import (
    NORMAL,
    BlockPort,
    low_first,
    remove_replaced,
    replace_block,
)

__all__ = ["prepare"]


def prepare(module: Module) -> None:
    """Replace constant cells by constants, and block RAMs by the common model."""
    constants: dict[Bit, Bit] = {}
    for cell in module.of_kind("GND", "VCC"):
        constants |= {bits[0]: "01"[cell.kind == "VCC"] for bits in cell.ports.values()}
        cell.kind = ""
    remove_replaced(module)
    for cell in module.cells.values():
        cell.ports = {name: [constants.get(bit, bit) for bit in bits]
                      for name, bits in cell.ports.items()}
    module.joined += [(net, value) for net, value in constants.items() if isinstance(net, int)]
    for cell in module.of_kind("SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B"):
        _prepare_block(module, cell)


def _prepare_block(module: Module, cell: Cell) -> None:
    """Replace a block RAM: single port, simple dual port or true dual port; units of 8 or 9."""
    kind, ports, settings = cell.kind, cell.ports, cell.parameters
    unit = 9 if "9" in kind else 8
    single, simple = kind.startswith("SPX9") or kind == "SP", kind.startswith("SDP")

    def one(name: str) -> Bit:
        return (ports.get(name) or ["0"])[0]

    def wide(name: str) -> list[Bit]:
        """Return a data port; units of 8 bits are extended to 9."""
        bits = list(ports[name])
        if unit == 9:
            return bits
        spare: Callable[[], Bit] = module.net if name.startswith("DO") else lambda: "0"
        return [bit for k in range(0, len(bits), 8) for bit in (*bits[k:k + 8], spare())]

    for name, value in settings.items():
        if (name.startswith("READ_MODE") and int(value, 2)) or (
                name.startswith("BLK_SEL") and int(value, 2)):
            raise ConfigError("output registers and selects cannot be simulated", where=kind)
    if settings.get("RESET_MODE") == "ASYNC" and any(
            one(name) != "0" for name in ("RESET", "RESETA", "RESETB")):
        raise ConfigError("an asynchronous reset cannot be simulated", where=kind)
    init = "".join(low_first(settings.get(f"INIT_RAM_{k:02X}", "0"), 32 * unit)[unit * j:][:unit]
                   .ljust(9, "0") for k in range(64) for j in range(32))
    modes = []
    for suffix in ("",) if single else ("_0", "_1"):
        width = int(settings[f"BIT_WIDTH{suffix}"], 2)
        mode = settings.get("WRITE_MODE" + suffix.lstrip("_"), "0")
        modes.append((width // 8 * 9 if unit == 8 and width >= 8 else width, mode))
    if single:
        idle = BlockPort(9, NORMAL, "0", "0", "0", "0", ["0"] * 14, [], [])
        (width, mode), = modes
        replace_block(module, cell, init, BlockPort(
            width, mode, one("CLK"), one("CE"), one("WRE"), one("RESET"), list(ports["AD"]),
            wide("DI"), wide("DO")), idle)
    elif simple:
        replace_block(module, cell, init,
                      BlockPort(*modes[0], one("CLKA"), one("CEA"), "1", "0", list(ports["ADA"]),
                                wide("DI"), []),
                      BlockPort(*modes[1], one("CLKB"), one("CEB"), "0", one("RESETB"),
                                list(ports["ADB"]), [], wide("DO")))
    else:
        a, b = (BlockPort(*modes[k], one(f"CLK{s}"), one(f"CE{s}"), one(f"WRE{s}"),
                          one(f"RESET{s}"), list(ports[f"AD{s}"]), wide(f"DI{s}"), wide(f"DO{s}"))
                for k, s in enumerate("AB"))
        replace_block(module, cell, init, a, b)
