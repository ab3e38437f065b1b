"""Targets of counting hardware. A new one is a file and one entry here."""

from bnnhw.count.targets.base import Target
from bnnhw.count.targets.cells import Cells
from bnnhw.count.targets.ecp5 import Ecp5
from bnnhw.count.targets.generic import Generic
from bnnhw.count.targets.ice40 import Ice40
from bnnhw.count.targets.xc7 import Xc7

__all__ = ["TARGETS", "Target"]

TARGETS: dict[str, Target] = {t.name: t for t in (Cells(), Ecp5(), Generic(), Ice40(), Xc7())}
