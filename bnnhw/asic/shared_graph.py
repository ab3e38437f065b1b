"""Evaluates the Verilog and the netlist in one And-Inverter graph, which shares their inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bnnhw.asic.aig import FALSE, TRUE, Aig
from bnnhw.asic.assignments import Net
from bnnhw.asic.dual_rail import UNDEFINED, DualRail, Evaluator, defined, evaluate_dual_rail
from bnnhw.asic.sequential import SequentialModule

__all__ = ["shared_graph"]


def shared_graph(aig: Aig, verilog: SequentialModule, netlist: SequentialModule,
                 matched: Mapping[Net, Net], unmatched: Callable[[], DualRail]
                 ) -> tuple[Evaluator[int], Evaluator[DualRail]]:
    """Prepare the evaluation of both modules, whose inputs and matched elements are the same nodes.

    Parameters
    ----------
    aig : Aig
        Receives the logic of both modules.
    verilog, netlist : SequentialModule
    matched : mapping of Net to Net
        For state elements of the Verilog, the element of the netlist, or the constant ``0`` or
        ``1``.
    unmatched : callable
        Gives the value of each other state element of the Verilog.

    Returns
    -------
    Evaluator, Evaluator
        Of the netlist, by literals, and of the Verilog, by two rails for each net.
    """
    inputs = {name: aig.add_input() for name in verilog.inputs}
    literals: dict[Net, int] = {"0": FALSE, "1": TRUE}
    literals |= {net: inputs[name] for name, net in netlist.inputs.items()}
    literals |= {net: aig.add_input() for net in netlist.state}
    rails: dict[Net, DualRail] = {"0": defined(FALSE), "1": defined(TRUE), "x": UNDEFINED}
    rails |= {net: defined(inputs[name]) for name, net in verilog.inputs.items()}
    rails |= {net: defined(literals[matched[net]]) if net in matched else unmatched()
              for net in verilog.state}
    return (
        # An undriven net of the netlist becomes an input: a proof covers both of its values.
        Evaluator[int](netlist.assignments, literals, aig.build, lambda _: aig.add_input()),
        Evaluator[DualRail](verilog.assignments, rails,
                            lambda function, pins: evaluate_dual_rail(aig, function, pins),
                            lambda _: UNDEFINED))
