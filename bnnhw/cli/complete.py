"""Shell completion: lists the values that a shell offers for arguments.

Each function imports what it lists, because every verb imports this module at its start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["arch_names", "board_names", "device_names", "layouts", "levels", "networks",
           "of_words", "synth_devices"]

Offers = list[tuple[str, str]]
"""Values, each with a short description."""


def _matching(pairs: Iterable[tuple[str, str]], begin: str) -> Offers:
    return [(name, title) for name, title in pairs if name.startswith(begin)]


def of_words(*words: str) -> Callable[[str], Offers]:
    """Make a completion of fixed words."""
    def complete(incomplete: str) -> Offers:
        return _matching(((word, "") for word in words), incomplete)
    return complete


def layouts(incomplete: str) -> Offers:
    """Offer orders of the axes of samples."""
    from bnnhw.ir.samples import LAYOUTS

    return _matching(((name, "") for name in LAYOUTS), incomplete)


def levels(incomplete: str) -> Offers:
    """Offer levels of the golden model."""
    from bnnhw.golden import LEVELS

    return _matching(((name, "") for name in LEVELS), incomplete)


def arch_names(incomplete: str) -> Offers:
    """Offer architectures."""
    from bnnhw.arch import architectures

    return _matching(((a.name, a.title) for a in architectures().values()), incomplete)


def device_names(incomplete: str) -> Offers:
    """Offer devices."""
    from bnnhw.families import DEVICES

    return _matching(((d.name, d.title) for d in DEVICES.values()), incomplete)


def synth_devices(incomplete: str) -> Offers:
    """Offer devices that Yosys synthesises for."""
    from bnnhw.families import DEVICES

    return _matching(((name, d.title) for name, d in DEVICES.items() if d.family.synthesis),
                     incomplete)


def board_names(incomplete: str) -> Offers:
    """Offer boards."""
    from bnnhw.platforms import boards

    return _matching(((b.name, b.title) for b in boards().values()), incomplete)


def networks(incomplete: str) -> Offers:
    """Offer shipped designs and examples, folders, .yaml files and manifests."""
    import bnnhw.designs as designs

    names = [*designs.names(), *designs.examples()]
    offers = _matching(((name, designs.title(name)) for name in names), incomplete)
    folder, _, begin = incomplete.rpartition("/")
    prefix = f"{folder}/" if "/" in incomplete else ""
    try:
        found = sorted(Path(prefix or ".").iterdir())
    except OSError:
        return offers
    for path in found:
        if path.name.startswith(begin) and (begin.startswith(".") or path.name[0] != "."):
            if path.is_dir():
                offers.append((f"{prefix}{path.name}/", ""))
            elif path.suffix in (".yaml", ".yml", ".json"):
                offers.append((f"{prefix}{path.name}", ""))
    return offers
