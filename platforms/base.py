"""Describes a board: its part, clock, pins, serial line to the host, and how it is programmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from amaranth.build import Platform
from amaranth.build.dsl import Pins, Resource, Subsignal

from bnnhw.errors import PlanError
from bnnhw.families import Device, Family, Part, Pin, get_device
from bnnhw.families.pll import PASS_THROUGH, Clock

__all__ = ["Board", "BoardPins", "Clocks", "Programmer", "SerialLine", "SpiFlash", "Usb",
           "flash_pins", "pins_of", "uart_pins"]


@dataclass(frozen=True)
class Usb:
    """Vendor and product number of a USB device."""

    vendor: int
    product: int


@dataclass(frozen=True)
class Programmer:
    """The program that writes a bitstream to a board.

    Parameters
    ----------
    tool : str
        ``openFPGALoader``, ``iceprog``, ``ecpprog`` or ``dfu-util``.
    volatile : tuple of str or None
        Its arguments that write the configuration memory, with ``{bitstream}``; the contents are
        lost at power-off. None: the board cannot be programmed like that.
    persistent : tuple of str or None
        Its arguments that write the flash; None as above.
    usb : tuple of Usb
        USB devices that the board can appear as.
    keeps : str
        Contents of the flash that must not be overwritten, and how the arguments prevent it.
    volatile_note, persistent_note : str
        What a user has to do before the configuration memory, or the flash, can be written.
    """

    tool: str
    volatile: tuple[str, ...] | None
    persistent: tuple[str, ...] | None
    usb: tuple[Usb, ...] = ()
    keeps: str = ""
    volatile_note: str = ""
    persistent_note: str = ""

    def arguments(self, persistent: bool) -> tuple[str, ...] | None:
        """Arguments that write the flash, or else the configuration memory."""
        return self.persistent if persistent else self.volatile

    def note(self, persistent: bool) -> str:
        """What a user has to do before programming the flash, or else the configuration memory."""
        return self.persistent_note if persistent else self.volatile_note


@dataclass(frozen=True)
class SpiFlash:
    """A flash that the FPGA can read while it runs.

    Parameters
    ----------
    cs, clk, mosi, miso : Pin
        ``cs`` is active low.
    held_high : tuple of (str, Pin)
        Its other inputs, which must be driven high.
    weights : int
        Byte address of weights, after the largest bitstream.
    """

    cs: Pin
    clk: Pin
    mosi: Pin
    miso: Pin
    held_high: tuple[tuple[str, Pin], ...] = ()
    weights: int = 1 << 20

    @property
    def ports(self) -> dict[str, Pin]:
        """Its pins by the names of the top module's ports."""
        return {"flash_cs": self.cs, "flash_clk": self.clk, "flash_mosi": self.mosi,
                "flash_miso": self.miso, **dict(self.held_high)}


@dataclass(frozen=True)
class Clocks:
    """The oscillator of a board, and the clocks that designs run at.

    Parameters
    ----------
    oscillator_hz : float
    pll : str
        Name of a PLL in ``Flow.plls`` of the board's family.
    default_mhz : float or None
        Default clock of the accelerator; None: the usual one of the device.
    fastest_mhz : float or None
        Clock that most designs reach, the limit when a goal in frames/s needs a faster clock than
        the default. None: that of the device, which is of the lowest speed grade.
    """

    oscillator_hz: float
    pll: str
    default_mhz: float | None = None
    fastest_mhz: float | None = None


@dataclass(frozen=True)
class BoardPins:
    """Pins of the FPGA that designs use.

    Parameters
    ----------
    clock : Pin
        Input from the oscillator.
    rx, tx : Pin
        Serial line; ``rx`` is the FPGA's input.
    held_high : tuple of (str, Pin)
        Outputs that are driven high, so that other chips of the board remain idle.
    flash : SpiFlash or None
        Flash from which weights can be loaded at start-up.
    """

    clock: Pin
    rx: Pin
    tx: Pin
    held_high: tuple[tuple[str, Pin], ...] = ()
    flash: SpiFlash | None = None


@dataclass(frozen=True)
class SerialLine:
    """The serial line between host and board.

    Parameters
    ----------
    connection : str
        Where the host finds the line.
    baud : int
        Default speed in bits per second.
    note : str
        What a user has to do before the line works.
    """

    connection: str
    baud: int
    note: str = ""


@dataclass(frozen=True)
class Board:
    """An FPGA board: its part, clocks, pins, serial line and programmer.

    Parameters
    ----------
    name, title : str
    device : str
        Name of the device that designs for it are planned for.
    part : Part
        The FPGA with package and speed grade.
    clocks : Clocks
    pins : BoardPins
    line : SerialLine
    programmer : Programmer
    """

    name: str
    title: str
    device: str
    part: Part
    clocks: Clocks
    pins: BoardPins
    line: SerialLine
    programmer: Programmer

    @property
    def clock_mhz(self) -> float:
        """Default clock of the accelerator; 0 where neither board nor device has one."""
        expected = get_device(self.device).clock
        return self.clocks.default_mhz or (expected.usual_mhz if expected else 0.0)

    @property
    def fastest_mhz(self) -> float:
        """Clock that most designs reach, see ``Clocks``; 0 where it is unknown."""
        expected = get_device(self.device).clock
        return self.clocks.fastest_mhz or (expected.fastest_mhz if expected else 0.0)

    @property
    def planned_device(self) -> Device:
        """The device that designs are planned for, without memories that cannot be loaded here."""
        device = get_device(self.device)
        if device.budget is not None and self.pins.flash is None:
            return replace(device, budget=replace(device.budget, spram=0))
        return device

    @property
    def family(self) -> Family:
        """The family of its part."""
        return get_device(self.device).family

    def make_clock(self, target_mhz: float) -> Clock:
        """The fastest clock that its PLL can make, not faster than ``target_mhz``.

        Raises
        ------
        PlanError
            Every clock of the PLL is faster.
        """
        hz = self.clocks.oscillator_hz
        if abs(hz - target_mhz * 1e6) < 1:
            return Clock(round(hz), PASS_THROUGH)
        return self.family.need_flow().plls[self.clocks.pll](hz, target_mhz * 1e6)

    def ports(self, flash: bool = False) -> dict[str, Pin]:
        """Pins of the top module's ports, with those of the flash where weights are loaded."""
        pins = self.pins
        found = {"clk": pins.clock, "uart_rx": pins.rx, "uart_tx": pins.tx, **dict(pins.held_high)}
        if flash:
            assert pins.flash is not None
            found |= pins.flash.ports
        return found

    def constraints(self, flash: bool = False) -> tuple[str, str]:
        """Name and text of the constraint file of those ports."""
        writer = self.family.need_flow().constraints
        return writer.file, writer.write(self.ports(flash), self.clocks.oscillator_hz)


def pins_of(platform: Platform, name: str, signal: str | None = None, number: int = 0) -> Pin:
    """Look up a pin of a board in amaranth-boards.

    Parameters
    ----------
    platform : amaranth.build.Platform
    name : str
        Resource.
    signal : str or None
        Subsignal of the resource, such as ``rx``.
    number : int
    """
    resource: Resource = platform.lookup(name, number)
    ios: Sequence[Any] = resource.ios
    attributes = dict(resource.attrs)
    if signal is not None:
        sub = next((io for io in ios if isinstance(io, Subsignal) and io.name == signal), None)
        if sub is None:
            raise PlanError(f"resource '{name}' of {type(platform).__name__} has no '{signal}'")
        ios, attributes = sub.ios, {**attributes, **sub.attrs}
    pins = next(io for io in ios if isinstance(io, Pins))
    values = {key: value(platform) if callable(value) else value
              for key, value in attributes.items()}
    return Pin(pins.names[0], {key: str(value) for key, value in values.items()})


def uart_pins(platform: Platform) -> tuple[Pin, Pin]:
    """Pins ``rx`` (input of the FPGA) and ``tx`` of a board's serial line in amaranth-boards."""
    return pins_of(platform, "uart", "rx"), pins_of(platform, "uart", "tx")


def flash_pins(platform: Platform) -> SpiFlash:
    """Pins of a board's flash from amaranth-boards."""
    cs, clk, mosi, miso, wp, hold = (pins_of(platform, "spi_flash_1x", signal) for signal in
                                     ("cs", "clk", "copi", "cipo", "wp", "hold"))
    return SpiFlash(cs, clk, mosi, miso, (("flash_wp", wp), ("flash_hold", hold)))
