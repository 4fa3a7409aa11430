"""Real scans without a reference: what can be said about a denoiser from its input and output alone.

Four tests: real low dose (ACRIN-001), a noisy 1 mm chest (LIDC-IDRI-0314), and the two patients of Lung-PET-CT-Dx of
whom the same scan exists with a sharp and with a smooth kernel: the sharp one is denoised, and the smooth one, which was
never shown, says where HU and structure should be. Lung_Dx-A0001 is a patient of the validation split: its smooth series had a part
in choosing models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..data import CtSlice, body_mask, read_series
from . import metrics
from .cases import ROI_PX, EvaluationError, middle_of
from .nps import noise_power_spectrum

Denoise = Callable[[np.ndarray], np.ndarray]

# (folder of the shared data, title, folder of the same scan with a smooth kernel)
SERIES: tuple[tuple[str, str, str | None], ...] = (
    ("ct/ACRIN-001_PETCT_abdomen_lowdose", "ACRIN-001, real low dose, 80 mA", None),
    ("ct/LIDC-IDRI-0314_chest_1mm_noisy", "LIDC-IDRI-0314, 1 mm chest", None),
    ("ct/Lung_Dx-A0001_L_5mm", "Lung_Dx-A0001 (validation patient), sharp kernel L", "ct/Lung_Dx-A0001_B_5mm"),
    ("ct/Lung_Dx-A0002_B70f_8mm", "Lung_Dx-A0002, sharp kernel B70f", "ct/Lung_Dx-A0002_B40f_8mm"),
)
EDGE_HU_PER_PX = 60.0
# Scale at which a sharp and a smooth kernel show the same HU.
COMMON_SIGMA_PX = 4.0


@dataclass(frozen=True)
class RealSlice:
    """A slice as it was scanned, float32 [H, W] in HU; `smooth` is the same slice with a smooth kernel, if there is one."""

    title: str
    spacing: float
    hu: np.ndarray
    smooth: np.ndarray | None = None

    @cached_property
    def body(self) -> np.ndarray:
        return body_mask(self.hu)

    @cached_property
    def guide(self) -> np.ndarray:
        """What regions and tissues are chosen on: the smooth kernel's slice, or a blur of this one."""
        return self.smooth if self.smooth is not None else ndimage.gaussian_filter(self.hu, 1.5)

    @cached_property
    def rois(self) -> list[tuple[int, int]]:
        return metrics.uniform_rois(self.guide, self.body, ROI_PX)

    @cached_property
    def masks(self) -> dict[str, np.ndarray]:
        return metrics.tissue_masks(self.guide, self.body)

    def crop(self, size: int) -> RealSlice:
        """The same slice cut to `size` pixels a side around the middle of the body."""
        part = middle_of(self.body, size)
        return replace(self, hu=self.hu[part], smooth=None if self.smooth is None else self.smooth[part])


def load_real(root: str | Path, slices: int = 4, series: Sequence[tuple[str, str, str | None]] = SERIES) -> list[RealSlice]:
    """Evenly spaced slices of each real series under the shared data folder; series that are absent are left out."""
    found = []
    for folder, title, smooth_folder in series:
        if not (Path(root) / folder).is_dir():
            continue
        items = read_series(Path(root) / folder).slices
        smooth = read_series(Path(root) / smooth_folder).slices if smooth_folder else []
        pairs = [(item, _same_place(item, smooth)) for item in items]
        if smooth:
            pairs = [pair for pair in pairs if pair[1] is not None]
        if not pairs:
            raise EvaluationError(f"{folder} and {smooth_folder} share no slice position")
        # The ends of a series are often shoulders or air.
        picks = np.linspace(0.15, 0.85, slices) * (len(pairs) - 1)
        for pick in dict.fromkeys(picks.round().astype(int)):
            item, match = pairs[pick]
            found.append(RealSlice(title, item.spacing[0], item.hu, match.hu if match else None))
    return found


def _same_place(item: CtSlice, others: Sequence[CtSlice]) -> CtSlice | None:
    near = [o for o in others if abs(o.position - item.position) < 0.1 and o.spacing == item.spacing]
    return near[0] if near and near[0].hu.shape == item.hu.shape else None


def edge_ratio(output: np.ndarray, source: np.ndarray, sigma_px: float = 1.0) -> float:
    """Strength of the source's strong edges in the output, 1 when kept; nan without strong edges.

    Gradients at `sigma_px` are projected on the source's gradient at twice that scale, over the pixels where the
    latter exceeds EDGE_HU_PER_PX: noise has no part in the sum, a blur lowers it.
    """

    def gradient(image: np.ndarray, sigma: float) -> np.ndarray:
        return np.stack([ndimage.gaussian_filter(image, sigma, order=order) for order in ((1, 0), (0, 1))])

    guide = gradient(source, 2 * sigma_px)
    strong = np.hypot(*guide) > EDGE_HU_PER_PX
    if strong.sum() < 50:
        return float("nan")
    direction = guide[:, strong]
    kept = (gradient(output, sigma_px)[:, strong] * direction).sum()
    return float(kept / (gradient(source, sigma_px)[:, strong] * direction).sum())


def assess_slice(output: np.ndarray, item: RealSlice) -> dict:
    """Figures of one real slice; see `assess`."""
    if output.shape != item.hu.shape or not np.isfinite(output).all():
        raise EvaluationError(f"the denoiser's output for {item.title} has NaN or the wrong shape")
    before = metrics.noise_sd(item.hu, item.rois, ROI_PX)
    figures = {
        "noise_input": before,
        "noise": metrics.noise_sd(output, item.rois, ROI_PX),
        "bias": metrics.tissue_bias(output, item.hu, item.masks),
        "edge": edge_ratio(output, item.hu),
    }
    if item.rois:

        def mean_frequency(image: np.ndarray) -> float:
            squares = np.stack([image[r : r + ROI_PX, c : c + ROI_PX] for r, c in item.rois])
            return noise_power_spectrum(squares, item.spacing).mean_frequency

        figures["nps_ratio"] = mean_frequency(output) / mean_frequency(item.hu)
    if item.smooth is not None:
        coarse = [ndimage.gaussian_filter(image, COMMON_SIGMA_PX) for image in (output, item.hu, item.smooth)]
        inside = ndimage.binary_erosion(item.body, iterations=8)
        figures["coarse_rmse"] = metrics.rmse(coarse[0], coarse[2], inside)
        figures["coarse_rmse_input"] = metrics.rmse(coarse[1], coarse[2], inside)
        figures["noise_smooth"] = metrics.noise_sd(item.smooth, item.rois, ROI_PX)
    return figures


def assess(denoise: Denoise, slices: Sequence[RealSlice]) -> dict[str, dict]:
    """Per series title: means of noise_input and noise (HU), noise_cut, nps_ratio, edge (1 = kept), bias {tissue: HU} and, where
    the smooth kernel exists, coarse_rmse with _input (HU to the smooth kernel's slice after a 4 px blur) and noise_smooth."""
    rows: dict[str, list[dict]] = {}
    for item in slices:
        rows.setdefault(item.title, []).append(assess_slice(np.asarray(denoise(item.hu), np.float32), item))
    return {title: _summary(found) for title, found in rows.items()}


def _summary(rows: list[dict]) -> dict:
    names = sorted({name for row in rows for name in row} - {"bias"})
    result: dict = {name: metrics.finite_mean([row.get(name, np.nan) for row in rows]) for name in names}
    result["noise_cut"] = 1 - result["noise"] / result["noise_input"]
    result["bias"] = metrics.pooled_bias([row["bias"] for row in rows])
    result["slices"] = len(rows)
    return result
