"""Lookup tables of the non-linear delay model (NLDM): delay or energy over load and slew."""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass

from bnnhw.asic.liberty import Group
from bnnhw.errors import ConfigError

__all__ = ["Table", "Templates", "read_table", "read_templates"]

MAX_VALUES = 1 << 16
"""Largest number of values of a table."""

Templates = dict[str, tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]]
"""Variables and axes of each table template, by its name."""

AXES = {"total_output_net_capacitance": "load", "input_net_transition": "slew",
        "input_transition_time": "slew"}


@dataclass(frozen=True)
class Table:
    """A lookup table with linear interpolation.

    Beyond the largest load the table is extrapolated linearly, as OpenSTA does; everywhere else
    the variables are clamped to the range of the axis.

    Attributes
    ----------
    variables : tuple of str
        ``load`` or ``slew``. Any other variable is assumed to have its lowest value.
    axes : tuple of tuple of float
    values : tuple of float
        Row-major, the last variable fastest.
    """

    variables: tuple[str, ...]
    axes: tuple[tuple[float, ...], ...]
    values: tuple[float, ...]

    def at(self, load: float, slew: float) -> float:
        """Return the interpolated value at a load and a slew, all in units of the library."""
        rows = [self.values]
        given = {"load": load, "slew": slew}
        for variable, axis in zip(self.variables, self.axes, strict=True):
            x = given.get(variable, axis[0])
            x = max(x, axis[0]) if variable == "load" else min(max(x, axis[0]), axis[-1])
            k = min(max(bisect.bisect_right(axis, x) - 1, 0), max(len(axis) - 2, 0))
            size = len(rows[0]) // len(axis)
            low = rows[0][k * size:(k + 1) * size]
            if len(axis) > 1:
                high = rows[0][(k + 1) * size:(k + 2) * size]
                fraction = (x - axis[k]) / (axis[k + 1] - axis[k])
                low = tuple(a + fraction * (b - a) for a, b in zip(low, high, strict=True))
            rows = [low]
        return rows[0][0]


def read_templates(library: Group) -> Templates:
    """Read the table templates of a ``library`` group."""
    templates: Templates = {"scalar": ((), ())}
    for group in library.all("lu_table_template", "power_lut_template"):
        names = [group.simple[k] for k in ("variable_1", "variable_2", "variable_3")
                 if k in group.simple]
        axes = tuple(_numbers(group, f"index_{k + 1}") for k in range(len(names)))
        templates[group.name] = tuple(AXES.get(n, n) for n in names), axes
    return templates


def _numbers(group: Group, name: str) -> tuple[float, ...]:
    words = " ".join(group.complex.get(name, ())).replace(",", " ").split()
    if len(words) > MAX_VALUES:
        raise ConfigError(f"'{name}' has more than {MAX_VALUES} values", where=f"line {group.line}")
    try:
        return tuple(float(word) for word in words)
    except ValueError:
        raise ConfigError(f"'{name}' of {group.kind} contains a value that is not a number",
                          where=f"line {group.line}") from None


def read_table(group: Group, templates: Templates) -> Table:
    """Read a table; the name of the group is that of its template.

    Raises
    ------
    ConfigError
        The template is unknown, or the number of values does not fit the axes.
    """
    if group.name not in templates:
        raise ConfigError(f"uses the unknown table template '{group.name}'",
                          where=f"line {group.line}")
    variables, axes = templates[group.name]
    axes = tuple(_numbers(group, f"index_{k + 1}") or axis for k, axis in enumerate(axes))
    values = _numbers(group, "values")
    size = 1
    for axis in axes:
        size *= len(axis)
        if any(not a < b for a, b in itertools.pairwise(axis)):
            raise ConfigError("has an index that is not ascending", where=f"line {group.line}")
    if len(values) != size or not size:
        raise ConfigError(f"has {len(values)} values, its axes need {size}",
                          where=f"line {group.line}")
    return Table(variables, axes, values)
