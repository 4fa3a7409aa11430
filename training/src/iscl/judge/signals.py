"""Known lesions: balls, discs, a disc in one slice alone and an edge along z, rendered for a scan's real spacing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

CORE = 0.7
"""Share of the radius within which a lesion's contrast is read."""
EDGE_SIGMA_PX = 0.7
"""Gaussian blur in the plane: no scanner shows a sharper edge."""
_FINE = 5


@dataclass(frozen=True)
class Lesion:
    """shape: `ball`, `disc` (a cylinder as high as wide), `slice` (a disc in one slice alone), `edge` (a disc in its slice and the three
    after it). contrast: HU above (or, where it is taken off, below) its surroundings."""

    shape: str
    diameter_mm: float
    contrast_hu: float

    @property
    def name(self) -> str:
        return f"{self.shape} {self.diameter_mm:g} mm {self.contrast_hu:g} HU"


@dataclass(frozen=True)
class Rendered:
    """values: share of the contrast, float32 [2 K + 1, S, S], the lesion's middle in the middle. core: bool of the same shape."""

    values: np.ndarray
    core: np.ndarray

    @property
    def slices(self) -> tuple[int, int]:
        """First and last slice that the lesion touches, relative to its middle."""
        touched = np.flatnonzero(self.values.reshape(len(self.values), -1).max(axis=1) > 0.01) - len(self.values) // 2
        return int(touched[0]), int(touched[-1])


def _overlap(low: float, high: float, half: np.ndarray) -> np.ndarray:
    return np.maximum(np.minimum(high, half) - np.maximum(low, -half), 0.0)


def render(lesion: Lesion, pixel_mm: float, gap_mm: float, thickness_mm: float) -> Rendered:
    """A lesion at a pixel's middle in a slice's middle. A slice shows the mean over its thickness (partial volume)."""
    radius = lesion.diameter_mm / 2
    thickness = thickness_mm if thickness_mm > 0 else gap_mm
    half = int(np.ceil(radius / pixel_mm + 3 * EDGE_SIGMA_PX)) + 1
    reach = 3 if lesion.shape in ("slice", "edge") else int(np.ceil((radius + thickness / 2) / gap_mm))
    fine = (np.arange((2 * half + 1) * _FINE) - ((2 * half + 1) * _FINE - 1) / 2) / _FINE * pixel_mm
    distance = np.hypot(fine[:, None], fine[None, :])
    axis = np.arange(-half, half + 1) * pixel_mm
    plane = np.hypot(axis[:, None], axis[None, :])
    z = np.arange(-reach, reach + 1)
    values, core = [], []
    for k in z:
        inside = (distance <= radius).astype(np.float64)
        if lesion.shape == "slice":
            share, is_core = inside * (k == 0), (plane <= CORE * radius) & (k == 0)
        elif lesion.shape == "edge":
            share, is_core = inside * (k >= 0), (plane <= CORE * radius) & (k == 0)
        else:
            low, high = float(k) * gap_mm - thickness / 2, float(k) * gap_mm + thickness / 2
            if lesion.shape == "ball":
                chord = np.sqrt(np.maximum(radius**2 - distance**2, 0.0))
                is_core = np.hypot(plane, k * gap_mm) <= CORE * radius
            else:
                chord = radius * inside
                is_core = (plane <= CORE * radius) & (abs(k * gap_mm) <= CORE * radius)
            share = _overlap(low, high, chord) / thickness
        coarse = share.reshape(2 * half + 1, _FINE, 2 * half + 1, _FINE).mean(axis=(1, 3))
        values.append(ndimage.gaussian_filter(coarse, EDGE_SIGMA_PX, mode="constant"))
        core.append(is_core)
    return Rendered(np.asarray(values, np.float32), np.asarray(core))


def add(stack: np.ndarray, rendered: Rendered, place: tuple[int, int, int], contrast_hu: float) -> None:
    """Add a lesion to a stack [N, H, W] in place; what sticks out of the stack is cut off."""
    target, own = windows(stack.shape, rendered.values.shape, place)
    stack[target] += contrast_hu * rendered.values[own]


def windows(shape: tuple[int, ...], size: tuple[int, ...], place: tuple[int, ...]) -> tuple[tuple, tuple]:
    """Index of a box of odd `size` around `place` in an array of `shape`, and of the part of the box that lies inside."""
    target, own = [], []
    for length, extent, middle in zip(shape, size, place, strict=True):
        start = middle - extent // 2
        target.append(slice(max(start, 0), min(start + extent, length)))
        own.append(slice(max(-start, 0), extent - max(start + extent - length, 0)))
    return tuple(target), tuple(own)
