"""The designs with stored digests: every architecture, device family and layer kind."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from bnnhw.arch import get_arch
from bnnhw.emit.generate import plan_network
from bnnhw.emit.verilog import convert
from bnnhw.families import get_device
from bnnhw.plan import Goal
from tests.importers.yaml_networks import network

__all__ = ["DESIGNS", "Case", "digests_of"]

BITS: dict[str, Any] = {"shape": [40], "type": "bits"}
PIXELS: dict[str, Any] = {"shape": [8, 8, 3], "type": "uint8"}
SIGNAL: dict[str, Any] = {"shape": [12, 5], "type": "int8"}
BIT_MAP: dict[str, Any] = {"shape": [8, 8, 4], "type": "bits"}

MLP: list[Any] = [{"dense": 24}, {"dense": 16}, {"dense": 5, "output": "scores"}, "argmax"]

SMALL: list[Any] = [{"dense": 12}, {"dense": 5, "output": "scores"}, "argmax"]


def few_bits(levels: int) -> list[Any]:
    """Dense layers with weights of two bits."""
    return [{"dense": 12, "weight_bits": 2, "levels": levels},
            {"dense": 5, "weight_bits": 2, "output": "scores"}, "argmax"]


def classifier(*layers: Any) -> list[Any]:
    """Layers of maps, and the end of a classifier."""
    return [*layers, {"sum_pool": "global"}, "flatten", {"dense": 4, "output": "scores"}, "argmax"]


@dataclass(frozen=True)
class Case:
    """One design.

    Attributes
    ----------
    layers : list
        Items of ``layers.yaml``; the weights are random, of a fixed seed.
    input : dict
    arch, device : str
    goal, options : dict
        Keywords of ``Goal``, and options of the architecture.
    keys : dict
        Further keys of ``layers.yaml``.
    """

    layers: list[Any]
    input: dict[str, Any] = field(default_factory=lambda: BITS)
    arch: str = "streaming"
    device: str = "generic"
    goal: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)


def digests_of(case: Case) -> dict[str, str]:
    """Digests of the Verilog body, without its header, and of the plan."""
    loaded = network(case.layers, case.input, **case.keys)
    graph, plan = plan_network(loaded, case.arch, get_device(case.device), Goal(**case.goal),
                               **case.options)
    body = convert(get_arch(case.arch).elaborate(plan, graph))
    text = json.dumps(plan.to_json(), sort_keys=True)
    return {"verilog": hashlib.sha256(body.encode()).hexdigest(),
            "plan": hashlib.sha256(text.encode()).hexdigest()}


RESIDUAL = [
    {"conv": 4, "kernel": 3, "pad": "same", "levels": 7, "name": "stem"},
    {"threshold": True}, {"conv": 4, "kernel": 3, "pad": "same", "pad_value": "zero", "sums": True},
    {"affine": True, "shift": 4}, {"add": "stem", "limits": [-32, 31]}, {"threshold": True},
]

SEGMENT = [
    {"conv": 4, "kernel": 3, "pad": "same", "name": "encode1"}, {"max_pool": 2},
    {"conv": 6, "kernel": 3, "pad": "same", "pad_value": "zero"}, {"upsample": 2},
    {"concat": "encode1"}, {"conv": 4, "kernel": 3, "pad": "same", "pad_value": 1},
    {"conv": 3, "kernel": 1, "output": "scores"},
]

SQUEEZE = [
    {"conv": 4, "kernel": 3, "pad": "same", "levels": 3, "name": "map"},
    {"average_pool": "global", "rounding": "half_even"}, "flatten", {"dense": 3, "levels": 3},
    {"dense": 4, "sums": True}, {"divide": 2, "limits": [0, 15]},
    {"multiply": "map", "divisor": 8, "rounding": "half_up", "limits": [0, 3]},
]

SHUFFLE = [
    {"conv": 8, "kernel": 3, "pad": "same"}, {"max_pool": [2, 1]},
    {"depth_to_space": 2, "order": "crd"},
    {"crop": [1, 0, 1, 2]}, {"space_to_depth": [2, 1]}, {"conv": 4, "kernel": 1},
]

KEYWORD = [
    {"conv": 6, "kernel": 3, "pad": "causal"},
    {"conv": 6, "kernel": 3, "dilation": 2, "pad": "causal", "pad_value": "zero", "sums": True},
    {"affine": True, "shift": 2, "limits": [-20, 20]}, {"threshold": True},
]

YODANN = [
    {"conv": 4, "kernel": 3, "pad": "same", "sums": True}, {"affine": True, "shift": 4},
    {"threshold": True}, {"conv": 3, "kernel": 3, "pad": "same", "pad_value": "zero",
                          "sums": True},
    {"sum_pool": "global"}, "flatten", {"dense": 4, "output": "scores"}, "argmax",
]

FOLDED = [{"dense": 24, "fold": {"pe": 8, "simd": 10}}, {"dense": 16, "fold": {"pe": 3, "simd": 8}},
          {"dense": 5, "output": "scores"}, "argmax"]


def memories(kind: str) -> list[Any]:
    return [{"dense": 24, "memory": kind}, {"dense": 16, "memory": kind},
            {"dense": 5, "output": "scores"}, "argmax"]


_FAMILIES = {
    f"mlp_{device}": Case(MLP, device=device, goal={"target_cycles": 40})
    for device in ("generic", "cells", "ecp5", "gowin", "ice40", "xc7", "up5k", "ecp5-25", "gw1nr9")
}
_UNROLLED = {
    f"unrolled_{device}": Case(SMALL, arch="unrolled", device=device, goal={"target_cycles": 1},
                               options={"cuts": 0})
    for device in ("generic", "cells", "ecp5", "ice40", "xc7")
}
_PADDINGS = {
    f"pad_{str(value).replace('-', 'm')}": Case(classifier(
        {"conv": 4, "kernel": 3, "pad": [1, 0, 2, 1], "pad_value": value}), BIT_MAP,
        goal={"target_cycles": 600})
    for value in (-1, 1, "zero", "checker")
}

DESIGNS: dict[str, Case] = {
    **_FAMILIES,
    "mlp_fast": Case(MLP, goal={"target_cycles": 4}),
    "mlp_slow": Case(MLP, goal={"target_cycles": 2000}),
    "mlp_folded": Case(FOLDED),
    "mlp_block": Case(memories("block"), device="ecp5", goal={"target_cycles": 60}),
    "mlp_lut": Case(memories("lut"), device="ice40", goal={"target_cycles": 60}),
    "mlp_constant": Case(memories("constant"), device="ecp5", goal={"target_cycles": 1}),
    "mlp_spram": Case(memories("spram"), device="up5k", goal={"target_cycles": 200}),
    "mlp_pixels": Case(MLP, {"shape": [40], "type": "uint8", "threshold": 128},
                       goal={"target_cycles": 60}),
    "mlp_integers": Case(MLP, {"shape": [40], "type": "int", "range": [-3, 9]},
                         goal={"target_cycles": 90}),
    "mlp_norm": Case([{"dense": 24, "batch_norm": True}, {"dense": 5, "sums": True},
                      "affine", "argmax"], goal={"target_cycles": 60}),
    "conv_pixels": Case(classifier({"conv": 4, "kernel": 3, "pad": "same"}, {"max_pool": 2},
                                   {"conv": 6, "kernel": [3, 2]}), PIXELS,
                        goal={"target_cycles": 600}),
    "conv_parallel": Case(classifier({"conv": 4, "kernel": 3}), BIT_MAP, device="ecp5",
                          goal={"target_cycles": 64}),
    "conv_stride_groups": Case(classifier(
        {"conv": 4, "kernel": 3, "stride": 2, "groups": 2, "pad": 1, "pad_value": -1}), BIT_MAP,
        goal={"target_cycles": 500}),
    "depthwise": Case(classifier({"depthwise": 3, "pad": "same", "pad_value": "zero"},
                                 {"conv": 6, "kernel": 1}), BIT_MAP, goal={"target_cycles": 500}),
    "select": Case(classifier({"select": [2, 0, 3, 1]}, {"conv": 4, "kernel": 3}), BIT_MAP,
                   goal={"target_cycles": 500}),
    "levels": Case(classifier({"conv": 4, "kernel": 3, "levels": 3}, {"conv": 4, "kernel": 3}),
                   BIT_MAP, goal={"target_cycles": 500}),
    "binarize": Case([{"binarize": 3}, *MLP], {"shape": [40], "type": "uint8"},
                     goal={"target_cycles": 60}),
    **_PADDINGS,
    "residual": Case(classifier(*RESIDUAL), PIXELS, goal={"target_cycles": 2000}),
    "residual_up5k": Case(classifier(*RESIDUAL), PIXELS, device="up5k",
                          goal={"target_cycles": 4000}),
    "segment": Case(SEGMENT, PIXELS, goal={"target_cycles": 2000}),
    "squeeze": Case(classifier(*SQUEEZE), PIXELS, device="ecp5", goal={"target_cycles": 600}),
    "shuffle": Case(classifier(*SHUFFLE), PIXELS, goal={"target_cycles": 600}),
    "transposed": Case([{"conv_transpose": 4, "kernel": 2, "stride": 2},
                        {"conv_transpose": 3, "kernel": 4, "stride": 2, "pad": 1}], BIT_MAP,
                       device="ice40", goal={"target_cycles": 4000}),
    "keyword": Case(classifier(*KEYWORD), SIGNAL, goal={"target_cycles": 600}),
    "prelu": Case(classifier(
        {"conv": 4, "kernel": 3, "sums": True}, {"prelu": True, "shift": 3},
        {"threshold": True, "levels": 15}, {"conv": 4, "kernel": 1}), BIT_MAP, device="ecp5",
        goal={"target_cycles": 500}),
    "labels": Case([{"conv": 4, "kernel": 3, "levels": 15}, {"conv": 3, "kernel": 1, "sums": True},
                    "argmax"], PIXELS, device="ice40", goal={"target_cycles": 900}),
    **_UNROLLED,
    "unrolled_registers": Case(SMALL, arch="unrolled", device="ecp5",
                               goal={"target_cycles": 1, "clock_mhz": 150}),
    "unrolled_conv": Case(classifier({"conv": 4, "kernel": 3}), BIT_MAP, arch="unrolled",
                          device="ice40", goal={"target_cycles": 64}, options={"cuts": 1}),
    "unrolled_ternary": Case(few_bits(1), arch="unrolled", device="ecp5",
                             goal={"target_cycles": 1}, options={"cuts": 0}),
    "unrolled_w2a2": Case(few_bits(3), {"shape": [24], "type": "int", "range": [0, 3]},
                          arch="unrolled", device="ice40", goal={"target_cycles": 1},
                          options={"cuts": 0}),
    "yodann_ternary": Case([{"conv": 4, "kernel": 3, "pad": "same", "weight_bits": 2},
                            "flatten", {"dense": 4, "weight_bits": 2, "output": "scores"}],
                           {"shape": [6, 6, 2], "type": "int8"}, arch="yodann",
                           options={"core": "ni=2,no=2,kernel=3,depth=32,bank=16"}),
    "yodann": Case(YODANN, {"shape": [6, 6, 2], "type": "int8"}, arch="yodann", device="cells",
                   options={"core": "ni=2,no=2,kernel=3,bits=12,frac=4,depth=32,bank=16"}),
    "yodann_batch": Case(YODANN, {"shape": [6, 6, 2], "type": "int8"}, arch="yodann",
                         options={"core": "ni=1,no=3,kernel=5,depth=16,bank=8,batch=2"}),
}
