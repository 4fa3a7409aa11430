"""Model observers of a lesion of known shape: non-prewhitening (NPW) and channelised Hotelling (CHO), input against output.

Signal and noise of the blended image (1 - s) input + s output are blends of those of input and output, so every strength follows from one
pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import eval_laguerre

from .flatness import blend, blend_linear
from .places import HALF, Site

CHANNELS = 6
NPS_PX = 24
WINDOW_PX = 15
"""Radius of the disc that observers look at. No edge lies in it: places are 14 pixels from the next."""
COARSE_SIGMA_PX = 8.0
"""What an observer cannot tell from anatomy: a Gaussian blur of so many pixels within the disc is taken off, from lesion and noise
alike."""

_AXIS = np.arange(-HALF, HALF + 1, dtype=np.float64)
_SQUARED = _AXIS[:, None] ** 2 + _AXIS[None, :] ** 2
_DISC = (_SQUARED <= WINDOW_PX**2).ravel()


def _anatomy_filter() -> np.ndarray:
    """[pixels, pixels] of the disc: identity less a Gaussian blur whose weights outside the disc are zero and sum to one within."""
    rows, columns = (grid.ravel()[_DISC] for grid in np.meshgrid(_AXIS, _AXIS, indexing="ij"))
    weights = np.exp(-((rows[:, None] - rows) ** 2 + (columns[:, None] - columns) ** 2) / (2 * COARSE_SIGMA_PX**2))
    return np.eye(len(rows)) - weights / weights.sum(axis=1, keepdims=True)


_FILTER = _anatomy_filter()


def without_anatomy(regions: np.ndarray) -> np.ndarray:
    """Regions [n, 2 HALF + 1, 2 HALF + 1] to the pixels of the disc [n, pixels] without what is coarse."""
    return regions.reshape(len(regions), -1)[:, _DISC].astype(np.float64) @ _FILTER.T


def channels(width_px: float) -> np.ndarray:
    """Laguerre-Gauss channels [6, pixels of the disc], unit norm (Gallas and Barrett, JOSA A 2003)."""
    argument = 2 * np.pi * _SQUARED.ravel()[_DISC] / width_px**2
    found = np.stack([np.exp(-argument / 2) * eval_laguerre(n, argument) for n in range(CHANNELS)])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def region(stack: np.ndarray, at: tuple[int, int, int]) -> np.ndarray:
    z, r, c = at
    return stack[z, r - HALF : r + HALF + 1, c - HALF : c + HALF + 1]


def _detrender(size: int) -> np.ndarray:
    """Orthonormal basis [6, pixels] of the surfaces of second order."""
    axis = np.linspace(-1, 1, size)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    basis = np.stack([(y**i * x**j).ravel() for i in range(3) for j in range(3 - i)], axis=1)
    return np.linalg.qr(basis)[0].T


_BASIS_NPS = _detrender(NPS_PX)


def _detrended(flat: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return flat - (flat @ basis.T) @ basis


def _radial(size: int) -> np.ndarray:
    """[bins, pixels]: mean over rings of one frequency bin, zero frequency left out, up to Nyquist (as evaluation.nps)."""
    f = np.fft.fftfreq(size) * size
    bins = np.rint(np.hypot(f[:, None], f[None, :])).astype(int).ravel()
    rings = np.stack([(bins == b).astype(np.float64) for b in range(1, size // 2 + 1)])
    return rings / rings.sum(axis=1, keepdims=True)


_RINGS = _radial(NPS_PX)


@dataclass
class NoiseRegions:
    """Noise of the same sites in input and output: regions [sites, pixels] without coarse anatomy, and the spectra of their detrended
    middles."""

    before: np.ndarray
    after: np.ndarray
    spectrum_before: np.ndarray
    spectrum_between: np.ndarray
    spectrum_after: np.ndarray
    spectrum_twin: np.ndarray | None

    @property
    def moments(self) -> np.ndarray:
        """[3, sites]: mean square of the input's noise, mean product of both, mean square of the output's, HU^2."""
        pairs = ((self.before, self.before), (self.before, self.after), (self.after, self.after))
        return np.stack([np.einsum("sp,sp->s", a, b) / a.shape[1] for a, b in pairs])

    @classmethod
    def measure(cls, stack: np.ndarray, output: np.ndarray, twin: np.ndarray | None, sites: list[Site]) -> NoiseRegions:
        stacks = [stack, output, *([twin] if twin is not None else [])]
        raw = [np.stack([region(s, site.at) for site in sites]).astype(np.float64) for s in stacks]
        flat = [without_anatomy(r) for r in raw[:2]]
        cut = slice(HALF - NPS_PX // 2, HALF + NPS_PX // 2)
        small = [_detrended(r[:, cut, cut].reshape(len(sites), -1), _BASIS_NPS).reshape(-1, NPS_PX, NPS_PX) for r in raw]
        f = [np.fft.fft2(s).reshape(len(sites), -1) for s in small]
        power = [np.abs(f[0]) ** 2, (f[0] * f[1].conj()).real, np.abs(f[1]) ** 2] + ([np.abs(f[2]) ** 2] if len(f) > 2 else [])
        rings = [p @ _RINGS.T for p in power]
        return cls(flat[0], flat[1], rings[0], rings[1], rings[2], rings[3] if len(rings) > 3 else None)

    def mean_frequency(self, strength: float, pick: np.ndarray) -> float:
        """Power-weighted mean frequency (TG-233), cycles per region."""
        power = blend(strength, *(p[pick].mean(axis=0) for p in (self.spectrum_before, self.spectrum_between, self.spectrum_after)))
        return _mean_frequency(power)

    def twin_mean_frequency(self, pick: np.ndarray) -> float:
        return np.nan if self.spectrum_twin is None else _mean_frequency(self.spectrum_twin[pick].mean(axis=0))


def _mean_frequency(power: np.ndarray) -> float:
    total = power.sum()
    return float((np.arange(1, len(power) + 1) * power).sum() / total) if total > 0 else np.nan


@dataclass
class Observed:
    """A lesion seen at several places in noise read at several sites. signal_in: [pixels], the lesion itself; signal_out: [places, pixels],
    half the difference between the outputs with it added and taken away; both in HU."""

    signal_in: np.ndarray
    signal_out: np.ndarray
    noise: NoiseRegions
    width_px: float

    def __post_init__(self) -> None:
        u = channels(self.width_px)
        self._v0, self._v1 = u @ self.signal_in, self.signal_out @ u.T
        self._c0, self._c1 = self.noise.before @ u.T, self.noise.after @ u.T
        # All products that an NPW template, a mix of these images, can need.
        images = np.vstack([self.signal_in[None], self.signal_out])
        self._gram, self._n0, self._n1 = images @ images.T, self.noise.before @ images.T, self.noise.after @ images.T

    def relative(self, strength: float, places: np.ndarray, sites: np.ndarray) -> tuple[float, float]:
        """d' over the input's d' at the same places: (NPW, CHO)."""
        weights = np.bincount(places + 1, minlength=len(self._gram)) * (strength / len(places))
        weights[0] = 1 - strength
        noise = blend_linear(strength, self._n0[sites] @ weights, self._n1[sites] @ weights)
        # The observer's answer to the lesion at each place: all differ by what the denoiser made of it there.
        answers = strength * (self._gram[1:] @ weights)[places]
        spread = np.sqrt(noise.var() + answers.var() / 2)
        reference = self._gram[0, 0] / _spread(self._n0[sites, 0])
        npw = (weights @ self._gram @ weights) / (spread or np.nan) / reference
        v = blend_linear(strength, self._v0, self._v1[places])
        cho = _hotelling(v, blend_linear(strength, self._c0[sites], self._c1[sites])) / _hotelling(self._v0[None], self._c0[sites])
        return float(npw), float(cho)


def _spread(values: np.ndarray) -> float:
    return float(values.std()) or np.nan


def _hotelling(signals: np.ndarray, noise: np.ndarray) -> float:
    """signals: [places, channels], noise: [sites, channels]. Half of the images have the lesion, and what the denoiser makes of it varies
    from place to place: that variation is noise to the observer."""
    covariance = np.cov(noise, rowvar=False)
    if len(signals) > 1:
        covariance = covariance + np.cov(signals, rowvar=False) / 2
    mean = signals.mean(axis=0)
    try:
        return float(np.sqrt(max(mean @ np.linalg.solve(covariance, mean), 0.0)))
    except np.linalg.LinAlgError:
        return np.nan
