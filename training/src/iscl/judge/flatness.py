"""Evenness: how differently a denoiser treats the noise of the same flat anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .material import Material, gradient

FINE_SIGMA_PX = 3.0
WINDOW_PX = 15
KEPT_SHARE = 0.6
_STEP = 3


def high_pass(stack: np.ndarray) -> np.ndarray:
    """Stack less its Gaussian blur of 3 pixels in the plane."""
    return stack - ndimage.gaussian_filter(stack, (0, FINE_SIGMA_PX, FINE_SIGMA_PX), truncate=3.0)


def _local_mean(stack: np.ndarray) -> np.ndarray:
    return ndimage.uniform_filter(stack, (0, WINDOW_PX, WINDOW_PX))[:, ::_STEP, ::_STEP]


def flat_area(material: Material) -> np.ndarray:
    """bool [N, H / 3, W / 3] (every third pixel): 0 to 150 HU in the mean of seven slices blurred by 4 pixels, gradient under 6 HU a pixel,
    in the body."""
    guide = material.guide(7)
    flat = (guide > 0) & (guide < 150) & (gradient(guide) < 6.0)
    inside = ndimage.binary_erosion(material.body, np.ones((1, 3, 3)), iterations=4)
    flat &= inside
    edge = WINDOW_PX // 2 + 1
    flat[:, :edge] = flat[:, -edge:] = flat[:, :, :edge] = flat[:, :, -edge:] = False
    return np.ascontiguousarray(flat[:, ::_STEP, ::_STEP])


@dataclass
class LocalNoise:
    """Fine part of a stack, and its local variance (every third pixel), HU^2."""

    fine: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, stack: np.ndarray) -> LocalNoise:
        fine = high_pass(stack)
        mean = _local_mean(fine)
        return cls(fine, mean, np.maximum(_local_mean(fine * fine) - mean * mean, 0.0))

    def covariance(self, other: LocalNoise) -> np.ndarray:
        return _local_mean(self.fine * other.fine) - self.mean * other.mean


@dataclass
class NoiseKept:
    """Per slice the local variances over the flat area: of the input, of the output, and between the two."""

    before: list[np.ndarray]
    after: list[np.ndarray]
    between: list[np.ndarray]

    @classmethod
    def measure(cls, before: LocalNoise, output: np.ndarray, flat: np.ndarray) -> NoiseKept:
        after = LocalNoise.of(output)
        maps = (before.variance, after.variance, before.covariance(after))
        return cls(*([m[mask] for m, mask in zip(stack, flat, strict=True)] for stack in maps))

    def figures(self, strength: float, pick: np.ndarray | None = None) -> dict[str, float]:
        """Of the noise kept (SD of output over input) over the flat area at a plain strength: p90/p10, median, and the share of the area
        that keeps over 60 %. pick: slices, with repeats for a bootstrap."""
        chosen = np.arange(len(self.before)) if pick is None else pick
        v0, v1, c = (np.concatenate([part[i] for i in chosen]) for part in (self.before, self.after, self.between))
        if v0.size < 50:
            return {"evenness": np.nan, "kept_median": np.nan, "kept_area": np.nan}
        kept = np.sqrt(np.maximum(blend(strength, v0, c, v1), 0.0) / np.maximum(v0, 1e-6))
        low, middle, high = np.percentile(kept, [10, 50, 90])
        return {
            "evenness": float(high / low) if low > 0 else np.inf,
            "kept_median": float(middle),
            "kept_area": float((kept > KEPT_SHARE).mean()),
        }


def blend(strength: float | np.ndarray, before, between, after):
    """Second moment of (1 - s) input + s output."""
    return (1 - strength) ** 2 * before + 2 * strength * (1 - strength) * between + strength**2 * after


def blend_linear(strength: float, before, after):
    """(1 - s) input + s output."""
    return (1 - strength) * before + strength * after
