"""Signed binary digits: integers as sums and differences of a minimum of powers of two."""

from __future__ import annotations

import numpy as np

__all__ = ["digit_arrays", "powers_of", "signed_digits"]


def signed_digits(number: int) -> list[tuple[int, int]]:
    """Write an integer of any size as ``sum digit * 2**position``, in the non-adjacent form.

    Returns
    -------
    list of (int, int)
        Position and digit, -1 or 1, of each digit other than 0; lowest position first.
    """
    digits, position = [], 0
    while number:
        if number & 1:
            digit = 2 - (number & 3)
            digits.append((position, digit))
            number -= digit
        number >>= 1
        position += 1
    return digits


def powers_of(number: int) -> list[int]:
    """Powers of two, with signs, whose sum is an integer."""
    return [digit << position for position, digit in signed_digits(number)]


def digit_arrays(values: np.ndarray) -> list[np.ndarray]:
    """Digits -1, 0 and +1 of many int64 integers: an array for each position, lowest first."""
    remaining, made = values.astype(np.int64), list[np.ndarray]()
    while remaining.any():
        digit = np.where(remaining & 1, 2 - (remaining & 3), 0)
        made.append(digit)
        remaining = (remaining - digit) >> 1
    return made
