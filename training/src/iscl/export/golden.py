"""The golden pair: a small input and its output, which every runtime has to reproduce before it computes a patient's image."""

from __future__ import annotations

import numpy as np

ROWS = COLUMNS = 64


def golden_input(slices: int = 1) -> np.ndarray:
    """float32 [slices, 64, 64] in HU: air, lung, fat, soft tissue with a low-contrast disc, bone, metal and noise.

    Whole HU, so that the file is the same on every machine. The slices differ in noise, and the disc moves, so that a wrong order shows.
    """
    return np.stack([_slice(number) for number in range(slices)])


def _slice(number: int) -> np.ndarray:
    rows, columns = np.mgrid[:ROWS, :COLUMNS].astype(np.float64)
    hu = np.full((ROWS, COLUMNS), -1000.0)
    hu[np.hypot(rows - 32, (columns - 32) * 0.9) < 29] = -100.0
    hu[np.hypot(rows - 32, (columns - 32) * 0.95) < 26] = 50.0
    hu[np.hypot(rows - 26, columns - 20) < 8] = -850.0
    hu[np.hypot(rows - 26 - number, columns - 44 + number) < 7] = 70.0
    hu[np.hypot(rows - 46, columns - 32) < 6] = 700.0
    hu[np.hypot(rows - 46, columns - 32) < 3] = 300.0
    hu[12:15, 31:34] = 3071.0
    # A linear congruential generator: numpy's generators may change their streams between versions.
    state, noise = 12345 + number, np.empty(ROWS * COLUMNS)
    for index in range(noise.size):
        total = 0
        for _ in range(12):
            state = (1103515245 * state + 12345) % 2**31
            total += state >> 16
        noise[index] = total / 32768.0 - 6.0
    inside = hu > -999.0
    return np.round(hu + 30.0 * noise.reshape(ROWS, COLUMNS) * np.where(inside, 1.0, 0.3)).astype(np.float32)
