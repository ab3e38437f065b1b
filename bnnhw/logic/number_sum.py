"""Sums of numbers that their weights pass or invert, for units whose weights change."""

from __future__ import annotations

import functools

from bnnhw.logic.behaviour import registered
from bnnhw.logic.certificate import certify
from bnnhw.logic.claims import ChainClaim, Number, SumClaim
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import schedule
from bnnhw.logic.popcount import LEVELS, PopcountNetlist
from bnnhw.logic.sum_builder import SumBuilder
from bnnhw.logic.target import Target
from bnnhw.logic.truth_tables import XNOR2

__all__ = ["number_sum_netlist", "number_sum_verilog"]

INVERTER, XOR2 = 0b01, 0b0110


@functools.lru_cache(maxsize=256)
def number_sum_netlist(lanes: int, bits: int, target: Target, levels: int) -> PopcountNetlist:
    """Build and prove the sum of numbers, each of which its weight passes (1) or inverts (0).

    The first adders take two numbers each and absorb the exclusive nors; a tree of adders follows.

    Parameters
    ----------
    lanes, bits : int
        Numbers, and bits of each of them, unsigned.
    target : Target
        Of a family whose slots absorb products (``Target.absorbs_products``).
    levels : int
        Adder levels between two registers; 0 for a combinational sum.
    """
    netlist = Netlist(lanes * bits + lanes)
    builder = SumBuilder(netlist, target)
    numbers = [[netlist.input(k * bits + b) for b in range(bits)] for k in range(lanes)]
    weights = [netlist.input(lanes * bits + k) for k in range(lanes)]
    sums = [_pair(netlist, target, numbers[k:k + 2], weights[k:k + 2])
            for k in range(0, lanes - 1, 2)]
    if lanes % 2:
        sums.append(_passed(netlist, numbers[-1], weights[-1]))
    while len(sums) > 1:
        sums = [builder.total((), sums[k:k + 2]) if k + 1 < len(sums) else sums[k]
                for k in range(0, len(sums), 2)]
    netlist.outputs = list(sums[0].lits)
    certify(netlist)
    limit = levels or float("inf")
    return PopcountNetlist(netlist, schedule(netlist, LEVELS, limit, limit))


def _passed(netlist: Netlist, number: list[int], weight: int) -> Number:
    """A number that its weight passes or inverts, in lookup tables."""
    return Number(tuple(netlist.lut((x, weight), XNOR2) for x in number), (1 << len(number)) - 1)


def _pair(netlist: Netlist, target: Target, numbers: list[list[int]],
          weights: list[int]) -> Number:
    """The sum of two numbers that their weights pass or invert, in one chain.

    A slot of ECP5 cannot add two exclusive nors, but it can add one to an exclusive or. The second
    weight therefore has an inverter. The lookup tables of ``_passed`` only state what is added:
    nothing reads them, so that they are not written.
    """
    first, second = numbers
    inverted = netlist.lut((weights[1],), INVERTER)
    chain = netlist.chain(0, [
        target.slot(netlist, ((x1, weights[0]), XNOR2), ((x2, inverted), XOR2))
        for x1, x2 in zip(first, second, strict=True)])
    total = Number((*(2 * slot.total for slot in chain.slots), 2 * chain.slots[-1].carry),
                   2 * ((1 << len(first)) - 1))
    addends = tuple(_passed(netlist, number, weight)
                    for number, weight in zip(numbers, weights, strict=True))
    claim = ChainClaim(total, addends, (), 0, chain)
    netlist.chain_claims.append(claim)
    netlist.sum_claims.append(SumClaim(total, addends, (), 0, ((claim, 0),)))
    return total


def number_sum_verilog(name: str, lanes: int, bits: int, target: Target, levels: int) -> str:
    """Verilog of such a sum: module ``name(clk, x, y)``, without ``clk`` if it has no registers.

    Parameters
    ----------
    name : str
        Name of the module.
    lanes, bits, target, levels
        As for ``number_sum_netlist``. Input ``x`` has the numbers in its low ``lanes * bits``
        bits and the weights in its high ones.
    """
    made = number_sum_netlist(lanes, bits, target, levels)
    outputs, size = len(made.netlist.outputs), lanes * bits
    terms = " + ".join(f"{{{outputs - bits}'d0, ~(x[{k * bits + bits - 1}:{k * bits}] "
                       f"^ {{{bits}{{x[{size + k}]}}}})}}" for k in range(lanes))
    model = [f"wire [{outputs - 1}:0] now = {terms};"]
    return target.module(name, made.netlist, made.schedule,
                         "\n".join([*model, *registered(outputs, made.cuts)]))
