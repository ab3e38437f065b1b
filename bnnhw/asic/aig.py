"""And-Inverter graph with structural hashing, and its export to the binary AIGER format.

The equivalence check builds both designs in one graph: logic with the same structure becomes the
same node, so that only what remains different has to be proven by ABC.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

from bnnhw.asic.boolean import Boolean

__all__ = ["FALSE", "PATTERNS", "TRUE", "Aig"]

FALSE, TRUE = 0, 1
"""The constant literals: node 0, and node 0 inverted."""

PATTERNS = 512
"""Random input patterns that one call of ``Aig.simulate`` evaluates, one in each bit of a word."""


class Aig:
    """A growing And-Inverter graph.

    A literal is an integer: twice the number of a node, plus one if the node is inverted. Node 0 is
    the constant false; every other node is a primary input or the AND of two literals. Structural
    hashing returns the existing node for an AND that was built before, so that logic of equal
    structure has equal literals.
    """

    def __init__(self) -> None:
        self._fanins: list[tuple[int, int] | None] = [None]
        self._and_nodes: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self._fanins)

    def add_input(self) -> int:
        """Add a primary input and return its literal."""
        self._fanins.append(None)
        return 2 * len(self._fanins) - 2

    def and_(self, a: int, b: int) -> int:
        """Return the literal of ``a AND b``."""
        if a > b:
            a, b = b, a
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        found = self._and_nodes.get((a, b))
        if found is None:
            self._fanins.append((a, b))
            found = self._and_nodes[a, b] = 2 * len(self._fanins) - 2
        return found

    def or_(self, a: int, b: int) -> int:
        """Return the literal of ``a OR b``."""
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """Return the literal of ``a XOR b``; inverted inputs share the structure of plain ones."""
        invert = (a ^ b) & 1
        a, b = a & ~1, b & ~1
        return self.or_(self.and_(a, b ^ 1), self.and_(a ^ 1, b)) ^ invert

    def or_many(self, literals: Sequence[int]) -> int:
        """Return the OR of all literals, built as a balanced tree; FALSE if there are none."""
        level = list(literals) or [FALSE]
        while len(level) > 1:
            level = [self.or_(*level[k:k + 2]) if k + 1 < len(level) else level[k]
                     for k in range(0, len(level), 2)]
        return level[0]

    def build(self, function: Boolean, pins: Mapping[str, int]) -> int:
        """Return the literal of a Boolean function.

        Parameters
        ----------
        function : Boolean
        pins : mapping of str to int
            Literal of each pin that the function reads.
        """
        if function.op == "pin":
            return pins[function.name]
        if function.op == "constant":
            return int(function.name)
        literals = [self.build(term, pins) for term in function.terms]
        if function.op == "not":
            return literals[0] ^ 1
        join = {"and": self.and_, "or": self.or_, "xor": self.xor}[function.op]
        result = literals[0]
        for literal in literals[1:]:
            result = join(result, literal)
        return result

    def simulate(self, seed: int = 1, given: Mapping[int, int] | None = None) -> list[int]:
        """Evaluate the graph for ``PATTERNS`` random input patterns.

        Parameters
        ----------
        seed : int
            Seed of the random values. It also selects how often an input is 1: in half of the
            patterns (``seed % 4 == 0``), rarely (1), mostly (2), or one of these for each input
            (3). Rare events, such as a write while nothing else happens, are then exercised too.
        given : mapping of int to int, optional
            Values of inputs by node, in place of random ones; bit ``k`` is the value in pattern
            ``k``.

        Returns
        -------
        list of int
            Value of each node, one bit per pattern.
        """
        rng = random.Random(seed)
        density = seed % 4
        ones = (1 << PATTERNS) - 1
        values = [0]
        given = given or {}
        for node, fanin in enumerate(self._fanins[1:], 1):
            if fanin is None:
                drawn = _random_bits(rng, density if density < 3 else rng.randrange(3))
                values.append(given.get(node, drawn))
                continue
            a, b = fanin
            values.append((values[a >> 1] ^ (ones if a & 1 else 0))
                          & (values[b >> 1] ^ (ones if b & 1 else 0)))
        return values

    def add_fanin_cone(self, literals: Iterable[int], nodes: set[int]) -> int:
        """Add the transitive fan-in of some literals to ``nodes``.

        Returns
        -------
        int
            Number of AND nodes that were not in ``nodes`` before.
        """
        stack, new = [literal >> 1 for literal in literals], 0
        while stack:
            node = stack.pop()
            if node in nodes:
                continue
            nodes.add(node)
            fanin = self._fanins[node]
            if fanin is not None:
                new += 1
                stack += [fanin[0] >> 1, fanin[1] >> 1]
        return new

    def to_aiger(self, output: int, name: str) -> bytes:
        """Write the fan-in cone of a literal in the binary AIGER format.

        Parameters
        ----------
        output : int
            Literal that becomes the only output.
        name : str
            Name of that output.
        """
        cone: set[int] = set()
        self.add_fanin_cone([output], cone)
        cone.discard(0)
        # A node is created after its fan-ins, so ascending numbers are the order AIGER requires.
        inputs = sorted(n for n in cone if self._fanins[n] is None)
        ands = sorted(cone.difference(inputs))
        number = {n: k for k, n in enumerate([0, *inputs, *ands])}

        def renumbered(literal: int) -> int:
            return 2 * number[literal >> 1] | literal & 1

        out = bytearray(f"aig {len(cone)} {len(inputs)} 0 1 {len(ands)}\n"
                        f"{renumbered(output)}\n".encode())
        for node in ands:
            fanin = self._fanins[node]
            assert fanin is not None
            low, high = sorted((renumbered(fanin[0]), renumbered(fanin[1])))
            _append_varint(out, 2 * number[node] - high)
            _append_varint(out, high - low)
        return bytes(out + f"o0 {name}\n".encode())


def _random_bits(rng: random.Random, density: int) -> int:
    """Draw one bit per pattern: 1 with probability 1/2 (``density`` 0), 1/8 (1) or 7/8 (2)."""
    bits = rng.getrandbits(PATTERNS)
    if density:
        bits &= rng.getrandbits(PATTERNS) & rng.getrandbits(PATTERNS)
    return bits ^ ((1 << PATTERNS) - 1) if density == 2 else bits


def _append_varint(out: bytearray, value: int) -> None:
    """Append a number in AIGER's encoding: seven bits per byte, least significant first."""
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
