"""``bnnhw generate``: a network to Verilog and its manifest."""

from __future__ import annotations

from pathlib import Path

import typer

from bnnhw.arch import ARCHS
from bnnhw.cli.common import open_network, print_json, print_table, progress
from bnnhw.device import DEVICES, get_device
from bnnhw.emit.design import generate
from bnnhw.emit.files import write_files
from bnnhw.errors import ConfigError
from bnnhw.plan import Plan, Wish

__all__ = ["NAME", "command"]

NAME = "generate"


def command(
    layers: str = typer.Option(..., help="Network: folder, layers.yaml, or name of a shipped "
                               "design."),
    out: Path = typer.Option(..., "-o", "--out", help="Verilog file; the manifest goes beside it "
                             "as .json."),
    arch: str = typer.Option("streaming", help=f"Architecture: {', '.join(ARCHS)}."),
    device: str = typer.Option("generic", help=f"Target: {', '.join(DEVICES)}."),
    ii: int | None = typer.Option(None, help=f"Cycles that a frame may take (default "
                                  f"{Wish.DEFAULT_II})."),
    fps: float | None = typer.Option(None, help="Frames a second to reach, with --clock."),
    clock: float | None = typer.Option(None, help="Clock in MHz."),
    json: bool = typer.Option(False, "--json", help="Print the plan as JSON."),
) -> None:
    """Generate hardware: OUT.v and OUT.json.

    Example: bnnhw generate --arch streaming --layers build/tfc/net.yaml -o build/tfc.v --ii 64
    """
    if out.suffix != ".v":
        raise ConfigError(f"must end in .v, not '{out.suffix}'", where=str(out),
                          hint=f"for example -o {out.with_suffix('.v')}")
    network = open_network(layers)
    wish = Wish(ii=ii, fps=fps, clock_mhz=clock)
    with progress("generate", 1) as done:
        design = generate(network, arch, get_device(device), wish)
        done(1)
    write_files(design.files(out))
    if json:
        print_json(design.plan.to_json())
        return
    print_plan(design.plan, clock)
    print(f"wrote {out} and {out.with_suffix('.json')}")


def print_plan(plan: Plan, clock_mhz: float | None) -> None:
    """Print the units of a plan and what they reach together."""
    rows = []
    for unit in plan.units:
        s = unit.summary()
        fold = f"{s['pe']} x {s['simd']}" if "pe" in s else s.get("lanes", "")
        rows.append((unit.name, unit.kind, fold, unit.cycles, s.get("weights", ""),
                     s.get("weight_bits", ""), s.get("padding", "")))
    print_table(f"{plan.name}: {plan.arch} on {plan.device}",
                ("unit", "kind", "PE x SIMD", "cycles", "weights in", "bits", "padding"), rows)
    reached = "reached" if plan.ii <= plan.target else "NOT reached"
    print(f"{plan.ii} cycles a frame (asked for at most {plan.target}: {reached}), "
          f"latency {plan.latency} cycles")
    if clock_mhz:
        print(f"at {clock_mhz:g} MHz: {clock_mhz * 1e6 / plan.ii:,.0f} frames/s, "
              f"latency {plan.latency / clock_mhz:,.2f} us")
