"""Chooses the form of a threshold unit by its estimated cost."""

from __future__ import annotations

from typing import Any

from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.threshold.affine import affine_threshold_params
from bnnhw.dataflow.units.threshold.bank import bank_params
from bnnhw.dataflow.units.threshold.search import search_params
from bnnhw.families import Device, get_device
from bnnhw.ir import Int
from bnnhw.layers import Product, Threshold

__all__ = ["threshold_forms", "threshold_params"]

BANK_LEVELS = 3
"""Up to this number of thresholds the comparators of a bank are the only form."""

FF_PRICE, BLOCK_PRICE, PRODUCT_PRICE = 0.2, 80.0, 0.3
"""Costs in LUTs of a flip-flop, most of which share a cell with a LUT; of a block RAM; and of a bit
of a partial product, because a multiplier is a DSP block on some families, which the estimate does
not count.
"""

STAND_IN = "ice40"
"""Device whose costs stand for those of a family without a cost model: LUT4 and carry chains."""


def threshold_forms(layer: Threshold | Product, i: StreamPlan, element: Int,
                    device: Device) -> list[PipelineParams[Any]]:
    """List the units that compute the thresholds of a layer; each is exact."""
    forms: list[PipelineParams[Any]] = [bank_params(layer, i, element)]
    if layer.levels <= BANK_LEVELS:
        return forms
    affine = (affine_threshold_params(layer, i, common) for common in (True, False))
    return [*forms, search_params(layer, i, element, device),
            *(form for form in affine if form is not None)]


def threshold_params(layer: Threshold | Product, i: StreamPlan, element: Int,
                     device: Device) -> PipelineParams[Any]:
    """Decide the form of thresholds on stream ``i``, whose elements have type ``element``."""
    return min(threshold_forms(layer, i, element, device), key=lambda form: _price(form, device))


def _price(form: PipelineParams[Any], device: Device) -> float:
    cost = form.cost(device if device.family.costs else get_device(STAND_IN))
    return cost.lut + FF_PRICE * cost.ff + BLOCK_PRICE * cost.block + \
        PRODUCT_PRICE * form.features().get("product", 0)
