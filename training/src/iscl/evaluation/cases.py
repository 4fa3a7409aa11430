"""Evaluation cases: a reference slice, the same slice at low dose, and what is known about both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..data import body_mask
from ..simulate import Kernel
from . import metrics, mtf
from .metrics import ABDOMEN, CHEST, Window
from .nps import Spectrum, noise_power_spectrum

ROI_PX = 32


class EvaluationError(ValueError):
    """The evaluation cannot run on what it was given; the message says what is missing and what to do."""


@dataclass(frozen=True)
class OwnNoise:
    """Low-dose noise with the slice's own kernel: `field` float32 [H, W] in HU at the fraction `dose` of the slice's exposure, and
    the kernel that made it, whose noise has the mean frequency that was measured in the slice."""

    kernel: Kernel
    field: np.ndarray
    dose: float = 0.25


@dataclass(frozen=True)
class EvalCase:
    """One slice. `reference` and `noisy` are float32 [H, W] in HU, `body` bool [H, W], `spacing` in mm. The noise of
    `noisy` has one of several kernels; `own` is noise of the slice's own, where it is known."""

    name: str
    patient: str
    kernel: str
    spacing: float
    reference: np.ndarray
    noisy: np.ndarray
    body: np.ndarray
    window: Window
    own: OwnNoise | None = None

    @cached_property
    def own_edge(self) -> mtf.Edge | None:
        """A disc as the slice's own kernel shows it."""
        return mtf.kernel_edge(self.own.kernel, self.spacing) if self.own else None

    @cached_property
    def rois(self) -> list[tuple[int, int]]:
        """Corners of the uniform ROI_PX squares for noise and NPS."""
        return metrics.uniform_rois(self.reference, self.body, ROI_PX)

    @cached_property
    def readable(self) -> np.ndarray:
        """bool [H, W]: fat to enhanced organs (-160 to 240 HU by the blurred reference), where the noise of pairs is calibrated."""
        smooth = ndimage.uniform_filter(self.reference.astype(np.float64), 5)
        return ndimage.binary_erosion(self.body, iterations=5) & (smooth > -160.0) & (smooth < 240.0)

    @cached_property
    def masks(self) -> dict[str, np.ndarray]:
        """Tissue masks of the reference."""
        return metrics.tissue_masks(self.reference, self.body)

    def spectrum(self, image: np.ndarray) -> Spectrum | None:
        """NPS of `image` in the uniform regions; None where the slice has none."""
        if not self.rois:
            return None
        squares = np.stack([image[r : r + ROI_PX, c : c + ROI_PX] for r, c in self.rois])
        return noise_power_spectrum(squares, self.spacing)

    @cached_property
    def input_figures(self) -> dict[str, float]:
        """The input's own figures, measured once for all denoisers."""
        return {
            "psnr_input": metrics.psnr(self.noisy, self.reference, self.window),
            "ssim_input": metrics.ssim(self.noisy, self.reference, self.window),
            "rmse_input": metrics.rmse(self.noisy, self.reference, self.body),
            "noise_input": metrics.noise_sd(self.noisy, self.rois, ROI_PX),
            "noise_reference": metrics.noise_sd(self.reference, self.rois, ROI_PX),
        }

    @cached_property
    def input_spectra(self) -> dict[str, Spectrum | None]:
        return {"input": self.spectrum(self.noisy), "reference": self.spectrum(self.reference)}

    def crop(self, size: int) -> EvalCase:
        """The same case cut to `size` pixels a side around the middle of the body."""
        part = middle_of(self.body, size)
        own = replace(self.own, field=self.own.field[part]) if self.own else None
        return replace(self, reference=self.reference[part], noisy=self.noisy[part], body=self.body[part], own=own)


def middle_of(body: np.ndarray, size: int) -> tuple[slice, slice]:
    """A square of `size` pixels around the median of `body` (of the image, where there is no body), inside the image."""
    rows, columns = np.nonzero(body if body.any() else np.ones_like(body))
    top = int(np.clip(np.median(rows) - size // 2, 0, max(0, body.shape[0] - size)))
    left = int(np.clip(np.median(columns) - size // 2, 0, max(0, body.shape[1] - size)))
    return slice(top, top + size), slice(left, left + size)


def choose_window(reference: np.ndarray, body: np.ndarray) -> Window:
    """Chest window where lung fills at least 8 % of the body's pixels, abdomen window otherwise."""
    inside = reference[body]
    if not inside.size:
        return ABDOMEN
    lung = np.mean((inside > -950) & (inside < -600))
    return CHEST if lung >= 0.08 else ABDOMEN


def _text(value: np.ndarray) -> str:
    return str(np.asarray(value).item() if np.asarray(value).size == 1 else value)


def load_cases(pairs: str | Path, split: str, maximum: int | None = None) -> list[EvalCase]:
    """Cases of one split from the simulator's pair cache (*.npz), patients taken in turn up to `maximum`.

    Each pair holds K noise fields of different kernels; the slices of a patient take them in rotation, so a
    run covers all kernels without denoising a slice twice. Raises EvaluationError when the folder holds no pair of the split.
    """
    by_patient: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(Path(pairs).glob("*.npz")):
        with np.load(path, allow_pickle=False) as pair:
            if _text(pair["split"]) == split:
                by_patient[_text(pair["patient"])].append(path)
    if not by_patient:
        raise EvaluationError(f"no pairs of split '{split}' in {pairs}: run `iscl simulate` first")
    # Rounds over the patients: the first of each, then the second of each, and so on.
    ordered = [
        (paths[turn], turn + rank)
        for turn in range(max(map(len, by_patient.values())))
        for rank, paths in enumerate(by_patient.values())
        if turn < len(paths)
    ]
    return [_load(path, turn) for path, turn in ordered[:maximum]]


def load_phantom_cases(folder: str | Path, dose: float = 0.25, maximum: int | None = None) -> list[EvalCase]:
    """Cases of the analytic phantom's test set (`iscl phantom --test-set`), evenly spaced along the body.

    The reference is the reconstruction without noise: exact, and of the same sharpness as the noisy scan. Raises
    EvaluationError when the folder holds no slice at `dose`.
    """
    paths = sorted(Path(folder).glob("slice-*.npz"))
    if maximum is not None and len(paths) > maximum:
        paths = [paths[k] for k in np.linspace(0, len(paths) - 1, maximum).round().astype(int)]
    cases = []
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            found = np.flatnonzero(np.isclose(data["doses"], dose))
            if not len(found):
                continue
            reference = data["noiseless"].astype(np.float32)
            body = body_mask(reference)
            noisy = data["noisy"][found[0]].astype(np.float32)
            spacing = float(data["spacing"])
        window = choose_window(reference, body)
        cases.append(EvalCase(path.stem, "phantom", "phantom", spacing, reference, noisy, body, window))
    if not cases:
        raise EvaluationError(f"{folder} holds no phantom slice at dose {dose:g}: run `iscl phantom --test-set` first")
    return cases


def _load(path: Path, turn: int) -> EvalCase:
    with np.load(path, allow_pickle=False) as pair:
        noise, cutoff = pair["noise"], np.ravel(pair["cutoff"])
        field = noise[turn % len(noise)].astype(np.float32)
        # Field 0 of a pair is the own kernel's; `matched_kernel` makes it a hann window.
        own = OwnNoise(Kernel("hann", float(cutoff[0])), noise[0].astype(np.float32), float(pair["dose"]) if "dose" in pair else 0.25)
        reference = pair["hu"].astype(np.float32)
        body = pair["body"].astype(bool)
        spacing = float(np.ravel(pair["spacing"])[0])
        return EvalCase(
            name=path.stem,
            patient=_text(pair["patient"]),
            kernel=f"{_text(pair['kernel'])}, cut-off {float(cutoff[turn % len(noise)]):.2f}",
            spacing=spacing,
            reference=reference,
            noisy=reference + field,
            body=body,
            window=choose_window(reference, body),
            own=own,
        )
