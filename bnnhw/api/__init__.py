"""The functions of ``import bnnhw`` that load, generate, simulate and build.

The methods of ``Design`` and ``Build``, the functions that ``bnnhw`` exports and the verbs of the
command line call these modules.
"""
