"""Task transfer function: the MTF of a denoiser from noisy discs, at a given contrast (AAPM TG-233).

A denoiser is not linear, so its sharpness depends on contrast and noise. Discs with a known edge are put on a
uniform background with real or simulated CT noise, pass through the denoiser, and the radial edge profile, averaged
over discs and noise realisations, gives the MTF. The edge is either a Gaussian blur, the same for all noises, or that of a
reconstruction kernel: then disc and noise look as if one scan had made both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.special import j0, j1, ndtr

from ..simulate import FanBeam, Kernel

Denoise = Callable[[np.ndarray], np.ndarray]
Edge = Callable[[np.ndarray], np.ndarray]
"""A disc of DISC_RADIUS_PX: from distances to its centre in pixels to its height there, 1 inside and 0 outside."""

# Contrasts of the ACR CT accreditation phantom's bone and acrylic inserts against water, in HU.
HIGH_CONTRAST = 955.0
LOW_CONTRAST = 120.0
BACKGROUND_HU = 0.0
DISC_RADIUS_PX = 12.0
EDGE_SIGMA_PX = 0.8
_REACH_PX = 26.0
_BIN_PX = 0.1
_FLAT_PX, _TAPER_PX = 6.0, 10.0


class NoEdgeError(ValueError):
    """The denoiser left nothing of the discs."""


def disc_centres(size: int) -> list[tuple[float, float]]:
    """Centres of a grid of discs in a square of `size` pixels, off the pixel grid so that the edge is oversampled."""
    per_side = size // 64
    if per_side < 1:
        raise ValueError(f"the disc phantom needs at least 64 pixels a side, not {size}")
    pitch = size / per_side
    return [
        (pitch * (i + 0.5) - 0.5 + 0.13 * (2 * i - j), pitch * (j + 0.5) - 0.5 + 0.17 * (i - 3 * j) / 3)
        for i in range(per_side)
        for j in range(per_side)
    ]


def gaussian_edge(distance: np.ndarray, sigma_px: float = EDGE_SIGMA_PX) -> np.ndarray:
    """An error function of `sigma_px`: a straight edge blurred by a Gaussian."""
    return ndtr((DISC_RADIUS_PX - distance) / sigma_px)


def kernel_edge(kernel: Kernel, spacing: float, steps: int = 1200) -> Edge:
    """The disc as a scan with `kernel` shows it, on pixels of `spacing` mm, sampled at pixel centres.

    The disc's spectrum R J1(2 pi R f) / f, times the kernel's window W(f), back by the Hankel transform:
    2 pi R int J1(2 pi R f) W(f) J0(2 pi r f) df. No grid comes into it, so nothing aliases.
    """
    nyquist_px = FanBeam().detector_nyquist * spacing
    # Beyond 4 cut-offs the widest window (a butterworth of low order) is under 2 %.
    step = 4 * kernel.cutoff * nyquist_px / steps
    frequency = (np.arange(steps) + 0.5) * step
    window = kernel.window(torch.from_numpy(frequency / nyquist_px)).numpy()
    frequency, window = frequency[window > 1e-6], window[window > 1e-6]
    weights = 2 * np.pi * DISC_RADIUS_PX * j1(2 * np.pi * DISC_RADIUS_PX * frequency) * window * step
    radius = np.arange(0.0, 2 * _REACH_PX, 0.05)
    height = j0(2 * np.pi * radius[:, None] * frequency[None, :]) @ weights
    return lambda distance: np.interp(distance, radius, height, right=0.0)


def disc_phantom(size: int, contrast: float, edge: Edge = gaussian_edge) -> np.ndarray:
    """Discs of `contrast` HU on BACKGROUND_HU, [size, size]."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    image = np.full((size, size), BACKGROUND_HU)
    for row, column in disc_centres(size):
        distance = np.hypot(y - row, x - column)
        image += contrast * edge(distance)
    return image


def edge_profile(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radial edge profile of a disc phantom: distance in pixels and mean value, averaged over its discs."""
    size = image.shape[0]
    y, x = np.mgrid[:size, :size].astype(np.float64)
    bins = int(_REACH_PX / _BIN_PX)
    total, count = np.zeros(bins), np.zeros(bins)
    for row, column in disc_centres(size):
        index = (np.hypot(y - row, x - column) / _BIN_PX).astype(int)
        near = index < bins
        total += np.bincount(index[near], weights=image[near], minlength=bins)
        count += np.bincount(index[near], minlength=bins)
    distance = (np.arange(bins) + 0.5) * _BIN_PX
    filled = count > 0
    return distance, np.interp(distance, distance[filled], total[filled] / count[filled])


def mtf_from_profile(distance: np.ndarray, profile: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """MTF from an edge profile at even `distance` steps (pixels): frequency in cycles/mm, MTF with MTF(0) = 1.

    The line spread is the profile's derivative, tapered away from the edge; the derivative's own sinc
    response is divided out. Raises NoEdgeError for a profile without an edge.
    """
    step = distance[1] - distance[0]
    line_spread = -np.gradient(profile, step)
    offset = distance - DISC_RADIUS_PX
    # Flat over the edge, rolled off outside it: a taper that bends over the edge would sharpen the result.
    roll_off = np.clip((np.abs(offset) - _FLAT_PX) / (_TAPER_PX - _FLAT_PX), 0.0, 1.0)
    line_spread = line_spread * np.cos(np.pi / 2 * roll_off) ** 2
    frequency_px = np.arange(0.0, 0.71, 0.002)
    # Direct cosine and sine sums: the axis is finer than a DFT of this length would give.
    phase = 2 * np.pi * frequency_px[:, None] * offset[None, :]
    transfer = np.hypot(np.cos(phase) @ line_spread, np.sin(phase) @ line_spread)
    # np.gradient's central difference spans two steps.
    transfer /= np.sinc(2 * frequency_px * step)
    if not transfer[0] > 1e-6 * np.abs(profile).max(initial=1.0):
        raise NoEdgeError("the profile has no edge at the disc's radius")
    return frequency_px / spacing, transfer / transfer[0]


def frequency_at(frequency: np.ndarray, mtf: np.ndarray, level: float = 0.5) -> float:
    """First frequency at which the MTF falls to `level`, interpolated; nan when it never does."""
    below = np.flatnonzero(mtf <= level)
    if not len(below) or below[0] == 0:
        return float("nan")
    k = int(below[0])
    fraction = (mtf[k - 1] - level) / (mtf[k - 1] - mtf[k])
    return float(frequency[k - 1] + fraction * (frequency[k] - frequency[k - 1]))


def task_transfer(
    denoise: Denoise, noise: Sequence[np.ndarray], contrast: float, spacing: float, edge: Edge = gaussian_edge
) -> tuple[np.ndarray, np.ndarray]:
    """MTF of `denoise` for discs of `contrast` HU and `edge` in each noise field ([size, size], HU); spacing in mm.

    Raises ValueError without a noise field, NoEdgeError when the denoiser leaves nothing of the discs. The background
    denoised with the same noise but without discs is subtracted: what noise the denoiser leaves then cancels and few
    realisations suffice.
    """
    if not len(noise):
        raise ValueError("task transfer needs at least one noise field")
    size = noise[0].shape[0]
    phantom = disc_phantom(size, contrast, edge)
    profiles = []
    for field in noise:
        background = (BACKGROUND_HU + field).astype(np.float32)
        with_discs = denoise((phantom + field).astype(np.float32))
        distance, profile = edge_profile(np.asarray(with_discs, np.float64) - denoise(background))
        profiles.append(profile)
    return mtf_from_profile(distance, np.mean(profiles, axis=0), spacing)


def mtf50(
    denoise: Denoise, noise: Sequence[np.ndarray], contrast: float, spacing: float, edge: Edge = gaussian_edge
) -> float:
    """MTF50 in cycles/mm of `denoise` at `contrast` HU, nan when it leaves nothing of the discs; see `task_transfer`."""
    try:
        return frequency_at(*task_transfer(denoise, noise, contrast, spacing, edge))
    except NoEdgeError:
        return float("nan")
