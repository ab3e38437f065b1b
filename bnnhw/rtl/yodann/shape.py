"""The size of a core, and everything about its wiring that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

__all__ = ["GROUP", "CoreShape", "Operand"]

GROUP = 4
"""Sum-of-product units whose weights are written to the filter bank at once."""

Tap = tuple[int, int]


@dataclass(frozen=True)
class Operand:
    """What one product of a unit multiplies its weight with.

    Parameters
    ----------
    taps : tuple of (row, column) or None
        By mode: the pixel of the window, or None where the product is idle.
    """

    taps: tuple[Tap | None, ...]


@dataclass(frozen=True)
class CoreShape:
    """The size of a core.

    Row 0 and column 0 of a window are the oldest, so that a kernel that is smaller than the window
    sits in its last rows and columns.

    Parameters
    ----------
    ni, no : int
        Input channels of a job at most, and sum-of-product units: output channels of the largest
        kernel.
    kernel : {3, 5, 7}
        Side of the largest kernel, for which a unit is one sum. Smaller odd kernels are "dual"
        modes, in which the unit gives two output channels: 5 and 3 for 7, 3 for 5, 1 for 3.
    bits : int
        Of an activation, and of a word of the input stream; 8 to 16.
    frac : int
        Fraction bits that the scaled output drops: 9 in Q2.9.
    depth, bank : int
        Pixels that the image memory holds of a column, and rows of one of its banks.
    acc : int or None
        Bits of a sum that saturates with every input channel, as Q7.9 (17 bits) does; None for
        sums that hold all there can be.
    storage : {"flop", "latch"}
    cells : bool
        Full adders are instances of ``bnnhw_fa`` and ``bnnhw_ha``, in trees of carry-save adders.
    """

    ni: int = 32
    no: int = 32
    kernel: int = 7
    bits: int = 12
    frac: int = 9
    depth: int = 1024
    bank: int = 128
    acc: int | None = None
    storage: str = "flop"
    cells: bool = False

    def __post_init__(self) -> None:
        checks = (
            (1 <= self.ni <= 512, f"ni {self.ni} must be 1..512"),
            (1 <= self.no <= 512, f"no {self.no} must be 1..512"),
            (self.kernel in (3, 5, 7), f"kernel {self.kernel} must be 3, 5 or 7"),
            (8 <= self.bits <= 16, f"bits {self.bits} must be 8..16"),
            (0 <= self.frac < self.bits, f"frac {self.frac} must be 0..{self.bits - 1}"),
            (2 <= self.bank <= self.depth <= 65536 and self.depth % self.bank == 0,
             f"depth {self.depth} must be a multiple of bank {self.bank}, at most 65536"),
            (self.bank & (self.bank - 1) == 0, f"bank {self.bank} must be a power of two"),
            (self.depth >= self.ni, f"depth {self.depth} must hold a pixel of {self.ni} channels"),
            (self.acc is None or self.bits < self.acc <= 32,
             f"acc {self.acc} must be {self.bits + 1}..32 bits"),
            (self.storage in ("flop", "latch"), f"storage {self.storage} must be flop or latch"),
        )
        for holds, message in checks:
            if not holds:
                raise ValueError(message)

    @cached_property
    def kernels(self) -> tuple[int, ...]:
        """Side of the kernel of each mode; mode 0 gives one output a unit, the others two."""
        return {3: (3, 1), 5: (5, 3), 7: (7, 5, 3)}[self.kernel]

    @property
    def columns(self) -> int:
        """Columns in the image memory."""
        return self.kernel - 1

    @property
    def half_a(self) -> int:
        """Products of the first half of a unit: the window of the largest dual kernel."""
        return (self.kernel - 2) ** 2

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """Of all products of a unit, first half first; the weight of product j is bit j."""
        k = self.kernel
        square = [(r, c) for r in range(2, k) for c in range(2, k)]
        rest: list[Tap | None] = [(r, c) for r in range(k) for c in range(k) if min(r, c) < 2]
        rest += [None] * (self.half_a - len(rest))
        first = [Operand(((r, c), *((r, c) if min(r, c) >= k - s else None
                                    for s in self.kernels[1:]))) for r, c in square]
        second = [Operand((tap, *((k - s + i // s, k - s + i % s) if i < s * s else None
                                  for s in self.kernels[1:]))) for i, tap in enumerate(rest)]
        return (*first, *second)

    @property
    def products(self) -> int:
        return len(self.operands)

    @property
    def groups(self) -> int:
        """Groups of units that share a row of the filter bank."""
        return -(-self.no // GROUP)

    @property
    def full_words(self) -> int:
        """Stream words of a group's weights when all its products have one."""
        return -(-GROUP * self.products // self.bits)

    @property
    def staged_words(self) -> int:
        """Stream words that the core keeps to write weights, or a unit's scales, at once."""
        return max(self.full_words, 4)

    def live(self, mode: int) -> list[int]:
        """Products that do something in a mode."""
        return [j for j, operand in enumerate(self.operands) if operand.taps[mode] is not None]

    def compact(self, mode: int) -> bool:
        """The mode loads the weights of its live products only."""
        return mode > 0 and -(-GROUP * len(self.live(mode)) // self.bits) < self.full_words

    def weight_words(self, mode: int) -> int:
        """Stream words of a group's weights for one input channel."""
        if self.compact(mode):
            return -(-GROUP * len(self.live(mode)) // self.bits)
        return self.full_words

    def weight_bit(self, mode: int, unit: int, product: int) -> int | None:
        """Where the last words that were loaded hold a weight; None where it does not matter.

        Bit 0 is the lowest one of the first of ``full_words`` words.
        """
        if not self.compact(mode):
            return unit * self.products + product
        live = self.live(mode)
        if product not in live:
            return None
        first = (self.full_words - self.weight_words(mode)) * self.bits
        return first + unit * len(live) + live.index(product)

    @property
    def half_bits(self) -> int:
        """Bits of the sum of half a unit, in which signs count up: never negative."""
        widest = max(self.half_a, self.products - self.half_a)
        return (widest * ((1 << self.bits) - 1)).bit_length()

    @property
    def exact_bits(self) -> int:
        """Bits that hold every sum of products over all input channels, signed."""
        return (self.ni * self.kernel ** 2 << (self.bits - 1)).bit_length() + 1

    @property
    def offsets(self) -> tuple[int, int]:
        """What the signs of each half add to its sum, for each input channel."""
        return (self.half_a << (self.bits - 1),
                (self.products - self.half_a) << (self.bits - 1))

    @property
    def out_bits(self) -> int:
        """Bits of a sum of products as it leaves, signed."""
        return self.exact_bits if self.acc is None else self.acc

    @property
    def lane_bits(self) -> int:
        """Bits of one of the two lanes of an output word."""
        return max(self.out_bits, self.bits)

    @property
    def acc_latency(self) -> int:
        """Cycles that a saturating sum takes more than one that holds everything."""
        return 0 if self.acc is None else 1

    @cached_property
    def header(self) -> tuple[tuple[str, int], ...]:
        """Fields of a job's header and their bits, lowest first."""
        address = (self.depth - 1).bit_length()
        kernel = (self.kernel - 1).bit_length()
        channels, units = (max(1, (n - 1).bit_length()) for n in (self.ni, self.no))
        return (
            ("mode", 2), ("skip_r", kernel), ("skip_c", kernel), ("load_filters", 1),
            ("load_scales", 1), ("raw", 1), ("round", 1),
            ("ni", channels), ("words", units),
            ("h", address), ("w", 12), ("h_out", address), ("w_out", 12),
            ("top", kernel), ("left", kernel), ("lead", 4), ("start_row", address),
            ("columns_in", 24), ("images", 12))

    @property
    def header_words(self) -> int:
        return -(-sum(width for _, width in self.header) // self.bits)

    @property
    def name(self) -> str:
        """Part of the names of modules: equal for equal hardware."""
        acc = "" if self.acc is None else f"_acc{self.acc}"
        size = f"{self.ni}x{self.no}k{self.kernel}b{self.bits}f{self.frac}"
        tail = ("_latch" if self.storage == "latch" else "") + ("_cells" if self.cells else "")
        return f"bnnhw_yodann_{size}_{self.depth}of{self.bank}{acc}{tail}"
