"""Result of a gate-level simulation: mismatches, cycles, and edges for the energy estimate."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.asic.vcd import Toggles

__all__ = ["GateRun", "LayerToggles"]


@dataclass(frozen=True)
class LayerToggles:
    """Edges counted while the core runs one workload.

    Attributes
    ----------
    layer : str
        Layer that the core computes; empty for the entire network.
    products : int
        Products of a weight and an input per frame.
    toggles : Toggles
        Edges from the end of the first period to the end of the last one.
    """

    layer: str
    products: int
    toggles: Toggles


@dataclass(frozen=True)
class GateRun:
    """Result of a gate-level simulation.

    Attributes
    ----------
    frames, mismatches : int
        Simulated frames, and those that differ from the golden model.
    period : float
        Clock period in seconds.
    latency : int
        Cycles from the first input word to the last output word of the first frames, summed over
        the workloads.
    ii : int or None
        Cycles per frame at the end; None with fewer than two periods.
    window : int
        Frames after the first period, in which edges were counted.
    layers : tuple of LayerToggles
        One per workload; empty if edges were not requested.
    """

    frames: int
    mismatches: int
    period: float
    latency: int
    ii: int | None
    window: int = 0
    layers: tuple[LayerToggles, ...] = ()

    @property
    def toggles(self) -> Toggles | None:
        """Edges of the first workload; None if they were not requested."""
        return self.layers[0].toggles if self.layers else None

    def sentence(self) -> str:
        """Return the result as one line for people."""
        return (f"{self.frames} frames through the netlist, with delays, at "
                f"{self.period * 1e9:.3f} ns: {self.mismatches} differ from golden, latency "
                f"{self.latency} cycles" + (f", {self.ii} cycles per frame" if self.ii else ""))

    def to_json(self) -> dict[str, object]:
        return {"frames": self.frames, "mismatches": self.mismatches,
                "period_ns": round(self.period * 1e9, 4), "latency_cycles": self.latency,
                "cycles_per_frame": self.ii, "delays": "of each cell at its load, before layout"}
