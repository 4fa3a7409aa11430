"""A stack of which everything is known: a round body of 50 HU in air, with noise whose colour is known."""

import numpy as np
from scipy import ndimage

from iscl.judge import Material

PIXEL_MM, GAP_MM, SOFT_HU, NOISE_HU = 0.8, 2.0, 50.0, 20.0


def body(slices=11, size=224):
    rows, columns = np.mgrid[:size, :size]
    inside = np.hypot(rows - size / 2, columns - size / 2) < 0.46 * size
    return np.repeat(np.where(inside, SOFT_HU, -1000.0)[None], slices, axis=0).astype(np.float32)


def noise(slices=11, size=224, seed=0):
    white = np.random.default_rng(seed).normal(size=(slices, size, size))
    coloured = ndimage.gaussian_filter(white, (0, 0.7, 0.7)) - ndimage.gaussian_filter(white, (0, 3.0, 3.0))
    return (NOISE_HU * coloured / coloured.std()).astype(np.float32)


def known_stack(slices=11, size=224, seed=0, twin=None):
    return Material("known", "P1", body(slices, size) + noise(slices, size, seed), PIXEL_MM, GAP_MM, GAP_MM, twin)
