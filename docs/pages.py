"""Writes the generated pages of the documentation: measurements and the command line.

``python docs/pages.py`` writes them to docs/generated; ``make docs`` does so before it builds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["command_line", "results", "write"]

BENCH = Path(__file__).parents[1] / "bench"
Row = dict[str, Any]

NAMES = {
    "block RAM": "block RAMs", "build s": "compile time, s", "FF": "flip-flops",
    "fmax MHz": "fmax, MHz", "generation s": "generation time, s", "milliseconds": "time, ms",
    "ours": "bnnhw", "seconds": "time, s", "target": "family", "what": "quantity", "lut": "LUTs",
    "block_ram": "block RAMs", "fmax_mhz": "fmax, MHz", "fps": "frames/s",
}
"""Titles of keys of the benches; every other key is a title itself."""

CELL_PARTS = {
    "popcount": "XNOR and popcount", "memory": "Latch memories", "core": "yodann core",
    "buffered": "yodann core with buffers", "energy": "Energy of latch memories",
    "libraries": "Libraries",
}
"""Titles of the parts of ``bench/cells.py``, in the order of the page."""


def write(folder: Path) -> None:
    """Write all generated pages to a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "results.md").write_text(results())
    (folder / "command-line.md").write_text(command_line())


def table(rows: Sequence[Row], columns: Sequence[str] | None = None,
          names: Sequence[str] | None = None) -> str:
    """A Markdown table; columns that a row does not have are empty.

    Parameters
    ----------
    rows : sequence of dict
    columns : sequence of str or None
        Keys to show; None for those of all rows.
    names : sequence of str or None
        Titles of the columns, with their units; None for those in ``NAMES``.
    """
    columns = columns or list(dict.fromkeys(key for row in rows for key in row))
    lines = [names or [NAMES.get(key, key) for key in columns], ["---"] * len(columns),
             *([_shown(row.get(key, "")) for key in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _shown(value: object) -> str:
    """A figure as text: thousands are separated."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,}"
    return str(value).replace("|", "\\|")


def _section(title: str, text: str, rows: Sequence[Row], columns: Sequence[str] | None = None,
             names: Sequence[str] | None = None) -> str:
    return f"\n### {title}\n\n{text}\n\n{table(rows, columns, names)}"


def results() -> str:
    """The page of measurements, from the JSON files that the benches write."""
    speed, boards, counting, cells = (json.loads((BENCH / f"{name}.json").read_text())
                                      for name in ("results", "boards", "counting", "cells"))
    machine = speed["machine"]
    parts = [
        "# Results\n\nThis page is generated from `bench/*.json`. Each section names the command "
        "that measures it and the conditions. Results end at the bitstream and the mapped netlist: "
        "nothing has run on real boards or silicon yet.\n",
        f"\n## Speed of bnnhw\n\n`python bench/run.py`, on {machine['cores']} cores, Python "
        f"{machine['python']}, NumPy {machine['numpy']}. TFC, SFC and LFC are FINN's shapes "
        "784-64-64-64-10, 784-256-256-256-10 and 784-1024-1024-1024-10 with random weights.\n",
        _section("Generate", "`bnnhw generate` as a process: median time and peak memory.",
                 speed["generate"], ("network", "seconds", "peak MB", "verilog kB"),
                 ("network", "time, s", "peak memory, MB", "Verilog, kB")),
        _section("Golden model", "Frames per second of one thread, by level, and the ratio to "
                 "float32 matrix products in NumPy.", speed["golden"]),
        _section("Simulation", "Verilator batch simulation of the streaming design: cycles and "
                 "frames per CPU second.", speed["simulate"]),
        _section("Planning", "Time from a network to exact cycles and buffer depths for ECP5-85, "
                 "best of five.", speed["plan"]),
        "\n## Size of designs\n",
        _section("Streaming designs", "TFC after Yosys, at three foldings. Clocks are after "
                 "place-and-route with a target of 100 MHz and one seed.", speed["synth"]),
        _section("CNV on ECP5-85", "FINN's CNV with random weights and its authors' folding, "
                 "placed and routed at a target of 80 MHz, speed grade 6, one seed (`python "
                 "bench/run.py cnv`). LUT4 per lane is counted after Yosys. The columns marked "
                 "*published* are from FINN (FPGA'17).",
                 speed["cnv"]),
        "\n## Boards\n",
        _section("Builds", "`python bench/boards.py`: complete designs with host link, from the "
                 "network to the bitstream, on two cores, one placer seed.", boards["builds"],
                 ("name", "board", "lut", "link_lut", "block_ram", "clock_mhz", "fmax_mhz",
                  "cycles", "fps", "seconds"),
                 ("build", "board", "LUTs placed", "of the host link", "block RAMs", "clock, MHz",
                  "fmax, MHz", "cycles per frame", "frames/s", "build time, s")),
        _section("Published for the UP5K", "Figures of their makers, not measured here.",
                 boards["published"]),
        "\n## Unrolled logic\n",
        _section("Popcounts", "`python bench/counting.py popcount`: XNOR and popcount of N bits "
                 "with variable weights, in LUT slots per bit after Yosys. *plain +* is a tree of "
                 "additions; *portable* is generated Verilog without cells of the family.",
                 counting["popcount"]),
        _section("Constant matrices", "`python bench/counting.py matrices`: LUT slots after Yosys. "
                 "Ours include thresholds; da4ml 0.6.0 and plain `+` compute the sums alone. A "
                 "synthesis that took more than 900 s of processor time is marked.",
                 counting["matrices"]),
        _section("TFC, one frame per cycle", "`python bench/counting.py tfc`: the complete design "
                 "with thresholds, argmax, queue and AXI4-Stream ports, after Yosys.",
                 counting["tfc"]),
        _section("TFC, placed and routed", "`python bench/counting.py routed`: generated for 150 "
                 "MHz, speed grade 8, one seed.", counting["routed"]),
        _section("Streaming designs on ECP5", "`python bench/counting.py streaming`: weights in "
                 "block RAM, after Yosys.", counting["streaming"]),
        "\n## Standard cells\n\nAll figures are before layout, without clock tree and wires, in "
        "osu018 (0.18 um, 1.8 V, 25 C) unless the row names another library. *plain* is what "
        "synthesis makes of `+` or of flip-flops.\n",
        *(_section(title, f"`python bench/cells.py {name}`", cells[name]["rows"],
                   ("what", "ours", "plain", "goal", "stretch goal"))
          for name, title in CELL_PARTS.items()),
    ]
    return "".join(parts)


def command_line() -> str:
    """The reference of all verbs and options, from the command line itself."""
    from bnnhw.cli.verbs import SUMMARIES, load_verb

    parts = ["# All verbs and options\n\nThis page is generated from the command line. "
             "[Command line](../command-line.md) explains samples, exit codes and caches.\n"]
    for name in SUMMARIES:
        command = load_verb(name)
        parts.append(f"\n## bnnhw {name}\n\n{_paragraphs(command.help or '')}\n\n"
                     f"{_parameters(command.params)}")
    return "".join(parts)


def _paragraphs(text: str) -> str:
    """Help text as Markdown; indented lines and those after a form-feed mark become code."""
    lines, code = [], False
    for line in text.replace("\b", "").splitlines():
        indented = line.startswith("  ")
        if line.strip() and indented != code:
            lines.append("```")
            code = indented
        lines.append(line)
    return "\n".join([*lines, *(["```"] if code else [])])


def _parameters(parameters: Iterable[Any]) -> str:
    """A table of arguments and options."""
    rows = []
    for parameter in parameters:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        names = ", ".join(f"`{n}`" for n in (*parameter.opts, *parameter.secondary_opts))
        if not names.startswith("`-"):
            names = f"`{(parameter.metavar or parameter.name or '').upper()}`"
        default = parameter.default
        shown = "" if default in (None, False, (), []) or callable(default) else f"`{default}`"
        help_ = " ".join((getattr(parameter, "help", None) or "").split())
        rows.append({"option": names, "meaning": help_, "default": shown})
    return table(rows, ("option", "meaning", "default")) if rows else ""


if __name__ == "__main__":
    write(Path(__file__).parent / "generated")
