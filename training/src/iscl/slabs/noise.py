"""Noise on the device: coloured like a scan's own, like none, or taken from real scans; correlated along z."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

FIELD = 224
"""Side of the fields that are generated; patches are cut from them."""


def amplitude_of_spectrum(power: np.ndarray) -> np.ndarray:
    """sqrt of a [32, 32] noise power spectrum on the half-plane grid [224, 113] of `rfft2`, scaled so that filtered white noise of
    standard deviation 1 keeps it."""
    side = len(power)
    shifted = np.fft.fftshift(power)
    shifted = np.pad(shifted, ((0, 1), (0, 1)), mode="wrap")
    axis = np.arange(side + 1) - side // 2
    wanted = np.fft.fftfreq(FIELD) * side
    half = np.abs(np.fft.rfftfreq(FIELD) * side)
    rows = np.stack([np.interp(half, axis, row) for row in shifted])
    grid = np.stack([np.interp(wanted, axis, column) for column in rows.T], axis=1)
    return _unit(np.sqrt(np.maximum(grid, 0.0)))


def drawn_amplitude(rng: np.random.Generator) -> np.ndarray:
    """A colour that no scan needs to have: sqrt(f) exp(-(f / c)^p), c and p drawn, a little wider in one direction."""
    cutoff, power = rng.uniform(0.06, 0.6), rng.uniform(0.8, 3.0)
    stretch, angle = np.exp(rng.normal(0.0, 0.15)), rng.uniform(0, np.pi)
    u, v = np.fft.fftfreq(FIELD)[:, None], np.fft.rfftfreq(FIELD)[None, :]
    along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    frequency = np.hypot(along * stretch, across / stretch)
    return _unit(np.sqrt(frequency + 0.003) * np.exp(-((frequency / cutoff) ** power)))


def _unit(amplitude: np.ndarray) -> np.ndarray:
    amplitude = amplitude.astype(np.float64).copy()
    amplitude[0, 0] = 0.0
    weights = np.full(amplitude.shape[1], 2.0)
    weights[0] = weights[-1] = 1.0
    mean_square = (amplitude**2 * weights).sum() / FIELD**2
    return (amplitude / np.sqrt(mean_square)).astype(np.float32)


def fields(amplitudes: Tensor, correlation: Tensor, depth: int, generator: torch.Generator) -> Tensor:
    """Unit noise [B, depth, 224, 224]: amplitudes [B, 224, 113] on the device, correlation [B] between neighbouring slices."""
    count = len(amplitudes)
    white = torch.randn(count, depth + 2, FIELD, FIELD, generator=generator, device=amplitudes.device)
    coloured = torch.fft.irfft2(torch.fft.rfft2(white) * amplitudes[:, None], s=(FIELD, FIELD))
    share = along_z(correlation).view(-1, 1, 1, 1)
    mixed = coloured[:, 1:-1] + share * (coloured[:, :-2] + coloured[:, 2:])
    return mixed / torch.sqrt(1.0 + 2.0 * share**2)


def along_z(correlation: Tensor) -> Tensor:
    """The weight b of both neighbours that gives slices this correlation: 2 b / (1 + 2 b^2), at most 0.7 at b = 1/sqrt(2)."""
    r = correlation.clamp(0.0, 0.7)
    return torch.where(r < 1e-3, r / 2.0, (1.0 - torch.sqrt((1.0 - 2.0 * r**2).clamp_min(0.0))) / (2.0 * r.clamp_min(1e-3)))
