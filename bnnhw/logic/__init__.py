"""Unrolled logic: bit heap compression, common-subexpression elimination, proofs and netlists."""

from bnnhw.logic.certificate import CertificateError, certify
from bnnhw.logic.claims import Number
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.sum_builder import NOTHING, SumBuilder
from bnnhw.logic.target import Target

__all__ = ["NOTHING", "CertificateError", "Netlist", "Number", "SumBuilder", "Target",
           "certify"]
