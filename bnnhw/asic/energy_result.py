"""Result of an energy estimate: energy by unit and layer, with the conditions it is valid for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

__all__ = ["Energy", "EnergyConditions", "LayerEnergy", "Stimulus"]


@dataclass(frozen=True)
class Stimulus:
    """The simulated workload that an estimate refers to.

    Attributes
    ----------
    name : str
        Description of the samples.
    frames : int
        Frames in the window in which edges were counted.
    products : int
        Products of a weight and an input per frame.
    period : float
        Clock period in seconds.
    """

    name: str
    frames: int
    products: int
    period: float


@dataclass(frozen=True)
class LayerEnergy:
    """Energy while a job-based core runs one layer.

    Attributes
    ----------
    joules : float
        Energy in the window, without leakage.
    products : int
        Products of a weight and an input per frame.
    """

    joules: float
    products: int


class EnergyConditions(TypedDict):
    """Conditions of an estimate, with the keys of the JSON document."""

    library: str
    library_sha256: str
    voltage: float
    temperature: float | None
    stimulus: str
    wire: str
    scope: str


@dataclass(frozen=True)
class Energy:
    """Estimated energy in a window of a simulation, with the conditions that it is valid for.

    Attributes
    ----------
    switching : float
        Joules for charging the loads of nets.
    internal : float
        Joules inside cells.
    leakage : float or None
        Joules of leakage at the simulated clock; None if the library does not give it.
    units : dict of str to float
        Joules without leakage, by the unit that the driving cell belongs to.
    clock : float
        Joules of clock nets, and inside cells at their clock pins. They are part of ``switching``
        and ``internal``.
    cycles : int
        Length of the window.
    activity : float
        Mean number of edges per data net and cycle; clock nets do not count.
    fo4 : float
        Joules of one edge at a fan-out of four: half of ``4 C V^2``, with the input capacitance C
        of the smallest NAND2.
    stimulus : Stimulus
    conditions : EnergyConditions
        Library, voltage, temperature, wire model, and what the estimate leaves out.
    layers : dict of str to LayerEnergy
        Energy by layer; empty unless the core runs the layers one after another.
    """

    switching: float
    internal: float
    leakage: float | None
    units: dict[str, float]
    clock: float
    cycles: int
    activity: float
    fo4: float
    stimulus: Stimulus
    conditions: EnergyConditions
    layers: dict[str, LayerEnergy] = field(default_factory=dict)

    @property
    def dynamic(self) -> float:
        """Joules per frame, without leakage."""
        return (self.switching + self.internal) / self.stimulus.frames

    @property
    def operation(self) -> float:
        """Joules per operation, without leakage; a product and its addition are two operations."""
        return self.dynamic / (2 * self.stimulus.products)

    def rows(self) -> list[tuple[str, float]]:
        """Return the rows of a table: unit, picojoules per frame."""
        rows = [(unit, joules * 1e12 / self.stimulus.frames)
                for unit, joules in self.units.items()]
        return [*rows, ("total", self.dynamic * 1e12)]

    def layer_rows(self) -> list[tuple[str, float, float]]:
        """Return the rows of a table: layer, picojoules per frame, femtojoules per operation."""
        return [(name, e.joules * 1e12 / self.stimulus.frames,
                 e.joules * 1e15 / self.stimulus.frames / (2 * e.products))
                for name, e in self.layers.items()]

    def sentence(self) -> str:
        """Return the energy per operation together with its conditions, as one line for people."""
        c = self.conditions
        leakage = "leakage not given by the library" if self.leakage is None else \
            f"leakage {self.leakage / self.stimulus.frames * 1e12:.3g} pJ per frame"
        temperature = "an unknown temperature" if c["temperature"] is None else \
            f"{c['temperature']:g} C"
        return (f"{self.operation * 1e15:.1f} fJ/Op = {self.operation / self.fo4:.2f} E_FO4 "
                f"({self.fo4 * 1e15:.1f} fJ) without leakage, "
                f"clock {100 * self.clock / (self.switching + self.internal):.0f} % of it, "
                f"{leakage} at {1e-6 / self.stimulus.period:.4g} MHz: {c['scope']}, "
                f"library {c['library']} at {c['voltage']:g} V and {temperature}, {c['stimulus']}, "
                f"{self.activity:.3f} edges per data net and cycle, {c['wire']}")

    def to_json(self) -> dict[str, object]:
        frames = self.stimulus.frames
        return {
            "fj_per_op": self.operation * 1e15, "e_fo4_per_op": self.operation / self.fo4,
            "e_fo4_fj": self.fo4 * 1e15, "pj_per_frame": self.dynamic * 1e12,
            "switching_pj_per_frame": self.switching * 1e12 / frames,
            "internal_pj_per_frame": self.internal * 1e12 / frames,
            "leakage_pj_per_frame": None if self.leakage is None else
            self.leakage * 1e12 / frames,
            "clock_pj_per_frame": self.clock * 1e12 / frames,
            "pj_per_frame_by_unit": {u: e * 1e12 / frames for u, e in self.units.items()},
            "frames": frames, "cycles": self.cycles, "period_ns": self.stimulus.period * 1e9,
            "edges_per_data_net_and_cycle": self.activity, "unmatched_nets": 0, **self.conditions,
            **({"layers": [{"layer": name, "pj_per_frame": joules, "fj_per_op": operation}
                           for name, joules, operation in self.layer_rows()]}
               if self.layers else {}),
        }
