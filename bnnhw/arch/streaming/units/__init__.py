"""The units of a streaming design. A new one is a new file and one entry in ``UNITS``."""

from bnnhw.arch.streaming.units.affine import AffinePlan
from bnnhw.arch.streaming.units.argmax import ArgMaxPlan
from bnnhw.arch.streaming.units.axi import InputPlan, OutputPlan
from bnnhw.arch.streaming.units.converter import ConverterPlan
from bnnhw.arch.streaming.units.mvtu import MvtuPlan
from bnnhw.plan import Unit

__all__ = ["UNITS", "AffinePlan", "ArgMaxPlan", "ConverterPlan", "InputPlan", "MvtuPlan",
           "OutputPlan"]

UNITS: dict[str, type[Unit]] = {
    unit.kind: unit
    for unit in (InputPlan, ConverterPlan, MvtuPlan, AffinePlan, ArgMaxPlan, OutputPlan)
}
