"""Arithmetic of frames: words per frame, and elements of the last word."""

from __future__ import annotations

__all__ = ["last_word_elements", "words_of_frame"]


def words_of_frame(elements: int, lanes: int) -> int:
    """Words per frame."""
    return -(-elements // lanes)


def last_word_elements(elements: int, lanes: int) -> int:
    """Elements in the last word of a frame, 1 to ``lanes``."""
    return (elements - 1) % lanes + 1
