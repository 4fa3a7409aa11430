"""Image metrics in Hounsfield units (HU): windowed PSNR/SSIM, RMSE, tissue bias, noise magnitude.

All images are float arrays [H, W] in HU. PSNR and SSIM follow ldct-benchmark (Eulig et al., Med Phys
2024): clip to the display window, scale to [0, 1], then measure. Inputs are HU from start to end, so the
denormalisation offset of that benchmark (adding the standard deviation instead of the mean) cannot occur.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.metrics import structural_similarity

from ..data.tissue import detrend, flattest_apart


@dataclass(frozen=True)
class Window:
    """A display window; `center` and `width` as DICOM WindowCenter and WindowWidth, in HU."""

    name: str
    center: float
    width: float

    def scale(self, hu: np.ndarray) -> np.ndarray:
        """Map HU to [0, 1], clipped at the window's ends."""
        low = self.center - self.width / 2
        return np.clip((np.asarray(hu, np.float64) - low) / self.width, 0.0, 1.0)


CHEST = Window("chest", -600.0, 1500.0)
ABDOMEN = Window("abdomen", 50.0, 400.0)

# HU ranges of a smoothed reference. "liver" is contrast-enhanced parenchyma by its range, not a segmentation.
TISSUES: dict[str, tuple[float, float]] = {
    "air": (-1100.0, -960.0),
    "lung": (-930.0, -650.0),
    "fat": (-130.0, -70.0),
    "soft": (0.0, 70.0),
    "liver": (80.0, 140.0),
    "bone": (250.0, 1500.0),
}


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the finite values, nan when there are none."""
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else float("nan")


def _same_shape(image: np.ndarray, reference: np.ndarray) -> None:
    if image.shape != reference.shape:
        raise ValueError(f"image {image.shape} and reference {reference.shape} differ in shape")


def psnr(image: np.ndarray, reference: np.ndarray, window: Window) -> float:
    """Peak signal-to-noise ratio in dB on the window scaled to [0, 1]; infinity for identical images."""
    _same_shape(image, reference)
    mse = float(np.mean((window.scale(image) - window.scale(reference)) ** 2))
    return float("inf") if mse == 0.0 else -10.0 * float(np.log10(mse))


def ssim(image: np.ndarray, reference: np.ndarray, window: Window) -> float:
    """Structural similarity (7x7 uniform window, data range 1) on the window scaled to [0, 1]."""
    _same_shape(image, reference)
    return float(structural_similarity(window.scale(reference), window.scale(image), data_range=1.0))


def rmse(image: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Root mean square error in HU over `mask` (bool [H, W]; the whole slice without one)."""
    _same_shape(image, reference)
    error = np.asarray(image, np.float64) - reference
    if mask is not None:
        if not mask.any():
            raise ValueError("the mask is empty")
        error = error[mask]
    return float(np.sqrt(np.mean(error**2)))


# Erosion per tissue, pixels. Parenchyma is large; soft tissue in the liver's range at its rim is noise, not liver.
_EROSION_PX = {"air": 3, "lung": 3, "fat": 3, "soft": 4, "liver": 6, "bone": 3}


def tissue_masks(
    reference: np.ndarray, body: np.ndarray | None = None, smooth_px: float = 2.0
) -> dict[str, np.ndarray]:
    """Masks bool [H, W] per tissue: smoothed reference within the tissue's HU range, eroded.

    Erosion keeps partial-volume edges out, so that a bias is a shift of HU and not a change of sharpness.
    Air is looked for outside `body`, all other tissues inside it.
    """
    smooth = ndimage.gaussian_filter(np.asarray(reference, np.float32), smooth_px)
    masks = {}
    for name, (low, high) in TISSUES.items():
        mask = (smooth >= low) & (smooth <= high)
        if body is not None:
            mask &= ~body if name == "air" else body
        masks[name] = ndimage.binary_erosion(mask, iterations=_EROSION_PX[name])
    return masks


def tissue_bias(
    image: np.ndarray, reference: np.ndarray, masks: dict[str, np.ndarray], minimum_px: int = 150
) -> dict[str, tuple[float, int]]:
    """Mean of (image - reference) in HU and pixel count per tissue; tissues under `minimum_px` are left out.

    With the denoiser's own input as `reference` this is the shift that the denoiser causes: noise of zero mean is in
    both, so the sampling error of a small tissue cancels.
    """
    _same_shape(image, reference)
    error = np.asarray(image, np.float64) - reference
    return {
        name: (float(error[mask].mean()), int(mask.sum())) for name, mask in masks.items() if mask.sum() >= minimum_px
    }


def pooled_bias(found: list[dict[str, tuple[float, int]]]) -> dict[str, float]:
    """Bias per tissue over several slices' `tissue_bias`, weighted by pixels."""
    pooled = {}
    for tissue in TISSUES:
        parts = [slice_bias[tissue] for slice_bias in found if tissue in slice_bias]
        if parts:
            pooled[tissue] = float(sum(bias * px for bias, px in parts) / sum(px for _, px in parts))
    return pooled


def uniform_rois(
    reference: np.ndarray,
    body: np.ndarray | None = None,
    size: int = 32,
    count: int = 6,
    hu_range: tuple[float, float] = (-150.0, 200.0),
    maximum_structure: float = 8.0,
) -> list[tuple[int, int]]:
    """Top-left corners of up to `count` non-overlapping square regions without visible structure.

    Structure is the standard deviation of the strongly smoothed reference within the region, in HU; regions
    above `maximum_structure` are refused, the flattest come first.
    """
    smooth = ndimage.gaussian_filter(np.asarray(reference, np.float32), 3.0)
    candidates = []
    step = size // 4
    for row in range(0, reference.shape[0] - size + 1, step):
        for column in range(0, reference.shape[1] - size + 1, step):
            region = (slice(row, row + size), slice(column, column + size))
            patch = smooth[region]
            if body is not None and not body[region].all():
                continue
            if patch.min() < hu_range[0] or patch.max() > hu_range[1]:
                continue
            structure = float(patch.std())
            if structure <= maximum_structure:
                candidates.append((structure, row, column))
    return flattest_apart(candidates, size, count)


def noise_sd(image: np.ndarray, rois: list[tuple[int, int]], size: int = 32) -> float:
    """Noise magnitude in HU: median over `rois` of the detrended standard deviation; nan without regions."""
    values = [detrend(image[r : r + size, c : c + size]).std() for r, c in rois]
    return float(np.median(values)) if values else float("nan")


def anatomy_error(
    output: np.ndarray, reference: np.ndarray, noise: np.ndarray, dose: float, mask: np.ndarray
) -> tuple[float, float]:
    """(of the input, of the output): mean square error in HU^2 against the anatomy that a noisy reference shows, over `mask`; the input is
    reference + noise.

    The reference is anatomy + r, and `noise` n is what the fraction `dose` of its exposure adds: Var(n) = Var(r) (1 - dose) / dose, same
    kernel. Then r - k n, k = dose / (1 - dose), is uncorrelated with r + n, so the error against reference - k n is that against the
    anatomy plus Var(r - k n) = k (1 + k) Var(n), which is taken off (Recorrupted-to-Recorrupted, Pang et al., CVPR 2021). A plain error against
    the reference counts r, which a denoiser should take out, as detail. `output` has to be a function of the input alone. Near zero error the
    estimate may be negative.
    """
    k = dose / (1.0 - dose)
    noise = np.asarray(noise, np.float64)
    variance = float(np.mean(noise[mask] ** 2))
    error = float(np.mean((np.asarray(output, np.float64) - (reference - k * noise))[mask] ** 2))
    return (1.0 + k) * variance, error - k * (1.0 + k) * variance
