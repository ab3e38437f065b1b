"""Prepares iCE40 netlists for simulation: pads become wires, and PLLs get their clock."""

from __future__ import annotations

from bnnhw.families.cell_netlist import Module
from bnnhw.families.cell_replacement import remove_replaced, replace_pad

__all__ = ["prepare"]

SPRAM_PINS = {"ADDRESS": 14, "DATAIN": 16, "MASKWREN": 4, "DATAOUT": 16}
"""Widths of the ports of an SPRAM, which nextpnr splits into single bits."""


def prepare(module: Module) -> None:
    """Replace pads by wires, and connect the clock of a PLL as on the chip."""
    pads = {cell.attributes.get("NEXTPNR_BEL"): cell for cell in module.of_kind("SB_IO")}
    buffers = [cell for cell in module.of_kind("SB_GB") if cell.attributes.get("FOR_PAD_IN")]
    for cell in module.of_kind("ICESTORM_PLL"):
        pad = pads.get(cell.attributes.get("BEL_PAD_INPUT"))
        if pad is not None:
            cell.ports["REFERENCECLK"] = pad.ports["PACKAGE_PIN"]
        clock = cell.ports["PLLOUT_A_GLOBAL"] = cell.ports["PLLOUT_A_GLOBAL"] or [module.net()]
        for buffer in buffers:
            buffer.ports["USER_SIGNAL_TO_GLOBAL_BUFFER"] = clock
    for cell in module.of_kind("ICESTORM_SPRAM"):
        cell.kind = "SB_SPRAM256KA"
        for name, count in SPRAM_PINS.items():
            cell.ports[name] = [
                (cell.ports.pop(f"{name}_{k}", None) or [
                    "0" if f"{name}_{k}" in cell.inputs else module.net()])[0]
                for k in range(count)]
        cell.inputs |= SPRAM_PINS.keys() - {"DATAOUT"}
    for pad in pads.values():
        kind = int(pad.parameters["PIN_TYPE"], 2)
        direction = {0b000001: "input", 0b011001: "output"}.get(kind, f"{kind:06b}")
        replace_pad(module, pad, direction, "PACKAGE_PIN", "D_IN_0", "D_OUT_0")
    remove_replaced(module)
