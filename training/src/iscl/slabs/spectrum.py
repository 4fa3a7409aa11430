"""Noise power spectra as filters of white noise."""

from __future__ import annotations

import numpy as np

FIELD = 224
"""Side of the fields of noise that are generated; patches are cut from them."""


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
    cutoff, power = rng.uniform(0.15, 0.7), rng.uniform(0.8, 3.0)
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
