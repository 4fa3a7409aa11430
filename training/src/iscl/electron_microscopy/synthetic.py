"""Synthetic electron micrographs of tissue, and the structured noise of real ones.

Anatomy: cells with dark double membranes, cytoplasm of mottled grey, mitochondria with cristae, vesicles. Noise:
film (blotches and grain of the supporting film, correlated over some pixels) and charging (bright streaks along the scan
line that fade behind dense spots, and a line-to-line offset). Neither is white, so a blur cannot remove the noise
and leave the structure.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def micrograph(rng: np.random.Generator, size: int = 192) -> np.ndarray:
    """A clean image [size, size] float32 in [-1, 1]."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    # Smoothly bent coordinates keep cell borders from being straight.
    bend = [ndimage.gaussian_filter(rng.normal(0, 1, (size, size)), 12) * 60 for _ in range(2)]
    points = rng.uniform(0, size, (max(4, size * size // 2600), 2))
    distance = np.sort(np.hypot(y[..., None] + bend[0][..., None] - points[:, 0], x[..., None] + bend[1][..., None] - points[:, 1]), -1)
    border = distance[..., 1] - distance[..., 0]
    image = 0.35 + 0.08 * ndimage.gaussian_filter(rng.normal(0, 1, (size, size)), 3) * 8
    for _ in range(size * size // 3000):
        image = _mitochondrion(image, y, x, rng, size)
    for _ in range(size * size // 1500):
        radius, row, column = rng.uniform(2, 4), *rng.uniform(0, size, 2)
        ring = np.abs(np.hypot(y - row, x - column) - radius)
        image = np.where(ring < 1.0, -0.35, image)
    membrane = np.minimum(np.abs(border - 2.5), np.abs(border - 7.0))
    image = np.where(membrane < 1.3, -0.6, np.where((border > 3.8) & (border < 5.7), 0.55, image))
    return np.clip(ndimage.gaussian_filter(image, 0.7), -1, 1).astype(np.float32)


def _mitochondrion(image: np.ndarray, y: np.ndarray, x: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    row, column, angle = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(0, np.pi)
    long, short = rng.uniform(12, 20), rng.uniform(6, 9)
    u = (y - row) * np.cos(angle) + (x - column) * np.sin(angle)
    v = (x - column) * np.cos(angle) - (y - row) * np.sin(angle)
    radius = np.hypot(u / long, v / short)
    cristae = np.where(np.sin(2 * np.pi * u / 6.0 + rng.uniform(0, 6)) > 0.45, -0.45, 0.0)
    inside = np.where(radius > 0.85, -0.5, cristae)
    return np.where(radius < 1, inside, image)


def film_noise(rng: np.random.Generator, size: int, sd: float = 0.2) -> np.ndarray:
    """Film [size, size]: grain correlated over two pixels, and sparse darker blotches; zero mean, SD `sd`."""
    grain = ndimage.gaussian_filter(rng.normal(0, 1, (size, size)), 1.1)
    blotches = ndimage.gaussian_filter(rng.normal(0, 1, (size, size)), 3.0)
    blotches = -np.maximum(blotches - 1.3 * blotches.std(), 0)
    field = grain / grain.std() + 2.0 * blotches / (blotches.std() + 1e-9) * 0.35
    field = field - field.mean()
    return (sd * field / field.std()).astype(np.float32)


def charging_noise(rng: np.random.Generator, size: int, sd: float = 0.12) -> np.ndarray:
    """Charging [size, size]: streaks to the right of random spots that decay along the line, and line offsets; SD `sd`."""
    impulses = (rng.random((size, size)) < 0.004) * rng.exponential(1.0, (size, size))
    decay = np.exp(-np.arange(60) / 18.0)
    streaks = ndimage.convolve1d(impulses, np.concatenate([np.zeros(59), decay]), axis=1, mode="constant")
    offsets = ndimage.gaussian_filter1d(rng.normal(0, 1, (size, 1)), 0.6, axis=0) * np.ones((1, size))
    field = streaks / (streaks.std() + 1e-9) + 0.6 * offsets / offsets.std()
    field = field - field.mean()
    return (sd * field / field.std()).astype(np.float32)


def spoil(clean: np.ndarray, rng: np.random.Generator, film_sd: float = 0.2, charging_sd: float = 0.12) -> np.ndarray:
    """A clean image with film and charging noise, clipped to [-1, 1] as a camera would."""
    size = clean.shape[0]
    return np.clip(clean + film_noise(rng, size, film_sd) + charging_noise(rng, size, charging_sd), -1, 1).astype(np.float32)


def unpaired_set(seed: int, count: int, size: int = 192) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(noisy, clean): `count` images each, of different tissue; the set holds no clean image of a noisy one."""
    rng = np.random.default_rng(seed)
    clean = [micrograph(rng, size) for _ in range(count)]
    noisy = [spoil(micrograph(rng, size), rng) for _ in range(count)]
    return noisy, clean


def held_out_pairs(seed: int, count: int, size: int = 192) -> list[tuple[np.ndarray, np.ndarray]]:
    """(noisy, truth) pairs for measuring, of tissue that no training set of another seed holds."""
    rng = np.random.default_rng([seed, 1])
    truth = [micrograph(rng, size) for _ in range(count)]
    return [(spoil(image, rng), image) for image in truth]
