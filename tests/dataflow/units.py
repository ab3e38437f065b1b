"""Parameters of single units for tests, with defaults for values that a test does not need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import MvtuParams

__all__ = ["mvtu_of"]


def mvtu_of(rows: int, columns: int, pe: int, simd: int, **values: Any) -> MvtuParams:
    """An MVTU of one bit per element that reads vectors; ``values`` replace fields of it."""
    sf, nf = -(-columns // simd), -(-rows // pe)
    chosen: dict[str, Any] = {
        "rows": rows, "columns": columns, "pe": pe, "simd": simd, "sf": sf, "nf": nf,
        "vectors": 1, "matrices": 1, "taps": 1, "parallel": False, "bits": 1, "serial": False,
        "own_lanes": False, "acc_width": (columns + 1).bit_length() + 1, "threshold": True,
        "levels": 3, "product_register": False, "weight_memory": "lut", "start_memory": "lut",
        "classes": 1, "vector_memory": "auto", "queue_depth": 0, "family": "generic", **values}
    width, signed = (1, False) if chosen["threshold"] else (chosen["acc_width"], True)
    params = MvtuParams(StreamPlan(columns, simd, chosen["bits"]),
                        StreamPlan(rows, pe, width, signed), **chosen)
    return replace(params, queue_depth=params.free_running_depth)
