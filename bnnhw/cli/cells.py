"""Prints what ``bnnhw synth --cells`` finds: each part when it is known, or one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bnnhw import asic as flow
from bnnhw.cli.flags import with_flags
from bnnhw.cli.json_output import print_json
from bnnhw.cli.stages import stages
from bnnhw.cli.tables import print_table
from bnnhw.emit.design import Design
from bnnhw.emit.files import write_files
from bnnhw.errors import BnnhwError, MismatchError

__all__ = ["show_parts"]

KEYS: dict[type, str] = {flow.Timing: "timing", flow.MissingTool: "timing", flow.GateRun: "gates",
                         flow.Energy: "energy", flow.Equivalence: "proof"}
"""Where the JSON document has each part; the report of the area is the document itself."""


def show_parts(design: Design, library: flow.CellLibrary, task: flow.Task,
               files: tuple[Path | None, Path | None], json: bool) -> None:
    """Run a task and print its parts.

    Parameters
    ----------
    design : Design
    library : CellLibrary
    task : Task
    files : (Path or None, Path or None)
        File for the netlist, and folder for LibreLane.
    json : bool
        Print one JSON document at the end, which has the parts that are known even if a later one
        fails; then its key ``error`` describes the failure.

    Raises
    ------
    BnnhwError
        A part failed, or found a difference.
    """
    result: dict[str, Any] = {}
    found: list[flow.Result] = []
    try:
        for part in flow.run_task(design, library, task, _stage):
            found.append(part)
            written = _write(part, *files)
            if not json:
                _print(part)
                print("".join(f"wrote {path}\n" for path in written), end="", flush=True)
            elif isinstance(part, flow.CellReport):
                result |= part.to_json()
            elif (key := _key(part)) is not None:
                result[key] = _json(part)
        _judge(found, design.plan.name)
    except (BnnhwError, KeyboardInterrupt, SystemExit) as error:
        if not json or not result:
            raise
        # One document: what is known is not lost, and the error is part of it.
        known = isinstance(error, BnnhwError)
        result["error"] = with_flags(str(error), "synth") if known else "stopped"
        print_json(str(result["schema"]), result)
        raise
    if json:
        print_json(str(result["schema"]), result)


@contextmanager
def _stage(title: str) -> Iterator[Callable[[float], None]]:
    """Show a separate bar for each stage: between stages, parts are printed."""
    with stages() as stage:
        yield stage(title)


def _key(part: flow.Result) -> str | None:
    return next((key for kind, key in KEYS.items() if isinstance(part, kind)), None)


def _json(part: flow.Result) -> dict[str, object]:
    if isinstance(part, flow.MissingTool):
        return {"tool": "not installed"}
    assert not isinstance(part, (flow.Mapped, dict))
    return part.to_json()


def _write(part: flow.Result, netlist: Path | None, folder: Path | None) -> list[Path]:
    files: dict[Path, bytes] = {}
    if isinstance(part, flow.Mapped) and netlist is not None:
        files[netlist] = part.verilog.encode()
    if isinstance(part, dict) and folder is not None:
        files = {folder / name: content for name, content in part.items()}
    write_files(files)
    return list(files)


def _judge(found: list[flow.Result], name: str) -> None:
    """Raise an error if any part found a difference."""
    for part in found:
        if isinstance(part, flow.GateRun) and part.mismatches:
            raise MismatchError(f"{part.mismatches} of {part.frames} frames through the netlist "
                                "differ from golden", where=name,
                                hint="a longer period (--clock) tells timing from logic")
    for part in found:
        if isinstance(part, flow.Equivalence) and not part.proven:
            raise MismatchError("the netlist is not proven equal to the Verilog, which may or may "
                                "not be a fault", where=name, hint="simulate it (--gates)")


def _print(part: flow.Result) -> None:
    """Print one part, each figure with the conditions that it is valid under."""
    if isinstance(part, flow.CellReport):
        print_table(f"{part.design} in {part.conditions}, cells of each unit; 1 GE = "
                    f"{part.gate_cell}, {part.gate:g} um2", part.columns(), part.rows())
        print(part.sentence())
        for patch in part.patches:
            print("area of {} is {:g} um2 in the Liberty file, {:g} as drawn (LEF), which counts"
                  .format(*patch))
        print("".join(f"{line}\n" for line in (*part.fallbacks, *part.warnings)), end="")
    elif isinstance(part, flow.MissingTool):
        print(f"{part.name} is not installed ({part.hint}): no timing")
    elif isinstance(part, flow.Energy):
        print_table("energy before layout", ("unit", "pJ per frame"), part.rows())
        if part.layers:
            print_table("energy of each layer, without leakage",
                        ("layer", "pJ per frame", "fJ per operation"), part.layer_rows())
        print(part.sentence())
    elif isinstance(part, (flow.Timing, flow.GateRun, flow.Equivalence)):
        print(part.sentence())
