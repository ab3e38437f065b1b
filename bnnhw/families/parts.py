"""Parts of a device family: their size, their names in vendor tools, and their pins."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bnnhw.hostlink.wire.weights import CELL_WORDS, PART_BITS

__all__ = ["SPRAM_MODEL", "SPRAM_SHAPE", "Budget", "Part", "Pin", "sprams"]

SPRAM_SHAPE = (CELL_WORDS, PART_BITS)
"""Words of one SPRAM of an iCE40 UltraPlus, and bits of a word."""

SPRAM_MODEL = Path(__file__).with_name("spram.v")
"""Simulation model of an SPRAM."""


def sprams(depth: int, width: int) -> int:
    """SPRAMs that a memory of ``depth`` words of ``width`` bits occupies."""
    return -(-depth // SPRAM_SHAPE[0]) * -(-width // SPRAM_SHAPE[1])


@dataclass(frozen=True)
class Budget:
    """The resources of one part.

    Parameters
    ----------
    luts, ffs, blocks : int
        LUTs, flip-flops and block RAMs, as nextpnr counts them.
    spram : int
        SPRAMs of an iCE40 UltraPlus, of ``SPRAM_SHAPE``. A bitstream cannot preload them, so a ROM
        in SPRAM is loaded at start-up; and they have one port, so line buffers and queues cannot
        use them.
    """

    luts: int
    ffs: int
    blocks: int
    spram: int = 0


@dataclass(frozen=True)
class Part:
    """A part and package, as the tools of its family name it.

    Parameters
    ----------
    name : str
        The vendor's ordering code, or a prefix of it.
    pnr_arguments : tuple of str
        Arguments of nextpnr that choose part, package and speed grade.
    synth : tuple of str
        Further arguments of Yosys' ``synth_*``.
    pack : tuple of str
        Arguments of the bitstream packer.
    """

    name: str
    pnr_arguments: tuple[str, ...]
    synth: tuple[str, ...] = ()
    pack: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pin:
    """A pin and its electrical settings, by the names that the family's constraint files use."""

    site: str
    attributes: dict[str, str] = field(default_factory=dict)
