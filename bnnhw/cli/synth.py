"""``bnnhw synth``: what a design costs on a device."""

from __future__ import annotations

from pathlib import Path

import typer

from bnnhw.cli.common import print_json, print_table, progress
from bnnhw.device import DEVICES, get_device
from bnnhw.emit.design import load_design

__all__ = ["NAME", "command"]

NAME = "synth"
TARGETS = ", ".join(name for name, device in DEVICES.items() if device.synth)


def command(
    design: Path = typer.Argument(..., help="Manifest of a generated design (.json)."),
    device: str = typer.Option(..., help=f"Target: {TARGETS}."),
    pnr: bool = typer.Option(False, "--pnr", help="Place and route too (ecp5, ice40)."),
    freq: float = typer.Option(100.0, help="Clock to aim at in MHz, with --pnr."),
    seed: int = typer.Option(1, help="Seed of the placer."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Synthesise with Yosys: cells of each layer; with --pnr also fmax and utilisation.

    Example: bnnhw synth build/tfc.json --device ecp5 --pnr
    """
    from bnnhw.flow.pnr import place_and_route
    from bnnhw.flow.synth import synthesise

    loaded = load_design(design)
    target = get_device(device)
    with progress(f"yosys for {device}", None) as done:
        report = synthesise(loaded, target)
        done(1)
    result = report.to_json()
    if pnr:
        with progress(f"nextpnr for {device}", None) as done:
            result["pnr"] = place_and_route(loaded, target, freq, seed)
            done(1)
    if json:
        print_json(result)
        return
    print_table(f"{loaded.plan.name} on {device}, cells of each unit",
                ("unit", "kind", "LUT", "FF", "block RAM", "LUT per XNOR lane"), report.rows())
    if pnr:
        p = result["pnr"]
        print_table(f"placed and routed on {p['part']}, with a shift register in place of pins",
                    ("resource", "used", "available"),
                    [(name, u["used"], u["available"]) for name, u in p["utilisation"].items()])
        print(f"fmax {p['fmax_mhz']:.1f} MHz: "
              f"{p['fmax_mhz'] * 1e6 / loaded.plan.ii:,.0f} frames/s")
