"""Table of the verbs of the command line; the module of each verb is loaded on demand."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["RUN_TOOLS", "SUMMARIES", "VerbGroup", "load_verb"]

SUMMARIES = {
    "plan": "Plan a network: exact cycles, estimated size.",
    "generate": "Generate Verilog and its manifest.",
    "import": "Import a trained model.",
    "check": "Check a network without building it.",
    "compare": "Compare a network with its float model.",
    "samples": "Write samples that a network accepts.",
    "golden": "Run the integer golden model on samples.",
    "simulate": "Simulate a design against the golden model.",
    "synth": "Synthesise for an FPGA or for standard cells.",
    "build": "Build a bitstream for a board.",
    "flash": "Load a bitstream onto a board.",
    "run": "Run samples on a board.",
    "list": "List architectures, devices, layers, designs, boards.",
    "doctor": "Examine tools, extras, boards and permissions.",
}
"""Summary of each verb, in the order of the help; each fits one line of it."""

RUN_TOOLS = frozenset({"generate", "golden", "simulate", "synth", "build", "run"})
"""Verbs whose tools keep what they compile in a cache."""


def load_verb(name: str) -> Any:
    """Import the module of a verb, and return its command."""
    modules = {"import": "import_", "list": "list_"}
    module = import_module(f"bnnhw.cli.{modules.get(name, name)}")
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name, short_help=SUMMARIES[name])(module.command)
    return typer.main.get_command(app)


class VerbGroup(TyperGroup):
    """The verbs, of which only the one that runs is imported."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {name: TyperCommand(name, help=summary, rich_markup_mode=None)
                         for name, summary in SUMMARIES.items()}

    def list_commands(self, ctx: object) -> list[str]:
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace the placeholder of the verb that was named by its real command."""
        name, command, arguments = super().resolve_command(ctx, args)
        return name, command if name is None else load_verb(name), arguments
