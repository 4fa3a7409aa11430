"""Measurements of a CT slice: the body, its soft tissue, and its noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SOFT_TISSUE_HU = (-20.0, 130.0)
LOCAL_WINDOW = 7
_BIN = 0.5


def body_mask(hu: np.ndarray) -> np.ndarray:
    """bool [H, W]: the patient with the lungs filled in, without table and clothes.

    Largest object above -400 HU after an opening that separates the table from the skin.
    """
    solid = ndimage.binary_opening(hu > -400.0, iterations=3)
    labels, count = ndimage.label(solid)
    if count == 0:
        return np.zeros(hu.shape, bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    body = labels == sizes.argmax()
    return ndimage.binary_fill_holes(ndimage.binary_dilation(body, iterations=2))


def local_sd(image: np.ndarray, window: int = LOCAL_WINDOW) -> np.ndarray:
    """float [H, W]: standard deviation in a window x window neighbourhood (unbiased for white noise)."""
    image = image.astype(np.float64)
    mean = ndimage.uniform_filter(image, window)
    square = ndimage.uniform_filter(image * image, window)
    n = window * window
    return np.sqrt(np.maximum(square - mean * mean, 0.0) * n / (n - 1))


def soft_tissue_mask(hu: np.ndarray, body: np.ndarray | None = None, window: int = LOCAL_WINDOW) -> np.ndarray:
    """bool [H, W]: pixels whose neighbourhood lies in soft tissue by its mean, away from the skin."""
    body = body_mask(hu) if body is None else body
    mean = ndimage.uniform_filter(hu.astype(np.float64), window)
    inside = ndimage.binary_erosion(body, iterations=window)
    return inside & (mean > SOFT_TISSUE_HU[0]) & (mean < SOFT_TISSUE_HU[1])


def modal_sd(sd: np.ndarray) -> float:
    """Mode of local standard deviations: histogram of 0.5 HU bins, smoothed; NaN when there are under 200 values.

    Edges and vessels only add to the upper tail, so the mode is the noise of the uniform parts.
    """
    sd = sd[np.isfinite(sd)]
    if sd.size < 200:
        return float("nan")
    top = max(10.0, float(np.percentile(sd, 90)))
    counts, edges = np.histogram(sd, bins=np.arange(0.0, top + _BIN, _BIN))
    width = max(1.0, 0.03 * top / _BIN)
    smooth = ndimage.gaussian_filter1d(counts.astype(float), width)
    return float(edges[smooth.argmax()] + _BIN / 2)


def detrend(region: np.ndarray, order: int = 2) -> np.ndarray:
    """Region [N, M] less its least-squares polynomial surface of total degree `order`, float64 in the region's unit."""
    rows, columns = region.shape
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    basis = np.stack([(y**i * x**j).ravel() for i in range(order + 1) for j in range(order + 1 - i)], axis=1)
    flat = np.asarray(region, np.float64).ravel()
    coefficients, *_ = np.linalg.lstsq(basis, flat, rcond=None)
    return (flat - basis @ coefficients).reshape(region.shape)


def flattest_apart(candidates: list[tuple[float, int, int]], size: int, count: int) -> list[tuple[int, int]]:
    """The corners (row, column) of up to `count` squares of `size` pixels that do not overlap, from candidates
    (structure, row, column); least structure first."""
    chosen: list[tuple[int, int]] = []
    for _, row, column in sorted(candidates):
        if all(abs(row - r) >= size or abs(column - c) >= size for r, c in chosen):
            chosen.append((row, column))
            if len(chosen) == count:
                break
    return chosen


def measure_noise(hu: np.ndarray, body: np.ndarray | None = None, window: int = LOCAL_WINDOW) -> float:
    """Noise of a slice in HU: modal local SD in soft tissue; NaN where there is too little soft tissue."""
    tissue = soft_tissue_mask(hu, body, window)
    return modal_sd(local_sd(hu, window)[tissue])
