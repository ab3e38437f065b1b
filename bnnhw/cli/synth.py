"""``bnnhw synth``: synthesises a design and reports its size on a device or in standard cells."""

from __future__ import annotations

from collections.abc import Collection
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
from bnnhw.designs.samples import random_samples
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
    fpga = _FpgaOptions(pnr, freq, part)
    chosen = _CellOptions(tuple(lef or ()), unbuffered, sta, gates, energy, inputs, clock, prove,
                          wire, netlist, librelane, layout)
    if cells:
        _reject(_given(fpga), "--device")
        chosen.check()
        _cells(open_design(design, "cells"), cells, chosen, seed, json)
        return
    _reject(_given(chosen), "--cells")
    fpga.check()
    assert device is not None
    _fpga(open_design(design, device), device, fpga, seed, json)


@dataclass(frozen=True)
class _FpgaOptions:
    """Options of ``--device``, by their names."""

    pnr: bool = False
    freq: float | None = None
    part: str | None = None

    def check(self) -> None:
        """Raise ConfigError for an option that has no effect without another one."""
        if not self.pnr:
            _reject(_given(self), "--pnr")


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

    def check(self) -> None:
        """Raise ConfigError for an option that has no effect without another one."""
        given = set(_given(self))
        if not self.simulates:
            _reject(given & {"inputs", "wire"}, "--gates and --energy")
        if not self.simulates and self.librelane is None:
            _reject(given & {"clock"}, "--gates, --energy and --librelane")
        if self.inputs is None:
            _reject(given & {"layout"}, "--inputs")

    @property
    def simulates(self) -> bool:
        """Whether samples run through the netlist."""
        return self.gates is not None or self.energy

    @property
    def period(self) -> float | None:
        """Seconds."""
        return 1e-6 / self.clock if self.clock else None

    def samples(self, loaded: Design, seed: int) -> tuple[np.ndarray, str] | None:
        """Samples to simulate and what to call them; None for no simulation."""
        if not self.simulates:
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
        return random_samples(loaded.graph, count, seed).x, f"{count} uniformly random samples"


def _given(options: _FpgaOptions | _CellOptions) -> list[str]:
    """Names of the options that differ from their defaults."""
    return [f.name for f in fields(options) if getattr(options, f.name) != f.default]


def _reject(given: Collection[str], purpose: str) -> None:
    """Raise ConfigError if options are given that have no effect without those of ``purpose``."""
    if given:
        raise ConfigError(f"--{sorted(given)[0]} is for {purpose}", where="synth",
                          hint="leave it out")


def _fpga(loaded: Design, device: str, options: _FpgaOptions, seed: int, json: bool) -> None:
    target = get_device(device)
    with stages() as stage:
        stage(f"yosys for {device}, unit by unit")
        result = (report := synthesise(loaded, target)).to_json()
        if options.pnr:
            done = stage(f"yosys and nextpnr for {device}, flat")
            aim = AIM_MHZ if options.freq is None else options.freq
            result["pnr"] = place_and_route(loaded, target, aim, seed, options.part, done)
    if json:
        print_json(result["schema"], result)
    else:
        _print(loaded, report, result.get("pnr"))
    if options.freq is not None:
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


def _cells(loaded: Design, cells: list[str], chosen: _CellOptions, seed: int, json: bool) -> None:
    from bnnhw import asic as flow
    from bnnhw.cli.cells import show_parts

    task = flow.Task(not chosen.unbuffered, chosen.sta, chosen.energy, chosen.prove,
                     chosen.librelane is not None, chosen.samples(loaded, seed), chosen.period,
                     chosen.wire * 1e-15)
    library = flow.load_library(cells, chosen.lef)
    show_parts(loaded, library, task, (chosen.netlist, chosen.librelane), json)
