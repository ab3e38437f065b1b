"""Counting bits with the cells of a target: trees as data, proven before they are written."""

from bnnhw.logic.build import NOTHING, SumBuilder
from bnnhw.logic.certificate import CertificateError, certify
from bnnhw.logic.netlist import Netlist, Number
from bnnhw.logic.targets import TARGETS, Target

__all__ = ["NOTHING", "TARGETS", "CertificateError", "Netlist", "Number", "SumBuilder", "Target",
           "certify"]
