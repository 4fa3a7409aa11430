"""Noise power spectrum (NPS) as in AAPM TG-233: 2-D, from detrended regions, radially averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.tissue import detrend


@dataclass(frozen=True)
class Spectrum:
    """Radial NPS: `frequency` in cycles/mm, `power` in HU^2 mm^2, both [bins], zero frequency excluded."""

    frequency: np.ndarray
    power: np.ndarray

    @property
    def mean_frequency(self) -> float:
        """Power-weighted mean frequency, cycles/mm (TG-233 f_av); nan for a spectrum without power."""
        total = self.power.sum()
        return float((self.frequency * self.power).sum() / total) if total > 0 else float("nan")

    @property
    def peak_frequency(self) -> float:
        """Frequency of the largest power after a three-bin running mean, cycles/mm."""
        padded = np.pad(self.power, 1, mode="edge")
        smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
        return float(self.frequency[int(np.argmax(smooth))])


def noise_power_spectrum(regions: np.ndarray, spacing: float) -> Spectrum:
    """Radial NPS of square regions.

    regions: [n, N, N] in HU, each detrended here by a second-order surface. spacing: pixel spacing in mm.
    NPS(u, v) = spacing^2 / N^2 * mean |DFT|^2, so that its integral over frequency is the variance in HU^2.
    Bins are 1 / (N spacing) wide, up to the Nyquist frequency.
    """
    regions = np.asarray(regions, np.float64)
    if regions.ndim != 3 or regions.shape[1] != regions.shape[2] or not len(regions):
        raise ValueError(f"regions must be [n, N, N] with n >= 1, not {regions.shape}")
    if spacing <= 0:
        raise ValueError(f"pixel spacing must be positive, not {spacing}")
    size = regions.shape[1]
    power = np.mean([np.abs(np.fft.fft2(detrend(region))) ** 2 for region in regions], axis=0)
    power *= spacing**2 / size**2
    frequency = np.fft.fftfreq(size, spacing)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    bins = np.rint(radius * size * spacing).astype(int)
    last = size // 2
    inside = (bins >= 1) & (bins <= last)
    count = np.bincount(bins[inside], minlength=last + 1)[1:]
    total = np.bincount(bins[inside], weights=power[inside], minlength=last + 1)[1:]
    return Spectrum(np.arange(1, last + 1) / (size * spacing), total / count)


def pooled_spectrum(spectra: list[Spectrum], bins: int = 40) -> Spectrum:
    """Mean of spectra of different pixel spacings on a common axis.

    Each frequency is averaged over the spectra that reach it; the axis ends at the median Nyquist frequency, beyond
    which a few slices would speak for all.
    """
    highest = float(np.median([s.frequency[-1] for s in spectra]))
    axis = np.linspace(highest / bins, highest, bins)
    rows = np.array([np.interp(axis, s.frequency, s.power, left=s.power[0], right=np.nan) for s in spectra])
    # The median's own slice reaches the end, so that no column is empty.
    return Spectrum(axis, np.nanmean(rows, axis=0))
