"""Sizes of a YodaNN core, and the wiring and formats that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

__all__ = ["GROUP", "SCALE_WORDS", "CoreShape", "Operand"]

GROUP = 4
"""Number of sum-of-products units whose weights are written to the filter bank together."""

SCALE_WORDS = 4
"""Stream words of the scales of a unit: alpha and beta of each of its two lanes."""

Tap = tuple[int, int]


@dataclass(frozen=True)
class Operand:
    """The operand of one product: the pixel of the window that it uses in each mode.

    Parameters
    ----------
    taps : tuple of (row, column) or None
        One pixel position per mode, or None where the product is idle.
    """

    taps: tuple[Tap | None, ...]


@dataclass(frozen=True)
class CoreShape:
    """The sizes of a core.

    Row 0 and column 0 of a window are the oldest, so a kernel that is smaller than the window
    occupies its last rows and columns.

    Parameters
    ----------
    ni, no : int
        Largest number of input channels of a job, and number of sum-of-products units, which is
        the number of output channels with the largest kernel.
    kernel : {3, 5, 7}
        Side of the largest kernel, with which a unit computes one sum. In the "dual" modes of
        smaller kernels (5 and 3 for 7, 3 for 5, 1 for 3) a unit computes two output channels.
    bits : int
        Bits of an activation and of an input word; 8 to 16.
    frac : int
        Fraction bits that scaling removes; 9 in Q2.9.
    depth, bank : int
        Pixels of a column that the image memory can store, and rows of one of its banks.
    acc : int or None
        Bits of a sum that saturates after each input channel, such as 17 for Q7.9; None for sums
        that are wide enough for every value.
    storage : {"flop", "latch"}
    cells : bool
        Build carry-save adder trees from instances of ``bnnhw_fa`` and ``bnnhw_ha``.
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
            (self.depth >= self.ni, f"depth {self.depth} must be at least ni {self.ni}"),
            (self.acc is None or self.bits < self.acc <= 32,
             f"acc {self.acc} must be {self.bits + 1}..32 bits"),
            (self.storage in ("flop", "latch"), f"storage {self.storage} must be flop or latch"),
        )
        for valid, message in checks:
            if not valid:
                raise ValueError(message)

    @cached_property
    def kernels(self) -> tuple[int, ...]:
        """Kernel side of each mode; a unit computes one output in mode 0 and two in the others."""
        return {3: (3, 1), 5: (5, 3), 7: (7, 5, 3)}[self.kernel]

    def mode(self, kernel: tuple[int, int]) -> int:
        """Return the mode with the smallest window that contains a kernel."""
        return max(m for m, side in enumerate(self.kernels) if side >= max(kernel))

    def lanes(self, mode: int) -> int:
        """Return the output channels of a unit in a mode; each has a lane of the output word."""
        return 1 if mode == 0 else 2

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
        """Operands of all products of a unit, first half first; product j uses weight bit j."""
        k = self.kernel
        square = [(r, c) for r in range(2, k) for c in range(2, k)]
        others: list[Tap | None] = [(r, c) for r in range(k) for c in range(k) if min(r, c) < 2]
        others += [None] * (self.half_a - len(others))
        first = [Operand(((r, c), *((r, c) if min(r, c) >= k - s else None
                                    for s in self.kernels[1:]))) for r, c in square]
        second = [Operand((tap, *((k - s + i // s, k - s + i % s) if i < s * s else None
                                  for s in self.kernels[1:]))) for i, tap in enumerate(others)]
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
        """Stream words for the weights of a group in which all products have one."""
        return -(-GROUP * self.products // self.bits)

    @property
    def staged_words(self) -> int:
        """Stream words that the core collects before it writes weights, or the scales of a unit."""
        return max(self.full_words, SCALE_WORDS)

    def live(self, mode: int) -> list[int]:
        """Products that are active in a mode."""
        return [j for j, operand in enumerate(self.operands) if operand.taps[mode] is not None]

    def compact(self, mode: int) -> bool:
        """Whether a mode loads the weights of its active products only."""
        return mode > 0 and -(-GROUP * len(self.live(mode)) // self.bits) < self.full_words

    def weight_words(self, mode: int) -> int:
        """Stream words of a group's weights for one input channel."""
        if self.compact(mode):
            return -(-GROUP * len(self.live(mode)) // self.bits)
        return self.full_words

    def weight_bit(self, mode: int, unit: int, product: int) -> int | None:
        """Position of a weight in the most recently loaded words; None if its product is idle.

        Bit 0 is the lowest bit of the first of ``full_words`` words.
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
        """Bits of the sum of half a unit; the sum is offset by the sign bits and never negative."""
        widest = max(self.half_a, self.products - self.half_a)
        return (widest * ((1 << self.bits) - 1)).bit_length()

    @property
    def exact_bits(self) -> int:
        """Bits of a signed number that can represent every sum over all input channels."""
        return (self.ni * self.kernel ** 2 << (self.bits - 1)).bit_length() + 1

    @property
    def offsets(self) -> tuple[int, int]:
        """Offset that the sign bits add to the sum of each half, per input channel."""
        return (self.half_a << (self.bits - 1),
                (self.products - self.half_a) << (self.bits - 1))

    @property
    def out_bits(self) -> int:
        """Bits of a signed sum of products at the output."""
        return self.exact_bits if self.acc is None else self.acc

    @property
    def lane_bits(self) -> int:
        """Bits of one of the two lanes of an output word."""
        return max(self.out_bits, self.bits)

    @property
    def in_bytes(self) -> int:
        """Bytes of a word of the input stream."""
        return -(-self.bits // 8)

    @property
    def lane_bytes(self) -> int:
        """Bytes of one of the two lanes of an output word."""
        return -(-self.lane_bits // 8)

    @property
    def acc_latency(self) -> int:
        """Additional cycles of a saturating sum."""
        return 0 if self.acc is None else 1

    @cached_property
    def header(self) -> tuple[tuple[str, int], ...]:
        """Fields of the header of a job and their bits, lowest first."""
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
        """Name that is equal for equal hardware."""
        acc = "" if self.acc is None else f"_acc{self.acc}"
        size = f"{self.ni}x{self.no}k{self.kernel}b{self.bits}f{self.frac}"
        tail = ("_latch" if self.storage == "latch" else "") + ("_cells" if self.cells else "")
        return f"bnnhw_yodann_{size}_{self.depth}of{self.bank}{acc}{tail}"
