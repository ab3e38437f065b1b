"""What shells offer for the arguments of verbs: names with what each is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import bnnhw.designs as designs
from bnnhw import golden
from bnnhw.arch import architectures
from bnnhw.families import DEVICES
from bnnhw.ir.samples import LAYOUTS
from bnnhw.platforms import boards

__all__ = ["arch_names", "board_names", "device_names", "layouts", "levels", "networks",
           "of_words", "synth_devices"]

Offers = list[tuple[str, str]]


def _offers(pairs: Iterable[tuple[str, str]], begin: str) -> Offers:
    return [(name, title) for name, title in pairs if name.startswith(begin)]


def of_words(*words: str) -> Callable[[str], Offers]:
    """Make a completion of fixed words."""
    def complete(incomplete: str) -> Offers:
        return _offers(((word, "") for word in words), incomplete)
    return complete


layouts = of_words(*LAYOUTS)
levels = of_words(*golden.LEVELS)


def arch_names(incomplete: str) -> Offers:
    """Offer architectures."""
    return _offers(((a.name, a.title) for a in architectures().values()), incomplete)


def device_names(incomplete: str) -> Offers:
    """Offer devices."""
    return _offers(((d.name, d.title) for d in DEVICES.values()), incomplete)


def synth_devices(incomplete: str) -> Offers:
    """Offer devices that Yosys synthesises for."""
    return _offers(((name, d.title) for name, d in DEVICES.items() if d.family.synthesis),
                   incomplete)


def board_names(incomplete: str) -> Offers:
    """Offer boards."""
    return _offers(((b.name, b.title) for b in boards().values()), incomplete)


def networks(incomplete: str) -> Offers:
    """Offer shipped designs and examples, folders, .yaml files and manifests."""
    names = [*designs.names(), *designs.examples()]
    offers = _offers(((name, designs.title(name)) for name in names), incomplete)
    folder, _, begin = incomplete.rpartition("/")
    try:
        found = sorted(Path(f"{folder}/" if "/" in incomplete else ".").iterdir())
    except OSError:
        return offers
    place = f"{folder}/" if "/" in incomplete else ""
    for path in found:
        if path.name.startswith(begin) and (begin.startswith(".") or path.name[0] != "."):
            if path.is_dir():
                offers.append((f"{place}{path.name}/", ""))
            elif path.suffix in (".yaml", ".yml", ".json"):
                offers.append((f"{place}{path.name}", ""))
    return offers
