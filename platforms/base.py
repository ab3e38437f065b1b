"""What a board is: its part, its clock, its line to the host, and how it is programmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.build.dsl import Pins, Resource, Subsignal

from bnnhw.device import get_device
from bnnhw.device.clocks import expected_clock
from bnnhw.errors import PlanError

__all__ = ["Board", "Part", "Pin", "Programmer", "SpiFlash", "Usb", "flash_pins", "pins_of",
           "uart_pins"]


@dataclass(frozen=True)
class Pin:
    """A pin and its electrical settings, by the names of its family's constraint files."""

    site: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A part as the tools of its family name it.

    Parameters
    ----------
    name : str
    family : str
        ``ice40``, ``ecp5`` or ``gowin``: a key of ``bnnhw.tools.families.FAMILIES``.
    place : tuple of str
        Arguments of nextpnr.
    synth : tuple of str
        Further arguments of Yosys' ``synth_*``.
    pack : tuple of str
        Arguments of the bitstream packer.
    """

    name: str
    family: str
    place: tuple[str, ...]
    synth: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usb:
    """A USB device that the board shows up as."""

    vendor: int
    product: int


@dataclass(frozen=True)
class Programmer:
    """How a bitstream gets onto the board.

    Parameters
    ----------
    tool : str
        ``openFPGALoader``, ``iceprog``, ``ecpprog`` or ``dfu-util``.
    volatile : tuple of str or None
        Its arguments for the configuration memory, with ``{bitstream}``; lost at power-off. None:
        the board has no such way.
    persistent : tuple of str or None
        Its arguments for the flash.
    usb : tuple of Usb
        What to look for on the bus.
    keeps : str
        What is in the flash that must not be overwritten, and how the arguments see to it.
    """

    tool: str
    volatile: tuple[str, ...] | None
    persistent: tuple[str, ...] | None
    usb: tuple[Usb, ...] = ()
    keeps: str = ""


@dataclass(frozen=True)
class SpiFlash:
    """A flash that the FPGA can read when it runs.

    Parameters
    ----------
    cs, clk, mosi, miso : Pin
        ``cs`` is low while it is selected.
    held_high : tuple of (str, Pin)
        Its other inputs, which must not be low.
    weights : int
        Address of weights, behind the largest bitstream.
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
        Target of ``bnnhw.device``: budgets and costs.
    part : Part
    oscillator_hz : float
    pll : str
        Key of ``bnnhw.platforms.pll.PLLS``.
    clock, rx, tx : Pin
        ``rx`` is the FPGA's input.
    link : str
        What carries the serial line to the host.
    baud : int
        Default speed of the line.
    programmer : Programmer
    held_high : tuple of (str, Pin)
        Outputs that keep the rest of the board still.
    note : str
        What a user has to know before the serial line works.
    volatile_note, persistent_note : str
        What a user has to know before the configuration memory, or the flash, can be written.
    flash : SpiFlash or None
        From which weights can be loaded.
    clock_mhz : float
        Default clock of the accelerator; 0 for the usual one of the part.
    fastest_mhz : float
        Clock that most designs reach, up to which a rate as a goal raises it; 0 for that of the
        part, where its speed grade is the one that was timed.
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
        expected = expected_clock(get_device(self.device))
        if expected is not None:
            object.__setattr__(self, "clock_mhz", self.clock_mhz or expected.usual_mhz)
            object.__setattr__(self, "fastest_mhz", self.fastest_mhz or expected.fastest_mhz)

    def programming_note(self, persistent: bool) -> str:
        """What a user has to know before the board can be programmed in one of both ways."""
        return self.persistent_note if persistent else self.volatile_note


def pins_of(platform: Any, name: str, signal: str | None = None, number: int = 0) -> Pin:
    """Look a pin up in a board of amaranth-boards.

    Parameters
    ----------
    platform : amaranth.build.Platform
    name : str
        Resource.
    signal : str or None
        Part of the resource, such as ``rx``.
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


def uart_pins(platform: Any) -> dict[str, Pin]:
    """``rx`` and ``tx`` of a board's serial line, ``rx`` being the FPGA's input."""
    return {"rx": pins_of(platform, "uart", "rx"), "tx": pins_of(platform, "uart", "tx")}


def flash_pins(platform: Any) -> SpiFlash:
    """The flash of a board, as amaranth-boards names its pins."""
    cs, clk, mosi, miso, wp, hold = (pins_of(platform, "spi_flash_1x", signal) for signal in
                                     ("cs", "clk", "copi", "cipo", "wp", "hold"))
    return SpiFlash(cs, clk, mosi, miso, (("flash_wp", wp), ("flash_hold", hold)))
