"""``bnnhw synth``: synthesises a design and reports its size on a device or in standard cells."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import typer

from bnnhw.api.arrays import read_samples
from bnnhw.api.opening import open_design
from bnnhw.cli.common import LAYOUT_HELP
from bnnhw.cli.complete import layouts, networks, synth_devices
from bnnhw.cli.json_output import print_json
from bnnhw.cli.stages import stages
from bnnhw.cli.tables import print_table
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError
from bnnhw.families import DEVICES, FAMILIES, get_device
from bnnhw.json_types import Json
from bnnhw.tools.core_timing import check_clock, place_and_route
from bnnhw.tools.synth import SynthReport, synthesise

__all__ = ["NAME", "command"]

NAME = "synth"
AIM_MHZ = 100.0
"""Clock that place and route aims at where the user gave none."""
PARTS = ", ".join(part for family in FAMILIES.values() if family.flow for part in family.flow.parts)
TARGETS = ", ".join(name for name, device in DEVICES.items() if device.family.synthesis)


def command(
    design: str = typer.Argument(..., autocompletion=networks, help="Manifest of a generated "
                                 "design (.json), or a network, for default options."),
    device: str | None = typer.Option(None, autocompletion=synth_devices, help=f"FPGA: {TARGETS}."),
    pnr: bool = typer.Option(False, "--pnr", help="Place and route too (ecp5, ice40)."),
    freq: float | None = typer.Option(None, help="Clock to reach in MHz, with --pnr: ends with 4 "
                                      f"where it is missed (default: aim at {AIM_MHZ:g})."),
    part: str | None = typer.Option(None, help="Another part than the device's, with --pnr: "
                                    f"{PARTS}."),
    seed: int = typer.Option(1, help="Seed of the placer, and of random samples."),
    cells: list[str] | None = typer.Option(
        None, metavar="NAME|PATH", help="Standard cells: osu018, osu035, osu050, or a Liberty file "
        "(.lib, .lib.gz). Repeat it for a library of several files."),
    lef: list[Path] | None = typer.Option(None, help="LEF file of the cells: their areas are "
                                          "right. May be repeated."),
    unbuffered: bool = typer.Option(False, "--unbuffered", help="Cells: the smallest ones, "
                                    "without buffers."),
    sta: bool = typer.Option(False, "--sta", help="Cells: shortest period and hold (OpenSTA)."),
    gates: int | None = typer.Option(None, min=1, metavar="N", help="Cells: simulate N samples "
                                     "with the delay of each cell, against golden."),
    energy: bool = typer.Option(False, "--energy", help="Cells: estimate of the energy of an "
                                "operation, from that simulation."),
    inputs: Path | None = typer.Option(None, help="Samples for --gates (.npy); else random ones."),
    layout: str | None = typer.Option(None, autocompletion=layouts, help=LAYOUT_HELP),
    clock: float | None = typer.Option(None, help="Clock of --gates in MHz; default: slow enough."),
    prove: bool = typer.Option(False, "--prove", help="Cells: prove the netlist equal to the "
                               "Verilog, latches and gated clocks included."),
    wire: float = typer.Option(0.0, min=0, help="Wire for --gates: fF for each pin on a net."),
    netlist: Path | None = typer.Option(None, help="Cells: write the netlist (Verilog)."),
    librelane: Path | None = typer.Option(None, help="Cells: folder for a LibreLane hand-off."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Synthesise with Yosys: what each layer takes, on an FPGA or in standard cells.

    Examples: bnnhw synth build/tfc.json --device ecp5 --pnr; bnnhw synth build/tfc.json --cells
    osu018 --sta --gates 10 --energy
    """
    if (device is None) == (not cells):
        raise ConfigError("expected one of --device and --cells", where="synth",
                          hint=f"--device for {TARGETS}; --cells for standard cells")
    loaded = open_design(design, device or "cells")
    chosen = _CellOptions(tuple(lef or ()), unbuffered, sta, gates, energy, inputs, clock, prove,
                          wire, netlist, librelane, layout)
    if cells:
        if pnr:
            raise ConfigError("--pnr is for --device", where="synth")
        _cells(loaded, cells, chosen, seed, json)
        return
    given = [f.name for f in fields(chosen) if getattr(chosen, f.name) != f.default]
    if given:
        raise ConfigError(f"--{given[0]} is for --cells", where="synth")
    assert device is not None
    if part is not None and not pnr:
        raise ConfigError("--part is for --pnr", where="synth")
    _fpga(loaded, device, pnr, freq, seed, part, json)


def _fpga(loaded: Design, device: str, pnr: bool, freq: float | None, seed: int, part: str | None,
          json: bool) -> None:
    target = get_device(device)
    with stages() as stage:
        stage(f"yosys for {device}, unit by unit")
        result = (report := synthesise(loaded, target)).to_json()
        if pnr:
            done = stage(f"yosys and nextpnr for {device}, flat")
            result["pnr"] = place_and_route(loaded, target, AIM_MHZ if freq is None else freq,
                                            seed, part, done)
    if json:
        print_json(result["schema"], result)
    else:
        _print(loaded, report, result.get("pnr"))
    if pnr and freq is not None:
        check_clock(result["pnr"])


def _print(loaded: Design, report: SynthReport, pnr: Json | None) -> None:
    print_table(f"{loaded.plan.name} on {report.device}, cells of each unit",
                ("unit", "kind", "LUT", "FF", "block RAM", "LUT per XNOR lane"), report.rows())
    if pnr is not None:
        print_table(f"placed and routed on {pnr['part']}, with a shift register in place of pins",
                    ("resource", "used", "available"),
                    [(name, u["used"], u["available"]) for name, u in pnr["utilisation"].items()])
        print(f"fmax {pnr['fmax_mhz']:.1f} MHz: "
              f"{pnr['fmax_mhz'] * 1e6 / loaded.plan.ii:,.0f} frames/s")


@dataclass(frozen=True)
class _CellOptions:
    """Options of ``--cells``, by their names."""

    lef: tuple[Path, ...] = ()
    unbuffered: bool = False
    sta: bool = False
    gates: int | None = None
    energy: bool = False
    inputs: Path | None = None
    clock: float | None = None
    prove: bool = False
    wire: float = 0.0
    netlist: Path | None = None
    librelane: Path | None = None
    layout: str | None = None

    @property
    def period(self) -> float | None:
        """Seconds."""
        return 1e-6 / self.clock if self.clock else None

    def samples(self, loaded: Design, seed: int) -> tuple[np.ndarray, str] | None:
        """Samples to simulate and what to call them; None for no simulation."""
        if self.gates is None and not self.energy:
            return None
        count = self.gates or 8
        if self.energy and count < 2:
            raise ConfigError("needs two samples, as the measurement starts after the first one",
                              where="--energy", hint="--gates 8")
        if self.inputs is not None:
            x = read_samples(self.inputs, loaded.graph, self.layout)[:count]
            if len(x) < min(count, 2):
                raise ConfigError(f"has {len(x)} samples, and two are needed",
                                  where=str(self.inputs))
            return x, f"{len(x)} samples of {self.inputs.name}"
        element = loaded.graph.input.element
        x = np.random.default_rng(seed).integers(element.lo, element.hi + 1,
                                                 (count, *loaded.graph.input.shape))
        return x, f"{count} uniformly random samples"


def _cells(loaded: Design, cells: list[str], chosen: _CellOptions, seed: int, json: bool) -> None:
    from bnnhw import asic as flow
    from bnnhw.cli.cells import show_parts

    task = flow.Task(not chosen.unbuffered, chosen.sta, chosen.energy, chosen.prove,
                     chosen.librelane is not None, chosen.samples(loaded, seed), chosen.period,
                     chosen.wire * 1e-15)
    library = flow.load_library(cells, chosen.lef)
    show_parts(loaded, library, task, (chosen.netlist, chosen.librelane), json)
