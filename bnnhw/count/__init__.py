"""Counting bits with the cells of a target: trees as data, proven before they are written."""

from bnnhw.count.build import NOTHING, SumBuilder
from bnnhw.count.certificate import CertificateError, certify
from bnnhw.count.netlist import Netlist, Number
from bnnhw.count.targets import TARGETS, Target

__all__ = ["NOTHING", "TARGETS", "CertificateError", "Netlist", "Number", "SumBuilder", "Target",
           "certify"]
