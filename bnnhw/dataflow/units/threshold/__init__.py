"""Threshold units: integers to bits or levels, in three forms of which a plan takes the cheapest.

``bank`` has a comparator for each threshold, ``search`` finds the level by binary search in a ROM,
and ``affine`` computes it by a multiplication and a shift, where that equals the thresholds.
"""

from bnnhw.dataflow.units.threshold.affine import (
           AffineThresholdConstants,
           AffineThresholdParams,
           AffineThresholdUnit,
           affine_threshold_params,
)
from bnnhw.dataflow.units.threshold.bank import ThresholdParams, ThresholdUnit
from bnnhw.dataflow.units.threshold.choice import threshold_forms, threshold_params
from bnnhw.dataflow.units.threshold.constants import Reach, ThresholdConstants
from bnnhw.dataflow.units.threshold.search import SearchParams, SearchUnit, search_params

__all__ = ["AffineThresholdConstants", "AffineThresholdParams", "AffineThresholdUnit", "Reach",
           "SearchParams", "SearchUnit", "ThresholdConstants", "ThresholdParams", "ThresholdUnit",
           "affine_threshold_params", "search_params", "threshold_forms", "threshold_params"]
