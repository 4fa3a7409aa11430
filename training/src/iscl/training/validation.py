"""Quick figures on validation slices, to watch a run and to choose between checkpoints. The full table is `iscl evaluate`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..data import detrend, flattest_apart
from .pairs import PairSlice

WINDOW = (-160.0, 240.0)
"""W400 L40."""
ROI = 32


@dataclass(frozen=True)
class ValidationCase:
    """One validation slice with one simulated noise map; float32 [H, W] in HU."""

    noisy: np.ndarray
    clean: np.ndarray
    body: np.ndarray
    rois: list[tuple[int, int]]


def cases(pairs: list[PairSlice], limit: int = 12, amplitude: float = 1.0, kernel: int | None = None) -> list[ValidationCase]:
    """At most `limit` slices, spread over the pairs; each takes the next kernel in turn, or `kernel`."""
    chosen = [pairs[i] for i in np.linspace(0, len(pairs) - 1, min(limit, len(pairs))).astype(int)]
    made = []
    for turn, pair in enumerate(chosen):
        clean = pair.hu.astype(np.float32)
        index = turn % len(pair.noise) if kernel is None else kernel
        noise = pair.noise[index].astype(np.float32) * amplitude
        made.append(ValidationCase(clean + noise, clean, pair.body, soft_tissue_squares(clean, pair.body)))
    return made


def soft_tissue_squares(hu: np.ndarray, body: np.ndarray, count: int = 6) -> list[tuple[int, int]]:
    """The `count` most uniform 32x32 squares of soft tissue (-60 to 160 HU), top-left corners, not overlapping."""
    found = []
    for row in range(0, hu.shape[0] - ROI, ROI // 2):
        for column in range(0, hu.shape[1] - ROI, ROI // 2):
            square = hu[row : row + ROI, column : column + ROI]
            if body[row : row + ROI, column : column + ROI].all() and -60 < square.mean() < 160:
                found.append((float(detrend(square).std()), row, column))
    return flattest_apart(found, ROI, count)


def mean_frequency(squares: list[np.ndarray]) -> float:
    """Mean frequency of the radial noise power spectrum, in cycles per pixel."""
    power = np.sum([np.abs(np.fft.fft2(detrend(square))) ** 2 for square in squares], axis=0)
    axis = np.fft.fftfreq(ROI)
    frequency = np.hypot(axis[:, None], axis[None, :])
    rings = np.round(frequency * ROI).astype(int)
    keep = rings <= ROI // 2
    radial = np.bincount(rings[keep], power[keep]) / np.bincount(rings[keep])
    centres = np.arange(radial.size) / ROI
    return float((radial * centres).sum() / radial.sum())


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    """PSNR in dB after clipping both to W400 L40; infinity for identical images."""
    low, high = WINDOW
    error = np.mean(np.square(np.clip(image, low, high) - np.clip(reference, low, high), dtype=np.float64))
    return float(10 * np.log10((high - low) ** 2 / error)) if error else float("inf")


def denoise(net: nn.Module, hu: np.ndarray) -> np.ndarray:
    """One slice, float32 [H, W] HU to the same."""
    with torch.no_grad():
        return net(torch.from_numpy(np.ascontiguousarray(hu, dtype=np.float32))[None, None])[0, 0].numpy()


def figures(case: ValidationCase, output: np.ndarray) -> dict[str, float]:
    """gain_db (PSNR), noise_cut (SD in uniform soft tissue), bias_hu (in the body), nps_ratio (mean frequency relative
    to the input's), removed_sd_hu (the health sign of H), for one output in HU. NaN where a slice has no uniform region."""
    before = [case.noisy[r : r + ROI, c : c + ROI] for r, c in case.rois]
    after = [output[r : r + ROI, c : c + ROI] for r, c in case.rois]
    return {
        "gain_db": psnr(output, case.clean) - psnr(case.noisy, case.clean),
        "noise_cut": 1 - _spread(after) / _spread(before) if case.rois else float("nan"),
        "bias_hu": float((output - case.noisy)[case.body].mean()),
        "nps_ratio": mean_frequency(after) / mean_frequency(before) if case.rois else float("nan"),
        "removed_sd_hu": float((output - case.noisy)[case.body].std()),
    }


def _spread(squares: list[np.ndarray]) -> float:
    return float(np.mean([detrend(square).std() for square in squares]))


def validate(net: nn.Module, chosen: list[ValidationCase]) -> dict[str, float]:
    """Means of `figures` over the cases."""
    training = net.training
    net.eval()
    each = [figures(case, denoise(net, case.noisy)) for case in chosen]
    net.train(training)
    means = {}
    for key in each[0]:
        known = [one[key] for one in each if not np.isnan(one[key])]
        means[key] = float(np.mean(known)) if known else float("nan")
    return means
