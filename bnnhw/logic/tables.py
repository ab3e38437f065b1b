"""Truth tables of small functions of bits, and their exact integer polynomials.

A table is an int: bit ``v`` of it is the value at the assignment ``v``, whose bit k is input k.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

__all__ = ["MAX_INPUTS", "XNOR2", "XOR3", "constant_of", "maj3", "polynomial", "table",
           "value", "xor"]

MAX_INPUTS = 6


def table(inputs: int, function: Callable[..., int | bool]) -> int:
    """Tabulate a function of ``inputs`` bits."""
    if not 0 <= inputs <= MAX_INPUTS:
        raise ValueError(f"a table has at most {MAX_INPUTS} inputs, not {inputs}")
    return sum(bool(function(*((v >> k) & 1 for k in range(inputs)))) << v
               for v in range(1 << inputs))


def value(table_: int, assignment: int) -> int:
    """Value of a table at an assignment."""
    return (table_ >> assignment) & 1


def xor(*bits: int) -> int:
    return sum(bits) & 1


def maj3(a: int, b: int, c: int) -> bool:
    return a + b + c >= 2


XNOR2, XOR3 = 0b1001, table(3, xor)


def constant_of(table_: int, inputs: int) -> int | None:
    """The value of a table that does not depend on its inputs; None for others."""
    everything = (1 << (1 << inputs)) - 1
    return {0: 0, everything: 1}.get(table_ & everything)


@lru_cache(maxsize=1 << 16)
def polynomial(table_: int, inputs: int) -> tuple[tuple[int, int], ...]:
    """Write a table as the integer polynomial that equals it on all assignments.

    ``f(x) = sum of c_S * product of x_k, k in S``: unique, so that two functions are equal if and
    only if their polynomials are (Moebius transform over subsets).

    Returns
    -------
    tuple of (S as a bit mask, c_S), without zeros
    """
    c = [(table_ >> v) & 1 for v in range(1 << inputs)]
    for k in range(inputs):
        for v in range(1 << inputs):
            if v >> k & 1:
                c[v] -= c[v ^ (1 << k)]
    return tuple((s, coefficient) for s, coefficient in enumerate(c) if coefficient)
