"""``bnnhw doctor``: examines the tools, extras and boards of this machine."""

from __future__ import annotations

import sys

import typer

from bnnhw.caches import prepare_caches
from bnnhw.cli.common import progress
from bnnhw.cli.json_output import print_json
from bnnhw.cli.tables import print_table
from bnnhw.errors import ToolError
from bnnhw.extras import install_command
from bnnhw.json_types import Json
from bnnhw.tools.doctor import cold_tools, examine
from bnnhw.tools.warm import warm as compile_tool

__all__ = ["NAME", "command"]

NAME = "doctor"


def command(
    warm: bool = typer.Option(False, "--warm", help="Compile the WebAssembly tools "
                              "now, instead of when each first runs."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Examine tools, extras, USB devices and permissions, and list what to install.

    Ends with 0 if 'bnnhw build' has what it needs.

    Example: bnnhw doctor
    """
    if warm:
        _compile()
    report = examine()
    if json:
        print_json(report["schema"], report)
    else:
        _print(report)
    if not report["ok"]:
        raise ToolError(f"'bnnhw build' cannot run: {report['missing']}")


def _compile() -> None:
    if note := prepare_caches().note:
        raise ToolError(f"nothing that is compiled can be kept: {note}")
    tools = cold_tools()
    for k, tool in enumerate(tools):
        print(f"compiling {tool.program}, once ({k + 1} of {len(tools)}; up to a minute)",
              file=sys.stderr)
        with progress(tool.program, None):
            seconds = compile_tool(tool.package, tool.entry)
        print(f"compiled {tool.program} in {seconds:.1f} s", file=sys.stderr)


def _print(report: Json) -> None:
    python = report["python"]
    print(f"bnnhw {report['bnnhw']}, Python {python['version']}"
          + ("" if python["new_enough"] else " (too old: 3.11 or newer is needed)"))
    print_table("tools", ("tool", "for", "installed", "how to install"), [
        (tool["name"], tool["for"], tool["version"] or "-", tool["install"] or "")
        for tool in report["tools"]])
    cache = report["cache"]
    print(f"cache: {cache['folder']}"
          + ("" if cache["writable"] else f" cannot be written: {cache['reason']}"))
    print_table("extras", ("extra", "for", "installed"), [
        (extra["name"], extra["for"], "yes" if extra["installed"]
         else f"no: {install_command(extra['name'])}") for extra in report["extras"]])
    cold = [row["tool"] for row in report["warm"] if not row["warm"]]
    print(f"compiled: all but {', '.join(cold)}; 'bnnhw doctor --warm' does it" if cold
          else "compiled: all WebAssembly tools")
    absent = [library["name"] for library in report["libraries"] if not library["found"]]
    if absent:
        print(f"libraries of the system that openFPGALoader needs: {', '.join(absent)} missing")
    _print_devices(report)
    for advice in report["advice"]:
        print(f"advice: {advice}")


def _print_devices(report: Json) -> None:
    if report["usb"]:
        print_table("boards on USB", ("device", "ID", "name", "can be", "access", "serial line"), [
            (device["device"], device["id"], device["name"], ", ".join(device["boards"]),
             device["access"], device["link"] or "-") for device in report["usb"]])
    else:
        print("boards on USB: none" if sys.platform == "linux"
              else "boards on USB: looked up on Linux only")
    for port in report["ports"]:
        print(f"serial port {port['path']}: {port['access']}")
    udev = report["udev"]
    if sys.platform == "linux" and not udev["installed"]:
        print(f"udev rules that let you open boards without root, for {udev['file']}:\n"
              f"{udev['rules']}then: sudo udevadm control --reload && sudo udevadm trigger")
