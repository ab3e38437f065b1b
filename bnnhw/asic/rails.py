"""Values of nets as logic; of those that a text leaves open, logic of two rails.

A Verilog text leaves some values open: what a memory gives for an address that it does not have.
A netlist may take either. So each net of the text gets a rail that says it may be 1 and one that
says it may be 0; an undefined value has both. A value that nobody may count on, such as that of a
register without a counterpart, has neither: both rails only ever grow with those that they are
made of, so that what is allowed without any of the two is allowed whatever that value is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from bnnhw.asic.aig import FALSE, TRUE, Aig
from bnnhw.asic.boolean import Boolean
from bnnhw.asic.cover import Cover, Net
from bnnhw.errors import ConfigError

__all__ = ["EITHER", "NEITHER", "Rails", "Values", "allowed", "plain", "rails"]

Rails = tuple[int, int]
"""Literals that say that a net may be 1, and that it may be 0."""

EITHER: Rails = TRUE, TRUE
NEITHER: Rails = FALSE, FALSE

Value = TypeVar("Value")


class Values(Generic[Value]):
    """Nets of a module, valued as they are asked for.

    Parameters
    ----------
    covers : iterable of Cover
    known : mapping of Net to value
        Of constants, inputs and what is stored.
    made : function of (Boolean, values by pin)
        The value of a function.
    undriven : function of Net
        That of a net that nothing drives.

    Raises
    ------
    ConfigError
        Two cells drive a net, or a net depends on itself.
    """

    def __init__(self, covers: Iterable[Cover], known: Mapping[Net, Value],
                 made: Callable[[Boolean, dict[str, Value]], Value],
                 undriven: Callable[[Net], Value]) -> None:
        self._driver: dict[Net, Cover] = {}
        self._values: dict[Net, Value] = dict(known)
        for cover in covers:
            if cover.output in self._driver or cover.output in self._values:
                raise ConfigError(f"has a net {cover.output} that is driven twice",
                                  where="equivalence of the netlist")
            self._driver[cover.output] = cover
        self._made, self._undriven = made, undriven

    def __getitem__(self, net: Net) -> Value:
        values, entered = self._values, set[Net]()
        stack = [net]
        while stack:
            top = stack[-1]
            if top in values:
                stack.pop()
                continue
            cover = self._driver.get(top)
            if cover is None:
                values[top] = self._undriven(top)
                continue
            missing = [n for n in cover.inputs.values() if n not in values]
            if not missing:
                values[top] = self._made(cover.function,
                                         {pin: values[n] for pin, n in cover.inputs.items()})
            elif top in entered:
                raise ConfigError(f"has a net {top} that depends on itself",
                                  where="equivalence of the netlist")
            else:
                entered.add(top)
                stack += missing
        return values[net]


def plain(literal: int) -> Rails:
    """Rails of a value that is known."""
    return literal, literal ^ 1


def rails(aig: Aig, function: Boolean, pins: Mapping[str, Rails]) -> Rails:
    """Rails of a function of rails."""
    if all(one == zero ^ 1 for one, zero in pins.values()):
        return plain(aig.value(function, {pin: one for pin, (one, _) in pins.items()}))
    if function.op == "pin":
        return pins[function.name]
    if function.op == "constant":
        return plain(int(function.name))
    values = [rails(aig, term, pins) for term in function.terms]
    if function.op == "not":
        return values[0][::-1]
    one, zero = values[0]
    for also_one, also_zero in values[1:]:
        if function.op == "and":
            # One term that may be 0 is enough for a product that may be 0, and so on.
            one, zero = aig.both(one, also_one), aig.either(zero, also_zero)
        elif function.op == "or":
            one, zero = aig.either(one, also_one), aig.both(zero, also_zero)
        else:
            one, zero = (aig.either(aig.both(one, also_zero), aig.both(zero, also_one)),
                         aig.either(aig.both(one, also_one), aig.both(zero, also_zero)))
    return one, zero


def allowed(aig: Aig, literal: int, text: Rails) -> int:
    """1 where a net of the netlist is what the one of the text may be."""
    one, zero = text
    if one == zero ^ 1:
        return aig.differ(literal, one) ^ 1
    return aig.either(aig.both(literal, one), aig.both(literal ^ 1, zero))
