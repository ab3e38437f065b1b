"""Suppresses the progress reports that exporters print."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

__all__ = ["quiet"]

EXPORTERS = "torch.onnx"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep standard output and the log free of an exporter's reports; its exceptions remain."""
    logger = logging.getLogger(EXPORTERS)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
