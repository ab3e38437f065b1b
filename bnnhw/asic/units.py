"""Units of a Liberty file, and the voltage and temperature that its tables are valid for."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from bnnhw.asic.liberty import Group
from bnnhw.errors import ConfigError

__all__ = ["Conditions", "read_conditions"]

PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


@dataclass(frozen=True)
class Conditions:
    """What the numbers of a library mean.

    Attributes
    ----------
    voltage : float
        Volt.
    temperature : float or None
        Degrees Celsius; None where the file does not give it.
    time, capacitance, energy : float
        Units in seconds, farads and joules. That of energy is not written: it is the unit of
        capacitance times the square of that of voltage.
    leakage : float or None
        Unit in watts; None where the file does not give it.
    loads_known : bool
        Whether the file gives the unit of capacitance; else it was taken as 1 pF.
    """

    voltage: float
    temperature: float | None
    time: float
    capacitance: float
    energy: float
    leakage: float | None
    loads_known: bool = True

    def difference(self, other: Conditions) -> str:
        """What differs first between two libraries, in words."""
        name = next(f.name for f in fields(self)
                    if getattr(self, f.name) != getattr(other, f.name))
        return name if name in ("voltage", "temperature") else f"unit of {name}"


def read_conditions(library: Group, file: str) -> Conditions:
    """Read the conditions of a ``library`` group.

    Raises
    ------
    ConfigError
        A unit is not understood, or there is no voltage.
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
        raise ConfigError("has no voltage (nom_voltage)", where=file)
    capacitance = _capacitance(library, file)
    volt = _unit(library, "voltage_unit", "v", file) or 1.0
    # Liberty defines 1 ns where a file names no unit of time.
    return Conditions(voltage, temperature, _unit(library, "time_unit", "s", file) or 1e-9,
                      capacitance, capacitance * volt ** 2,
                      _unit(library, "leakage_power_unit", "w", file),
                      "capacitive_load_unit" in library.complex)


def _unit(library: Group, name: str, base: str, file: str) -> float | None:
    """Such as ``1ns``."""
    text = library.simple.get(name)
    if text is None:
        return None
    match = re.fullmatch(rf"\s*(\d+(?:\.\d*)?)\s*([munpf]?){base}\s*", text.lower())
    if match is None or not float(match[1]):
        raise ConfigError(f"'{name}' is {text[:40]!r}", where=file)
    return float(match[1]) * PREFIXES[match[2]]


def _capacitance(library: Group, file: str) -> float:
    values = library.complex.get("capacitive_load_unit", ("1", "pf"))
    text = " ".join(values).replace(",", "").lower()
    match = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([munpf]?)f", text)
    if match is None or not float(match[1]):
        raise ConfigError(f"'capacitive_load_unit' is {values}", where=file)
    return float(match[1]) * PREFIXES[match[2]]
