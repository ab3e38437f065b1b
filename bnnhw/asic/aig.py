"""Logic as ANDs and inverters, of which equal ones are one: what is left goes to ABC."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

from bnnhw.asic.boolean import Boolean

__all__ = ["FALSE", "LANES", "TRUE", "Aig"]

FALSE, TRUE = 0, 1
"""Literals: node 0 as it is, and inverted."""

LANES = 512
"""Random cases that are looked at side by side, a bit each."""


class Aig:
    """A growing graph; a literal is twice a node, and one more where it is inverted.

    Node 0 is false. Others are free inputs, or ANDs of two literals; an AND that is there already
    is not made again, so that equal structure is an equal literal.
    """

    def __init__(self) -> None:
        self._fanins: list[tuple[int, int] | None] = [None]
        self._made: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self._fanins)

    def free(self) -> int:
        """A new input."""
        self._fanins.append(None)
        return 2 * len(self._fanins) - 2

    def both(self, a: int, b: int) -> int:
        """AND."""
        if a > b:
            a, b = b, a
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        found = self._made.get((a, b))
        if found is None:
            self._fanins.append((a, b))
            found = self._made[a, b] = 2 * len(self._fanins) - 2
        return found

    def either(self, a: int, b: int) -> int:
        """OR."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: int, b: int) -> int:
        """XOR, the same for all ways to invert its inputs."""
        invert = (a ^ b) & 1
        a, b = a & ~1, b & ~1
        return self.either(self.both(a, b ^ 1), self.both(a ^ 1, b)) ^ invert

    def value(self, function: Boolean, pins: Mapping[str, int]) -> int:
        """A function of literals."""
        if function.op == "pin":
            return pins[function.name]
        if function.op == "constant":
            return int(function.name)
        values = [self.value(term, pins) for term in function.terms]
        if function.op == "not":
            return values[0] ^ 1
        join = {"and": self.both, "or": self.either, "xor": self.differ}[function.op]
        result = values[0]
        for value in values[1:]:
            result = join(result, value)
        return result

    def samples(self, seed: int = 1, given: Mapping[int, int] | None = None) -> list[int]:
        """What each node is in random cases, of which each is a bit; inputs may be given.

        Inputs are 1 in half of the cases, or mostly 0, or mostly 1, or each has its own way:
        which of these is up to ``seed``. What happens only while nothing else does is then seen.
        """
        rng = random.Random(seed)
        way = seed % 4
        ones = (1 << LANES) - 1
        values = [0]
        given = given or {}
        for node, fanin in enumerate(self._fanins[1:], 1):
            if fanin is None:
                drawn = _draw(rng, way if way < 3 else rng.randrange(3))
                values.append(given.get(node, drawn))
                continue
            a, b = fanin
            values.append((values[a >> 1] ^ (ones if a & 1 else 0))
                          & (values[b >> 1] ^ (ones if b & 1 else 0)))
        return values

    def cone(self, literals: Iterable[int], seen: set[int]) -> int:
        """Add all nodes below some literals to those seen; how many ANDs are new among them."""
        stack, new = [literal >> 1 for literal in literals], 0
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            fanin = self._fanins[node]
            if fanin is not None:
                new += 1
                stack += [fanin[0] >> 1, fanin[1] >> 1]
        return new

    def aiger(self, output: int, name: str) -> bytes:
        """The cone of a literal in the binary format AIGER, as the one output ``name``."""
        seen: set[int] = set()
        self.cone([output], seen)
        seen.discard(0)
        # A node is made behind those that it reads, so that their order is one for AIGER too.
        inputs = sorted(n for n in seen if self._fanins[n] is None)
        ands = sorted(seen.difference(inputs))
        number = {n: k for k, n in enumerate([0, *inputs, *ands])}

        def literal(old: int) -> int:
            return 2 * number[old >> 1] | old & 1

        out = bytearray(f"aig {len(seen)} {len(inputs)} 0 1 {len(ands)}\n"
                        f"{literal(output)}\n".encode())
        for node in ands:
            fanin = self._fanins[node]
            assert fanin is not None
            low, high = sorted((literal(fanin[0]), literal(fanin[1])))
            _number(out, 2 * number[node] - high)
            _number(out, high - low)
        return bytes(out + f"o0 {name}\n".encode())

    def any_of(self, literals: Sequence[int]) -> int:
        """OR of many, balanced."""
        level = list(literals) or [FALSE]
        while len(level) > 1:
            level = [self.either(*level[k:k + 2]) if k + 1 < len(level) else level[k]
                     for k in range(0, len(level), 2)]
        return level[0]


def _draw(rng: random.Random, way: int) -> int:
    """As many bits as there are cases, of which half are 1, or an eighth, or all but an eighth."""
    bits = rng.getrandbits(LANES)
    if way:
        bits &= rng.getrandbits(LANES) & rng.getrandbits(LANES)
    return bits ^ ((1 << LANES) - 1) if way == 2 else bits


def _number(out: bytearray, value: int) -> None:
    """Seven bits a byte, the lowest first, as AIGER counts."""
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
