"""Imports a PyTorch state dict whose layers a YAML file describes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bnnhw.config.arrays import MemoryArrays
from bnnhw.config.yaml_text import parse_yaml
from bnnhw.errors import ConfigError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.network import Network, build_network
from bnnhw.importers.registry import register
from bnnhw.importers.state_dict.arrays import convert_arrays
from bnnhw.importers.state_dict.description import check_description
from bnnhw.importers.state_dict.read import read_state_dict
from bnnhw.importers.unsupported import is_pytorch, reject_unsupported

__all__ = ["StateDictImporter", "import_state_dict"]


def import_state_dict(path: Path, layers: Path | Mapping[str, object]) -> Network:
    """Import a state dict.

    Parameters
    ----------
    path : Path
        File that ``torch.save(model.state_dict(), path)`` wrote.
    layers : Path or mapping
        The description: a YAML file, or its contents.

    Raises
    ------
    ConfigError
        The description is wrong, or does not match the tensors.
    ModelError
        A layer has no exact integer meaning.
    ToolError
        torch is not installed.
    """
    data = parse_yaml(layers) if isinstance(layers, Path) else layers
    where = layers.name if isinstance(layers, Path) else "the description"
    description = check_description(data, where)
    shapes = build_network(description.config, None).graph
    state = read_state_dict(path, description.entry)
    arrays = MemoryArrays(convert_arrays(state, description, shapes), path.name)
    return build_network(description.config, arrays)


class StateDictImporter:
    """Reads PyTorch's files of tensors."""

    name = "state_dict"
    title = "a PyTorch file"
    suffixes = (".pt", ".pth")
    native = False

    def accepts(self, path: Path) -> bool:
        return is_pytorch(path)

    def load(self, path: Path, options: ImportOptions) -> Network:
        if options.layers is None:
            reject_unsupported(path)
            raise ConfigError("is a PyTorch file without a description of its layers",
                              where=str(path))
        return import_state_dict(path, options.layers)


register(StateDictImporter())
