"""Targets of counting hardware. A new one is a file and one entry here."""

from bnnhw.logic.targets.base import Target
from bnnhw.logic.targets.cells import Cells
from bnnhw.logic.targets.ecp5 import Ecp5
from bnnhw.logic.targets.generic import Generic
from bnnhw.logic.targets.ice40 import Ice40
from bnnhw.logic.targets.xc7 import Xc7

__all__ = ["TARGETS", "Target"]

TARGETS: dict[str, Target] = {t.name: t for t in (Cells(), Ecp5(), Generic(), Ice40(), Xc7())}
