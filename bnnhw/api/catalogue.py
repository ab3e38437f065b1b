"""Lists the devices and boards that hardware can be generated for."""

from __future__ import annotations

__all__ = ["boards", "devices"]


def devices() -> dict[str, str]:
    """Return the names of all target devices, each with a short description."""
    from bnnhw.families import DEVICES

    return {device.name: device.title for device in DEVICES.values()}


def boards() -> dict[str, str]:
    """Return the names of all supported boards, each with its product name."""
    from bnnhw.platforms import boards as known

    return {board.name: board.title for board in known().values()}
