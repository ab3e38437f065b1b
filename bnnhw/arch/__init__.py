"""Hardware architectures: each one turns a network into a plan, and a plan into hardware.

``Architecture`` is the protocol. Each folder here implements it with one object and registers that
object; a file outside this package can do the same with ``register``.
"""

from bnnhw.arch.base import Architecture, NoOptions, option_field
from bnnhw.arch.registry import architectures, get_arch, make_options, register
from bnnhw.arch.rows import Part, Rows

__all__ = ["Architecture", "NoOptions", "Part", "Rows", "architectures", "get_arch",
           "make_options", "option_field", "register"]
