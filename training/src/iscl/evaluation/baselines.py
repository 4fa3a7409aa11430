"""Classical denoisers of the comparison: bilateral filter, non-local means, BM3D, total variation.

Each takes float32 [H, W] in HU and returns the same. Their one strength is a multiple of the slice's noise,
measured on the slice itself, as they would have to be used on a scan without a reference. The multiples were
chosen on the validation patients by PSNR (`iscl evaluate --tune-baselines`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np

from ..data import body_mask, local_sd, measure_noise, modal_sd
from .cases import EvaluationError

Denoise = Callable[[np.ndarray], np.ndarray]

# What `iscl evaluate --tune-baselines` chose on the validation split; STRENGTHS is the grid it searched.
CHOSEN = {"bilateral": 1.0, "nlm": 0.6, "bm3d": 1.2, "tv": 0.7}
STRENGTHS = {
    "bilateral": (0.5, 0.75, 1.0, 1.5),
    "nlm": (0.4, 0.5, 0.6, 0.8),
    "bm3d": (1.0, 1.2, 1.6, 2.0),
    "tv": (0.35, 0.5, 0.7, 1.0),
}
NAMES = {"bilateral": "Bilateral", "nlm": "NLM", "bm3d": "BM3D", "tv": "TV"}
_FLOOR_HU = 1.0


def estimate_noise(hu: np.ndarray) -> float:
    """Noise of a slice in HU: modal local SD in its soft tissue, or in all of it where it shows no body."""
    measured = measure_noise(hu, body_mask(hu))
    if not np.isfinite(measured):
        measured = modal_sd(local_sd(hu))
    return max(float(measured), _FLOOR_HU) if np.isfinite(measured) else _FLOOR_HU


def bilateral(hu: np.ndarray, strength: float = CHOSEN["bilateral"], spatial_sigma_px: float = 1.5) -> np.ndarray:
    """Bilateral filter (scikit-image), range sigma `strength` x noise."""
    from skimage.restoration import denoise_bilateral

    low = float(hu.min())
    # scikit-image wants non-negative values; its range weights are tabulated in `bins` steps over the data range.
    result = denoise_bilateral(
        (hu - low).astype(np.float32), win_size=9, sigma_color=strength * estimate_noise(hu),
        sigma_spatial=spatial_sigma_px, bins=4000, mode="symmetric",
    )
    return (result + low).astype(np.float32)


def nlm(hu: np.ndarray, strength: float = CHOSEN["nlm"]) -> np.ndarray:
    """Non-local means (scikit-image, 5x5 patches, 15x15 search), h = `strength` x noise."""
    from skimage.restoration import denoise_nl_means

    noise = estimate_noise(hu)
    return denoise_nl_means(
        hu.astype(np.float32), patch_size=5, patch_distance=7, h=strength * noise, sigma=noise, fast_mode=True
    ).astype(np.float32)


def bm3d(hu: np.ndarray, strength: float = CHOSEN["bm3d"]) -> np.ndarray:
    """BM3D (the authors' package, licensed for non-commercial use), noise SD `strength` x the measured one."""
    from bm3d import bm3d as denoise_bm3d

    return denoise_bm3d(hu.astype(np.float64), sigma_psd=strength * estimate_noise(hu)).astype(np.float32)


def tv(hu: np.ndarray, strength: float = CHOSEN["tv"]) -> np.ndarray:
    """Total variation (Chambolle, scikit-image), weight = `strength` x noise."""
    from skimage.restoration import denoise_tv_chambolle

    # The solver stops by a relative change of its energy; in HU it converges alike for all noise levels.
    return denoise_tv_chambolle(hu.astype(np.float64), weight=strength * estimate_noise(hu), max_num_iter=100).astype(
        np.float32
    )


_FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {"bilateral": bilateral, "nlm": nlm, "bm3d": bm3d, "tv": tv}
_PACKAGES = {"bilateral": "skimage", "nlm": "skimage", "bm3d": "bm3d", "tv": "skimage"}


def missing_package(name: str) -> str | None:
    """The package a baseline lacks here, or None when it can run."""
    package = _PACKAGES[name]
    return None if importlib.util.find_spec(package) else package


def baseline(name: str, strength: float | None = None) -> Denoise:
    """The baseline `name` at `strength` (the chosen one without). Raises EvaluationError for an unknown name."""
    if name not in _FUNCTIONS:
        raise EvaluationError(f"no baseline is called '{name}'; there are {', '.join(_FUNCTIONS)}")
    value = CHOSEN[name] if strength is None else strength
    function = _FUNCTIONS[name]
    return lambda hu: function(hu, value)
