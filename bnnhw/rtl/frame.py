"""How a frame of elements lies in words of lanes."""

from __future__ import annotations

__all__ = ["rest_of_frame", "words_of_frame"]


def words_of_frame(elements: int, lanes: int) -> int:
    """Words that a frame takes."""
    return -(-elements // lanes)


def rest_of_frame(elements: int, lanes: int) -> int:
    """Elements in the last word of a frame, 1 to ``lanes``."""
    return (elements - 1) % lanes + 1
