"""Prepares netlists of each family for simulation: replaces cells that have no simulation model."""

from __future__ import annotations

from collections.abc import Callable

from bnnhw.errors import ConfigError
from bnnhw.sim.netlist.module import Bit, Cell, Module

__all__ = ["PREPARE"]

NORMAL, THROUGH, BEFORE = "0", "1", "10"
"""Write modes of the block RAM model (``netlist_block.v``): data of a write at its own output."""

SPRAM_PINS = {"ADDRESS": 14, "DATAIN": 16, "MASKWREN": 4, "DATAOUT": 16}
"""Widths of the ports of an SPRAM, which nextpnr splits into single bits."""


def _replace_pad(module: Module, cell: Cell, direction: str, pin: str, from_pin: str,
                 to_pin: str) -> None:
    """Replace a pad by a wire."""
    if direction not in ("input", "output"):
        raise ConfigError(f"pads of type {direction} cannot be simulated", where=cell.kind)
    ends = cell.ports[pin], cell.ports.get(from_pin if direction == "input" else to_pin)
    source, net = ends if direction == "input" else ends[::-1]
    if source and net:
        assert isinstance(net[0], int)
        module.joined.append((net[0], source[0]))
    cell.kind = ""


def _remove_replaced(module: Module) -> None:
    """Remove cells that were replaced by wires."""
    module.cells = {name: cell for name, cell in module.cells.items() if cell.kind}


def _ice40(module: Module) -> None:
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
        _replace_pad(module, pad, direction, "PACKAGE_PIN", "D_IN_0", "D_OUT_0")
    _remove_replaced(module)


def _ecp5(module: Module) -> None:
    """Replace pads by wires and block RAMs by the common model; select inputs of flip-flops."""
    for cell in module.of_kind("TRELLIS_IO"):
        for name in ("DATAMUX_ODDR", "DATAMUX_MDDR"):
            if cell.parameters.get(name, "PADDO") != "PADDO":
                raise ConfigError("registers of pads cannot be simulated", where="TRELLIS_IO")
        _replace_pad(module, cell, cell.parameters.get("DIR", "INPUT").lower(), "B", "O", "I")
    for cell in module.of_kind("TRELLIS_COMB"):
        if cell.parameters.get("MODE") == "RAMW_BLOCK":  # a LUT that is used as a write port
            cell.kind = ""
    for cell in module.of_kind("TRELLIS_FF"):
        if cell.parameters.pop("SD", "1 ").strip() == "0":
            cell.ports["DI"] = cell.ports.pop("M")
    for cell in module.of_kind("DP16KD"):
        _ecp5_block(module, cell)
    _remove_replaced(module)


def _ecp5_block(module: Module, cell: Cell) -> None:
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
    init = "".join(_low_first(settings.get(f"INITVAL_{k:02X}", "0"), 320)[20 * j:20 * j + 18]
                   for k in range(64) for j in range(16))
    modes = {"NORMAL": NORMAL, "WRITETHROUGH": THROUGH, "READBEFOREWRITE": BEFORE}
    ports, block = [], {}
    for side in "AB":
        reset = pin(f"RST{side}")
        if reset != "0" and settings.get("RESETMODE") == "ASYNC":
            raise ConfigError("an asynchronous reset cannot be simulated", where="DP16KD")
        ports.append((int(settings.get(f"DATA_WIDTH_{side}", f"{18:b}"), 2),
                     modes[settings.get(f"WRITEMODE_{side}", "NORMAL")]))
        block[side] = [pin(f"CLK{side}"), pin(f"CE{side}"), pin(f"WE{side}"), reset,
                       pins(f"AD{side}", 14), pins(f"DI{side}", 18), outputs(f"DO{side}")]
    if ports[0][0] == 36:
        block["A"][5] = block["A"][5] + block["B"][5]
    if ports[1][0] == 36:
        block["B"][6] = block["A"][6] + block["B"][6]
        block["A"][6] = []
    _replace_block(module, cell, ports, init, block["A"], block["B"])


def _low_first(value: str, width: int) -> str:
    """Return the binary digits of a value, lowest first, extended to a width."""
    return value[::-1].ljust(width, "0")


def _replace_block(module: Module, cell: Cell, ports: list[tuple[int, str]], init: str,
                   *sides: list[Bit | list[Bit]]) -> None:
    """Replace a block RAM by the model ``bnnhw_block_ram``.

    Parameters
    ----------
    module : Module
    cell : Cell
    ports : list of (int, str)
        Width and write mode of both ports.
    init : str
        Initial contents, lowest bit first.
    *sides : list of Bit or list of Bit
        Nets of clk, ce, we, rst, ad, di and do of each port.
    """
    cell.kind = "bnnhw_block_ram"
    cell.parameters = {"INIT": init[::-1]}
    cell.ports = {}
    for side, (width, mode), pins in zip("ab", ports, sides, strict=True):
        cell.parameters |= {f"WIDTH_{side.upper()}": f"{width:b}", f"MODE_{side.upper()}": mode}
        for name, bits in zip(("clk", "ce", "we", "rst", "ad", "di", "do"), pins, strict=True):
            full = bits if isinstance(bits, list) else [bits]
            if name == "di":
                full = full + ["0"] * (36 - len(full))
            elif name == "do":
                full = full + [module.net() for _ in range(36 - len(full))]
            cell.ports[f"{name}_{side}"] = full
    cell.inputs = {name for name in cell.ports if not name.startswith("do")}


def _gowin(module: Module) -> None:
    """Replace constant cells by constants, and block RAMs by the common model."""
    constants: dict[Bit, Bit] = {}
    for cell in module.of_kind("GND", "VCC"):
        constants |= {bits[0]: "01"[cell.kind == "VCC"] for bits in cell.ports.values()}
        cell.kind = ""
    _remove_replaced(module)
    for cell in module.cells.values():
        cell.ports = {name: [constants.get(bit, bit) for bit in bits]
                      for name, bits in cell.ports.items()}
    module.joined += [(net, value) for net, value in constants.items() if isinstance(net, int)]
    for cell in module.of_kind("SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B"):
        _gowin_block(module, cell)


def _gowin_block(module: Module, cell: Cell) -> None:
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
    init = "".join(_low_first(settings.get(f"INIT_RAM_{k:02X}", "0"), 32 * unit)[unit * j:][:unit]
                   .ljust(9, "0") for k in range(64) for j in range(32))
    modes = []
    for suffix in ("",) if single else ("_0", "_1"):
        width = int(settings[f"BIT_WIDTH{suffix}"], 2)
        mode = settings.get("WRITE_MODE" + suffix.lstrip("_"), "0")
        modes.append((width // 8 * 9 if unit == 8 and width >= 8 else width, mode))
    idle: list[Bit | list[Bit]] = ["0", "0", "0", "0", ["0"] * 14, [], []]
    if single:
        _replace_block(module, cell, [*modes, (9, NORMAL)], init,
               [one("CLK"), one("CE"), one("WRE"), one("RESET"), list(ports["AD"]), wide("DI"),
                wide("DO")], idle)
    elif simple:
        _replace_block(module, cell, modes, init,
               [one("CLKA"), one("CEA"), "1", "0", list(ports["ADA"]), wide("DI"), []],
               [one("CLKB"), one("CEB"), "0", one("RESETB"), list(ports["ADB"]), [], wide("DO")])
    else:
        _replace_block(module, cell, modes, init, *(
            [one(f"CLK{s}"), one(f"CE{s}"), one(f"WRE{s}"), one(f"RESET{s}"),
             list(ports[f"AD{s}"]), wide(f"DI{s}"), wide(f"DO{s}")] for s in "AB"))


PREPARE: dict[str, Callable[[Module], None]] = {"ice40": _ice40, "ecp5": _ecp5, "gowin": _gowin}
"""Function of each family that replaces the cells of a netlist that have no model."""
