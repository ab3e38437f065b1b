"""The units of a streaming design. A new one is a new file and one entry in ``UNITS``."""

from bnnhw.arch.streaming.units.affine import AffinePlan
from bnnhw.arch.streaming.units.argmax import ArgMaxPlan
from bnnhw.arch.streaming.units.axi import InputPlan, OutputPlan
from bnnhw.arch.streaming.units.converter import ConverterPlan
from bnnhw.arch.streaming.units.line_window import LineWindowPlan
from bnnhw.arch.streaming.units.mvtu import MvtuPlan
from bnnhw.arch.streaming.units.reduce import ReducePlan
from bnnhw.arch.streaming.units.stages import (
    AddPlan,
    ConcatPlan,
    FifoPlan,
    ForkPlan,
    SelectPlan,
    SequencePlan,
)
from bnnhw.arch.streaming.units.threshold import ThresholdPlan
from bnnhw.arch.streaming.units.window import WindowPlan
from bnnhw.plan import Unit

__all__ = ["UNITS", "AddPlan", "AffinePlan", "ArgMaxPlan", "ConcatPlan", "ConverterPlan",
           "FifoPlan", "ForkPlan", "InputPlan", "LineWindowPlan", "MvtuPlan", "OutputPlan",
           "ReducePlan", "SelectPlan", "SequencePlan", "ThresholdPlan", "WindowPlan"]

UNITS: dict[str, type[Unit]] = {
    unit.kind: unit
    for unit in (AddPlan, AffinePlan, ArgMaxPlan, ConcatPlan, ConverterPlan, FifoPlan, ForkPlan,
                 InputPlan, LineWindowPlan, MvtuPlan, OutputPlan, ReducePlan, SelectPlan,
                 SequencePlan, ThresholdPlan, WindowPlan)
}
