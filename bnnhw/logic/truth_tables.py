"""Truth tables of small Boolean functions, and the integer polynomials that equal them.

A truth table is an integer. Its bit ``v`` is the value of the function at the assignment ``v``, and
bit ``k`` of ``v`` is the value of input ``k``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

__all__ = ["CARRIES", "MASKED_XNOR", "MAX_INPUTS", "PARITIES", "XNOR2", "XOR3", "constant_of",
           "maj3", "polynomial", "table", "value", "xor"]

MAX_INPUTS = 6
"""Inputs of the largest lookup table of any device family."""


def table(inputs: int, function: Callable[..., int | bool]) -> int:
    """Tabulate a Boolean function.

    Parameters
    ----------
    inputs : int
        Number of inputs, at most 6.
    function : callable
        Receives ``inputs`` values of 0 or 1.

    Raises
    ------
    ValueError
        There are more inputs than a lookup table has.
    """
    if not 0 <= inputs <= MAX_INPUTS:
        raise ValueError(f"a truth table has 0 to {MAX_INPUTS} inputs, not {inputs}")
    return sum(bool(function(*((v >> k) & 1 for k in range(inputs)))) << v
               for v in range(1 << inputs))


def value(table_: int, assignment: int) -> int:
    """Value of a truth table at an assignment."""
    return (table_ >> assignment) & 1


def xor(*bits: int) -> int:
    """Parity of some bits."""
    return sum(bits) & 1


def maj3(a: int, b: int, c: int) -> bool:
    """Majority of three bits: the carry of a full adder."""
    return a + b + c >= 2


XNOR2, XOR3 = 0b1001, table(3, xor)

MASKED_XNOR = 0b10010000
"""The exclusive nor of the first two inputs, where the third one is 1."""

PARITIES = {1: 0b10, 2: table(2, xor), 3: table(3, xor), 4: table(4, xor), 5: table(5, xor)}
"""Truth table of the parity, by number of bits."""

CARRIES = {2: 0b1000, 3: table(3, maj3)}
"""Truth table of the carry of a half adder and of a full adder."""


def constant_of(table_: int, inputs: int) -> int | None:
    """The value of a truth table that is constant; None if it depends on its inputs."""
    everything = (1 << (1 << inputs)) - 1
    return {0: 0, everything: 1}.get(table_ & everything)


@lru_cache(maxsize=1 << 16)
def polynomial(table_: int, inputs: int) -> tuple[tuple[int, int], ...]:
    """The integer polynomial that equals a truth table at every assignment.

    ``f(x) = sum over S of c_S * product of x_k for k in S``. The polynomial is unique, so two
    functions are equal exactly if their polynomials are. It is the Moebius transform over subsets.

    Returns
    -------
    tuple of (int, int)
        The subset S as a bit mask, and its coefficient c_S, for coefficients other than 0.
    """
    c = [(table_ >> v) & 1 for v in range(1 << inputs)]
    for k in range(inputs):
        for v in range(1 << inputs):
            if v >> k & 1:
                c[v] -= c[v ^ (1 << k)]
    return tuple((s, coefficient) for s, coefficient in enumerate(c) if coefficient)
