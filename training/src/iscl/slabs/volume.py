"""A contiguous run of slices, and what its own noise is like: spectrum, correlation along z, local standard deviation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..data.dicom import check_one_series, iter_slices
from ..data.errors import DataError
from ..data.tissue import measure_noise
from .spectrum import FIELD, amplitude_of_spectrum

WINDOW = 32
"""Side of the squares in which noise is measured, pixels."""

SPACING_TOLERANCE = 0.02
"""Share by which the distance of two slices may differ from the run's."""

LEAST_SIDE = 160
"""A run is cut to the body, but never below this many pixels a side."""


class VolumeError(DataError):
    """The folder holds no run of slices to train with; the message says why."""


@dataclass(frozen=True)
class Volume:
    """hu: int16 [Z, H, W] in HU, cut to the body; slice 0 is the first along the normal. pixel_mm, gap_mm: distance of pixels and of
    slices (gap_mm 0 for a single slice). noise_sd: the modal standard deviation of soft tissue in HU. spectrum: float32
    [32, 32], noise power with its zero frequency first, mean 1. correlation: of the noise of neighbouring slices.
    local_sd: float16 [Z, H/8, W/8], the noise where it is, in HU. `body`: bool of the same shape."""

    name: str
    patient: str
    kernel: str
    hu: np.ndarray
    pixel_mm: float
    gap_mm: float
    noise_sd: float
    spectrum: np.ndarray
    correlation: float
    local_sd: np.ndarray
    body: np.ndarray


def read_volume(folder: Path, most: int = 0, mixed: bool = False) -> Volume:
    """The longest run of uniformly spaced slices in a folder, or the middle `most` of them (0: all). Raises MixedSeriesError when the folder
    holds several series and not `mixed`, which takes the first of them; raises VolumeError when there is no CT slice of at least 160 pixels."""
    slices = sorted(iter_slices(folder, []), key=lambda s: s.position)
    if not slices:
        raise VolumeError("no usable CT slice", folder)
    if not mixed:
        check_one_series(slices, folder)
    first = slices[0]
    slices = [s for s in slices if s.hu.shape == first.hu.shape and s.series_uid == first.series_uid]
    run = _longest_run([s.position for s in slices])
    chosen = slices[run]
    if most and len(chosen) > most:
        first_kept = (len(chosen) - most) // 2
        chosen = chosen[first_kept : first_kept + most]
    hu = np.stack([s.hu for s in chosen])
    hu = hu[:, *_body_box(hu)]
    if min(hu.shape[1:]) < LEAST_SIDE:
        raise VolumeError(f"slices of {hu.shape[1]} x {hu.shape[2]} pixels are too small to train with", folder)
    noise_sd = float(np.nanmedian([measure_noise(one) for one in hu[:: max(1, len(hu) // 6)]]))
    if not np.isfinite(noise_sd):
        raise VolumeError("there is no soft tissue to measure the noise in", folder)
    spectrum, correlation = measure_spectrum(hu, noise_sd)
    spectrum, local_sd = calibrate(hu, spectrum, local_noise(hu, noise_sd, spectrum, correlation))
    gap = abs(chosen[1].position - chosen[0].position) if len(chosen) > 1 else 0.0
    return Volume(
        name=folder.name, patient=first.patient, kernel=first.kernel, hu=np.rint(hu).astype(np.int16), pixel_mm=first.spacing[0],
        gap_mm=gap, noise_sd=noise_sd, spectrum=spectrum, correlation=correlation,
        local_sd=local_sd, body=_coarse_body(hu),
    )


def _longest_run(positions: list[float]) -> slice:
    best, start = slice(0, 1), 0
    for end in range(2, len(positions) + 1):
        gap = positions[start + 1] - positions[start]
        step = positions[end - 1] - positions[end - 2]
        if gap <= 0 or abs(step - gap) > SPACING_TOLERANCE * gap:
            start = end - 2 if step > 0 and end - start > 2 else end - 1
        if end - start > best.stop - best.start:
            best = slice(start, end)
    return best


def _body_box(hu: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns around the body in any slice, multiples of 8 long."""
    mask = ndimage.binary_opening((hu > -500.0).any(axis=0), iterations=4)
    if not mask.any():
        mask[:] = True
    box = []
    for axis in (0, 1):
        inside = np.flatnonzero(mask.any(axis=1 - axis))
        low, high = max(0, int(inside[0]) - 8), min(mask.shape[axis], int(inside[-1]) + 9)
        high = min(mask.shape[axis], max(high, low + LEAST_SIDE))
        low = max(0, min(low, high - LEAST_SIDE))
        box.append(slice(low, low + (high - low) // 8 * 8))
    return box[0], box[1]


def _coarse_body(hu: np.ndarray) -> np.ndarray:
    """bool [Z, H/8, W/8]: within the body or close to it, lungs included."""
    smooth = ndimage.uniform_filter(hu, (0, 32, 32))[:, 4::8, 4::8]
    return smooth > -930.0


def measure_spectrum(hu: np.ndarray, noise_sd: float) -> tuple[np.ndarray, float]:
    """(power spectrum [32, 32] of mean 1, correlation of neighbouring slices) of the noise in flat soft tissue.

    Squares of 32 x 32 pixels in steps of 16, their quadratic trend taken away; a square counts as flat while its standard deviation is
    at most 1.25 times the modal one. The lowest frequencies, which the trend takes with it, get 0.8 of the mean of the next ones.
    """
    rows, columns = np.meshgrid(np.linspace(-1, 1, WINDOW), np.linspace(-1, 1, WINDOW), indexing="ij")
    basis = np.stack([np.ones_like(rows), rows, columns, rows**2, rows * columns, columns**2]).reshape(6, -1)
    basis = np.linalg.qr(basis.T)[0]
    taper = np.hanning(WINDOW + 2)[1:-1]
    taper = np.outer(taper, taper)
    power, pairs, count = np.zeros((WINDOW, WINDOW)), [], 0
    limit = 1.25 * noise_sd
    for _ in range(4):
        for top in range(0, hu.shape[1] - WINDOW + 1, WINDOW // 2):
            for left in range(0, hu.shape[2] - WINDOW + 1, WINDOW // 2):
                flat = hu[:, top : top + WINDOW, left : left + WINDOW].reshape(len(hu), -1)
                mean = flat.mean(axis=1)
                if not ((mean > -150) & (mean < 250)).any():
                    continue
                rest = flat - (flat @ basis) @ basis.T
                sd = rest.std(axis=1)
                good = (mean > -150) & (mean < 250) & (sd < limit) & (sd > 0.3 * noise_sd)
                for index in np.flatnonzero(good):
                    power += np.abs(np.fft.fft2(rest[index].reshape(WINDOW, WINDOW) * taper)) ** 2
                    count += 1
                for index in np.flatnonzero(good[1:] & good[:-1]):
                    pairs.append(float((rest[index] * rest[index + 1]).mean() / (sd[index] * sd[index + 1])))
        if count >= 20:
            break
        limit *= 1.25
    if count == 0:
        power[:] = 1.0
    distance = np.maximum(*np.meshgrid(*[np.abs(np.fft.fftfreq(WINDOW) * WINDOW)] * 2, indexing="ij"))
    power[distance <= 1] = 0.8 * power[distance == 2].mean()
    return (power / power.mean()).astype(np.float32), float(np.clip(np.median(pairs), 0.0, 0.7)) if pairs else 0.0


def local_noise(hu: np.ndarray, noise_sd: float, spectrum: np.ndarray, correlation: float) -> np.ndarray:
    """float16 [Z, H/8, W/8]: the noise around each place in HU.

    From the fine part of each slice and, where there are neighbours, from the difference of neighbours, whichever is smaller: anatomy
    adds to both and takes away from neither. Deviations over three modal ones are edges and count as three.
    """
    frequency = np.fft.fftfreq(WINDOW)
    passed = (1.0 - np.exp(-2.0 * (np.pi * 2.0) ** 2 * (frequency[:, None] ** 2 + frequency**2))) ** 2
    share = float(np.sqrt((spectrum * passed).mean()))
    estimates = [np.abs(hu - ndimage.gaussian_filter(hu, (0, 2, 2))) / share]
    if len(hu) > 1:
        steps = np.abs(np.diff(hu, axis=0)) / np.sqrt(2.0 * (1.0 - correlation))
        estimates.append(np.minimum(np.concatenate([steps[:1], steps]), np.concatenate([steps, steps[-1:]])) * 1.4)
    maps = []
    for estimate in estimates:
        clipped = np.minimum(estimate, 3.0 * noise_sd)
        maps.append(ndimage.gaussian_filter(clipped, (0, 8, 8))[:, 4::8, 4::8] * 1.2533)
    # One slice alone cannot tell fine anatomy from noise: its map stays near the modal value.
    smallest, most = (np.minimum(*maps), 2.5) if len(maps) > 1 else (maps[0], 1.3)
    return np.clip(smallest, 0.3 * noise_sd, most * noise_sd).astype(np.float16)


BANDS = ((0.0, 0.7), (0.7, 1.2), (1.2, 2.0), (2.0, 3.5))
"""Differences of Gaussian blurs, in pixels: the bands in which drawn and real noise are made equal."""
BAND_FREQUENCY = (0.35, 0.19, 0.105, 0.062)
"""Cycles a pixel at which each band is strongest."""
MOST_GAIN = (1.5, 1.5, 1.25, 1.1)
"""The coarser the band, the more anatomy is in it, which is not noise."""
LEAST_GAIN = 0.3
LEAST_FLAT = 2000


def calibrate(hu: np.ndarray, spectrum: np.ndarray, local_sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum and local noise such that drawn noise is as strong as the scan's in each of four bands, over flat soft tissue.

    Independent targets need it: noise that is drawn weaker than the scan's leaves the rest in the target, and a network learns to keep
    it; noise that is drawn stronger makes it take anatomy away. Where the scan has under 2,000 flat pixels nothing changes.
    """
    real = _band_noise(hu, local_sd)
    if real is None:
        return spectrum, local_sd
    frequency = np.hypot(np.fft.fftfreq(WINDOW)[:, None], np.fft.fftfreq(WINDOW)[None, :])
    frequency[0, 0] = 1.0 / (2 * WINDOW)
    white = np.fft.rfft2(np.random.default_rng(0).standard_normal((4, FIELD, FIELD)))
    scale = 1.0
    for _ in range(3):
        drawn = np.fft.irfft2(white * amplitude_of_spectrum(spectrum), s=(FIELD, FIELD)) * scale
        ratio = np.array([real[i] / _band(drawn, *band).std() for i, band in enumerate(BANDS)])
        ratio = np.clip(ratio, LEAST_GAIN, MOST_GAIN)
        gain = np.exp(np.interp(-np.log(frequency), -np.log(BAND_FREQUENCY), np.log(ratio)))
        spectrum = spectrum * gain.astype(np.float32) ** 2
        scale *= float(np.sqrt(spectrum.mean()))
        spectrum = spectrum / spectrum.mean()
    return spectrum.astype(np.float32), (local_sd * scale).astype(np.float16)


def _band(image: np.ndarray, narrow: float, wide: float) -> np.ndarray:
    axes = (0,) * (image.ndim - 2)
    fine = ndimage.gaussian_filter(image, (*axes, narrow, narrow)) if narrow else image
    return fine - ndimage.gaussian_filter(image, (*axes, wide, wide))


def _band_noise(hu: np.ndarray, local_sd: np.ndarray) -> list[float] | None:
    """Noise of flat soft tissue in each band, relative to the local noise; by the median, which edges do not move."""
    found: list[list[np.ndarray]] = [[] for _ in BANDS]
    for index in np.unique(np.linspace(0, len(hu) - 1, 6).astype(int)):
        smooth = ndimage.gaussian_filter(hu[max(0, index - 1) : index + 2].mean(axis=0), 3.0)
        flat = (smooth > -60) & (smooth < 200) & (np.hypot(*np.gradient(smooth)) < 3.0)
        flat = ndimage.binary_erosion(flat, iterations=2)
        rows, columns = local_sd.shape[1] * 8, local_sd.shape[2] * 8
        local = np.repeat(np.repeat(local_sd[index].astype(np.float32), 8, axis=0), 8, axis=1)
        inside = flat[:rows, :columns]
        for part, band in zip(found, BANDS, strict=True):
            part.append((_band(hu[index], *band)[:rows, :columns] / local)[inside])
    if sum(len(one) for one in found[0]) < LEAST_FLAT:
        return None
    return [1.4826 * float(np.median(np.abs(np.concatenate(part)))) for part in found]
