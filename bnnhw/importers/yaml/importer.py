"""Registers layers.yaml files, and folders with a net.yaml, as the native format of networks."""

from __future__ import annotations

from pathlib import Path

from bnnhw.importers.base import ImportOptions
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.registry import register

__all__ = ["YamlImporter"]


class YamlImporter:
    """Reads networks of bnnhw; every option of an import is answered by the file itself."""

    name = "yaml"
    title = "a network of bnnhw"
    suffixes = (".yaml", ".yml")
    native = True

    def accepts(self, path: Path) -> bool:
        return path.suffix in self.suffixes or (path / "net.yaml").is_file()

    def load(self, path: Path, options: ImportOptions) -> Network:
        return load_network(path)


register(YamlImporter())
