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

__all__ = ["Board", "Programmer", "SpiFlash", "Usb", "flash_pins", "pins_of", "uart_pins"]


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
        What the flash contains that must not be overwritten, and how the arguments prevent it.
    """

    tool: str
    volatile: tuple[str, ...] | None
    persistent: tuple[str, ...] | None
    usb: tuple[Usb, ...] = ()
    keeps: str = ""


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


@dataclass(frozen=True)
class Board:
    """A board.

    Parameters
    ----------
    name, title : str
    device : str
        Name of the device that designs for it are planned for.
    part : Part
        The FPGA with package and speed grade.
    oscillator_hz : float
    pll : str
        Name of a PLL in ``Flow.plls`` of its family.
    clock, rx, tx : Pin
        ``rx`` is the FPGA's input.
    link : str
        Where the host finds the serial line.
    baud : int
        Default speed of the serial line.
    programmer : Programmer
    held_high : tuple of (str, Pin)
        Outputs that are driven high, so that other chips of the board stay idle.
    note : str
        What a user has to do before the serial line works.
    volatile_note, persistent_note : str
        What a user has to do before the configuration memory, or the flash, can be written.
    flash : SpiFlash or None
        Flash from which weights can be loaded at start-up.
    clock_mhz : float
        Default clock of the accelerator; 0 for the usual one of the device.
    fastest_mhz : float
        Clock that most designs reach, the limit when a goal in frames/s needs a faster clock than
        the default; 0 for that of the device, which is of the lowest speed grade.
    """

    name: str
    title: str
    device: str
    part: Part
    oscillator_hz: float
    pll: str
    clock: Pin
    rx: Pin
    tx: Pin
    link: str
    baud: int
    programmer: Programmer
    held_high: tuple[tuple[str, Pin], ...] = ()
    note: str = ""
    volatile_note: str = ""
    persistent_note: str = ""
    flash: SpiFlash | None = None
    clock_mhz: float = 0.0
    fastest_mhz: float = 0.0

    def __post_init__(self) -> None:
        expected = get_device(self.device).clock
        if expected is not None:
            object.__setattr__(self, "clock_mhz", self.clock_mhz or expected.usual_mhz)
            object.__setattr__(self, "fastest_mhz", self.fastest_mhz or expected.fastest_mhz)

    @property
    def planned_device(self) -> Device:
        """The device that designs are planned for, without memories that cannot be loaded here."""
        device = get_device(self.device)
        if device.budget is not None and self.flash is None:
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
        if abs(self.oscillator_hz - target_mhz * 1e6) < 1:
            return Clock(round(self.oscillator_hz), PASS_THROUGH)
        return self.family.need_flow().plls[self.pll](self.oscillator_hz, target_mhz * 1e6)

    def ports(self, flash: bool = False) -> dict[str, Pin]:
        """Pins of the top module's ports, with those of the flash where weights are loaded."""
        found = {"clk": self.clock, "uart_rx": self.rx, "uart_tx": self.tx,
                 **dict(self.held_high)}
        if flash:
            assert self.flash is not None
            found |= {"flash_cs": self.flash.cs, "flash_clk": self.flash.clk,
                      "flash_mosi": self.flash.mosi, "flash_miso": self.flash.miso,
                      **dict(self.flash.held_high)}
        return found

    def constraints(self, flash: bool = False) -> tuple[str, str]:
        """Name and text of the constraint file of those ports."""
        writer = self.family.need_flow().constraints
        return writer.file, writer.write(self.ports(flash), self.oscillator_hz)

    def programming_note(self, persistent: bool) -> str:
        """What a user has to do before programming the flash, or else the configuration memory."""
        return self.persistent_note if persistent else self.volatile_note


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


def uart_pins(platform: Platform) -> dict[str, Pin]:
    """Pins ``rx`` (input of the FPGA) and ``tx`` of a board's serial line."""
    return {"rx": pins_of(platform, "uart", "rx"), "tx": pins_of(platform, "uart", "tx")}


def flash_pins(platform: Platform) -> SpiFlash:
    """Pins of a board's flash from amaranth-boards."""
    cs, clk, mosi, miso, wp, hold = (pins_of(platform, "spi_flash_1x", signal) for signal in
                                     ("cs", "clk", "copi", "cipo", "wp", "hold"))
    return SpiFlash(cs, clk, mosi, miso, (("flash_wp", wp), ("flash_hold", hold)))
