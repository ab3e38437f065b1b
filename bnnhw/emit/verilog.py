"""Converts components to Verilog-2005: equal parts share a module, and output is reproducible."""

from __future__ import annotations

import os
import re
from typing import Any

from amaranth.back import rtlil, verilog
from amaranth.hdl import ClockSignal, Instance, ResetSignal
from amaranth.lib import wiring

from bnnhw.caches import prepare_caches
from bnnhw.emit.shims import shims_used
from bnnhw.emit.tables import compact_tables
from bnnhw.rtl.shared import SharedComponent, WrittenComponent, ports_of, prefix_ports

__all__ = ["convert"]


class _Modules:
    """Amaranth platform that converts each shared module once and returns instances of it."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.written: dict[str, str] = {}
        """Modules that are written as Verilog, by name."""
        self._ports: dict[str, set[str]] = {}
        self._opening: wiring.Component | None = None

    def get_shared(self, component: SharedComponent) -> Instance | None:
        if component is self._opening:
            self._opening = None
            return None
        name = component.module_name
        ports = ports_of(component)
        if isinstance(component, WrittenComponent):
            if name not in self.written:
                self.written[name] = component.text
            self._ports[name] = {"clk"} if component.cuts else set()
        elif name not in self.texts:
            self.define(component, name)
        connections: dict[str, Any] = {}
        for port, (signal, flow) in ports.items():
            connections[("i_" if flow == wiring.In else "o_") + port] = signal
        if "clk" in self._ports[name]:
            connections["i_clk"] = ClockSignal()
        if "rst" in self._ports[name]:
            connections["i_rst"] = ResetSignal()
        return Instance(name, **connections)

    def define(self, component: SharedComponent, name: str) -> None:
        """Convert one module; its ports have their plain names only during the conversion."""
        signals = {port: signal for port, (signal, _) in ports_of(component).items()}
        outside = {port: signal.name for port, signal in signals.items()}
        self.texts[name] = ""
        self._opening = component
        prefix_ports(component, "")
        text = rtlil.convert(component, name=name, platform=self, emit_src=False,
                             ports={p: (s, None) for p, s in signals.items()})
        for port, signal in signals.items():
            signal.name = outside[port]
        self.texts[name] = _plain_names(text)
        self._ports[name] = set(re.findall(r"^  wire .*input +\d+ +\\(\w+)$", text, re.MULTILINE))


def _plain_names(text: str) -> str:
    """Replace the dots in the names of nested modules by underscores."""
    return re.sub(r"^(module|  cell) (\\[\w.]+)", lambda m: m[0].replace(".", "_"), text,
                  flags=re.MULTILINE)


def convert(top: SharedComponent) -> str:
    """Convert a component and everything in it to Verilog.

    Parameters
    ----------
    top : SharedComponent
        Top component; its module is the last one of the converted modules.
    """
    # Another Yosys on PATH would change the output; the packaged version is pinned.
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    prepare_caches()
    modules = _Modules()
    modules.define(top, top.module_name)
    text = "\n".join(modules.texts[name] for name in sorted(modules.texts))
    # Only this function of Amaranth accepts several modules; Amaranth is pinned to 0.5.
    body = verilog._convert_rtlil_text(text, strip_internal_attrs=True)
    written = "".join("\n" + compact_tables(modules.written[name])
                      for name in sorted(modules.written))
    module = compact_tables(_readable(str(body))) + written
    return module + shims_used(module)


def _readable(text: str) -> str:
    """Replace names that contain a source line number of the backend by stable names."""
    return re.sub(r"\\\$auto\$verilog_backend\.cc:\d+:dump_module\$(\d+) ", r"start_of_time_\1 ",
                  text)
