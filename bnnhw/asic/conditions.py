"""Reads the units of a Liberty file, and the voltage and temperature of its tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from bnnhw.asic.liberty import Group
from bnnhw.errors import ConfigError

__all__ = ["Conditions", "read_conditions"]

PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


@dataclass(frozen=True)
class Conditions:
    """Units and operating conditions of a library.

    Attributes
    ----------
    voltage : float
        Supply voltage in volts.
    temperature : float or None
        Degrees Celsius; None where the file does not give it.
    time, capacitance, energy : float
        Units in seconds, farads and joules. The unit of energy follows from the others: it is the
        unit of capacitance times the square of the unit of voltage.
    leakage : float or None
        Unit of leakage power in watts; None where the file does not give it.
    loads_known : bool
        Whether the file gives the unit of capacitance; if not, 1 pF is assumed.
    """

    voltage: float
    temperature: float | None
    time: float
    capacitance: float
    energy: float
    leakage: float | None
    loads_known: bool = True

    def difference(self, other: Conditions) -> str:
        """Return the name of the first quantity that differs between two libraries."""
        name = next(f.name for f in fields(self)
                    if getattr(self, f.name) != getattr(other, f.name))
        return name if name in ("voltage", "temperature") else f"unit of {name}"


def read_conditions(library: Group, file: str) -> Conditions:
    """Read the units and conditions of a ``library`` group.

    Raises
    ------
    ConfigError
        A unit cannot be parsed, or there is no voltage.
    """
    name = library.simple.get("default_operating_conditions")
    found = next((g for g in library.all("operating_conditions") if g.name == name), None)
    voltage = library.number("nom_voltage", 0.0)
    temperature = library.number("nom_temperature") if "nom_temperature" in library.simple else None
    if found is not None:
        voltage = found.number("voltage", voltage)
        if "temperature" in found.simple:
            temperature = found.number("temperature")
    if not 0 < voltage < 100:
        raise ConfigError("has no voltage (nom_voltage) between 0 and 100 V", where=file)
    capacitance = _capacitance(library, file)
    volt = _unit(library, "voltage_unit", "v", file) or 1.0
    # Liberty defines 1 ns where a file names no unit of time.
    return Conditions(voltage, temperature, _unit(library, "time_unit", "s", file) or 1e-9,
                      capacitance, capacitance * volt ** 2,
                      _unit(library, "leakage_power_unit", "w", file),
                      "capacitive_load_unit" in library.complex)


def _unit(library: Group, name: str, base: str, file: str) -> float | None:
    """Return a unit such as ``1ns`` in SI units, or None if the attribute is missing."""
    text = library.simple.get(name)
    if text is None:
        return None
    match = re.fullmatch(rf"\s*(\d+(?:\.\d*)?)\s*([munpf]?){base}\s*", text.lower())
    if match is None or not float(match[1]):
        raise ConfigError(f"'{name}' is {text[:40]!r}, expected a number and a unit "
                          f"such as '1n{base}'", where=file)
    return float(match[1]) * PREFIXES[match[2]]


def _capacitance(library: Group, file: str) -> float:
    values = library.complex.get("capacitive_load_unit", ("1", "pf"))
    text = " ".join(values).replace(",", "").lower()
    match = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([munpf]?)f", text)
    if match is None or not float(match[1]):
        raise ConfigError(f"'capacitive_load_unit' is {values}, expected a number and a unit "
                          "such as (1, pf)", where=file)
    return float(match[1]) * PREFIXES[match[2]]
