"""Defines the protocol of importers, and the options that a user can give to an import."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bnnhw.config.names import MAX_NAME, is_reserved
from bnnhw.errors import ConfigError, option
from bnnhw.importers.network import Network
from bnnhw.ir.types import NAMED_INTEGERS

__all__ = ["DEFAULT_CHECK", "INPUT_TYPES", "Check", "ImportOptions", "Importer", "legal_name"]

INPUT_TYPES = (*NAMED_INTEGERS, "bits")


@dataclass(frozen=True)
class Check:
    """How an importer compares its result with an independent execution of the model.

    Parameters
    ----------
    samples : int or None
        Number of random samples; None for 16 to 300, as many as run within seconds.
    seed : int
        Of the random samples.
    """

    samples: int | None = None
    seed: int = 1


DEFAULT_CHECK = Check()


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import; an importer ignores those that its format already answers.

    Parameters
    ----------
    name : str
        Name of the network; empty to derive it from the file name.
    input_type : str
        What one element of a sample is. ``uint8``: pixels, which the model sees as floats between
        the two ends of ``pixel_range``. ``int8``: integers from -128 to 127, which the model sees
        multiplied by the upper end of ``pixel_range`` / 127. ``bits``: bits, which the model sees
        as -1 and +1.
    pixel_range : (float, float)
        What the model sees for pixel 0 and for pixel 255.
    argmax : bool
        Add an output ``label`` after a vector of scores.
    check : Check or None
        How to compare the result with an independent execution of the model; None to skip it.
    layers : Path or None
        Description of the layers, for a file of weights alone.

    Raises
    ------
    ConfigError
        The input type is unknown, or both ends of the pixel range are equal.
    """

    name: str = ""
    input_type: str = "uint8"
    pixel_range: tuple[float, float] = (0.0, 1.0)
    argmax: bool = True
    check: Check | None = DEFAULT_CHECK
    layers: Path | None = None

    def __post_init__(self) -> None:
        if self.input_type not in INPUT_TYPES:
            raise ConfigError(f"{option('input_type', self.input_type)} is unknown",
                              hint=f"use one of {', '.join(INPUT_TYPES)}")
        if self.pixel_range[0] == self.pixel_range[1]:
            raise ConfigError(f"both numbers of {option('pixel_range')} are "
                              f"{self.pixel_range[0]:g}",
                              hint="give what the model sees for pixel 0 and for pixel 255")

    def name_for(self, path: Path) -> str:
        """Return the given name of the network, or a legal one made from the file name."""
        if self.name:
            return self.name
        name = legal_name(path.stem)
        return next(n for n in (name, f"net_{name}"[:MAX_NAME], "net") if not is_reserved(n))


class Importer(Protocol):
    """Reads the files of one format.

    Attributes
    ----------
    name : str
        Key of the registration.
    title : str
        What a file of this format is, with its article: "an ONNX model".
    suffixes : tuple of str
        Usual file name endings, with the dot.
    native : bool
        Whether this is the format in which bnnhw saves networks, so that no import is needed.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def suffixes(self) -> tuple[str, ...]: ...

    @property
    def native(self) -> bool: ...

    def accepts(self, path: Path) -> bool:
        """Decide by the file name or by the first bytes whether a file has this format.

        The path may not exist: an importer that accepts its name reports that when it loads it.
        """
        ...

    def load(self, path: Path, options: ImportOptions) -> Network:
        """Read the file.

        Raises
        ------
        ConfigError, ModelError
            The file is missing or malformed, or has no exact integer meaning.
        """
        ...


def legal_name(raw: str) -> str:
    """Turn a file or folder name into letters, digits and ``_``, beginning with a letter."""
    name = re.sub(r"\W", "_", raw.encode("ascii", "ignore").decode().strip())[:MAX_NAME]
    if name[:1].isalpha():
        return name
    return f"net_{name}"[:MAX_NAME] if name else "net"
