"""Low-contrast detectability on the MITA-LCD phantom, by model observers of a known signal.

Four inserts (diameter/contrast 3 mm/14 HU, 5/7, 7/5, 10/3) lie on a ring in a water-like disc. Signal-present
and signal-absent images at several doses pass through the denoiser whole. Two observers look at each insert:

* CHO, the channelised Hotelling observer with Laguerre-Gauss channels (Gallas and Barrett, JOSA A 2003):
  the best linear observer within its channels, d'^2 = s^T K^-1 s;
* NPW, the non-prewhitening matched filter, closer to an eye that can't undo correlated noise:
  d' = (s . s) / sd(s . absent).

Both are freed of the bias of few images: K is estimated with nu = places (images - 1) degrees of freedom, and the
inverse of such an estimate is too large by nu / (nu - channels - 1) on average (inverse Wishart).

The mean signal s is measured by inserting the insert, blurred as the scanner blurs it, into the absent images and
subtracting what the denoiser makes of the same noise without it: a contrast-matched linear response that few images
measure well. K and the NPW's noise come from the absent images at eight places of the ring. The AUC is the share
of (present, absent) pairs of the phantom's own images that the CHO's template puts in the right order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import eval_laguerre, ndtr

from .cases import EvaluationError
from .nps import noise_power_spectrum

Denoise = Callable[[np.ndarray], np.ndarray]

DOSES = (10, 55, 100)
RING_PX = 46.67
ROI_HALF = 18
CHANNELS = 6
# Gaussian edge spread of the phantom's FBP reconstructions, fitted to its 1000 HU rim at full dose.
BLUR_SIGMA_PX = 0.68


@dataclass(frozen=True)
class Insert:
    """A cylinder of the phantom: diameter and contrast, and its angle on the ring (degrees, down from +x)."""

    diameter_mm: float
    contrast_hu: float
    diameter_px: float
    angle: float

    @property
    def name(self) -> str:
        return f"{self.diameter_mm:g} mm/{self.contrast_hu:g} HU"


# Diameters in pixels are measured on the phantom's ground truth (0.64 to 0.65 mm a pixel).
INSERTS = (
    Insert(3, 14, 4.69, -45),
    Insert(5, 7, 7.76, -135),
    Insert(7, 5, 10.87, 135),
    Insert(10, 3, 15.46, 45),
)
RING_ANGLES = tuple(range(0, 360, 45))


def read_mhd(path: str | Path) -> np.ndarray:
    """Read a MetaImage header with raw data as float32, in HU (the phantom stores HU + 1000).

    Handles single files and `name_%03d.raw first last step` lists, 16-bit, either byte order.
    """
    path = Path(path)
    if not path.is_file():
        raise EvaluationError(f"{path} does not exist")
    fields = dict(re.findall(r"^\s*(\w+)\s*=\s*(.*?)\s*$", path.read_text(), re.MULTILINE))
    try:
        shape = [int(n) for n in fields["DimSize"].split()]
        kind = {"MET_SHORT": "i2", "MET_USHORT": "u2"}[fields["ElementType"]]
        pattern, *numbers = fields["ElementDataFile"].split()
    except KeyError as missing:
        raise EvaluationError(f"{path}: header field {missing} is missing or not supported") from missing
    big = fields.get("ElementByteOrderMSB", fields.get("BinaryDataByteOrderMSB", "False")) == "True"
    if numbers:
        first, last, step = map(int, numbers)
        files = [path.parent / (pattern % number) for number in range(first, last + 1, step)]
    else:
        files = [path.parent / pattern]
    data = np.concatenate([np.fromfile(file, dtype=(">" if big else "<") + kind) for file in files])
    if data.size != int(np.prod(shape)):
        raise EvaluationError(f"{path}: {data.size} values where the header says {shape}")
    return data.reshape(shape[::-1]).astype(np.float32) - 1000.0


def load_phantom(folder: str | Path, dose: int, maximum: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(present, absent) images [n, 256, 256] in HU at `dose` percent from the phantom's FBP folder."""
    base = Path(folder) / f"dose_{dose:03d}"
    present = read_mhd(base / "signal_present" / "signal_present.mhd")
    absent = read_mhd(base / "signal_absent" / "signal_absent.mhd")
    return present[:maximum], absent[:maximum]


def ring_position(angle: float, shape: tuple[int, ...] = (256, 256)) -> tuple[float, float]:
    """(row, column) in pixels of a place on the inserts' ring, around the middle of an image of `shape`."""
    radians = np.deg2rad(angle)
    return (shape[-2] - 1) / 2 + RING_PX * np.sin(radians), (shape[-1] - 1) / 2 + RING_PX * np.cos(radians)


def _pixel(position: float) -> int:
    # Halves go up, whatever the image's size, so that a region and its channels agree.
    return int(np.floor(position + 0.5))


def insert_signal(insert: Insert, angle: float, shape: tuple[int, int]) -> np.ndarray:
    """The insert as the scanner sees it at `angle`, HU above the background, [H, W]."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    row, column = ring_position(angle, shape)
    distance = np.hypot(y - row, x - column)
    return insert.contrast_hu * ndtr((insert.diameter_px / 2 - distance) / BLUR_SIGMA_PX)


def region(image: np.ndarray, angle: float) -> np.ndarray:
    """Square region [2 ROI_HALF, 2 ROI_HALF] around a place on the ring."""
    row, column = (_pixel(v) for v in ring_position(angle, image.shape))
    return image[row - ROI_HALF : row + ROI_HALF, column - ROI_HALF : column + ROI_HALF]


def laguerre_gauss_channels(width_px: float, angle: float, count: int = CHANNELS) -> np.ndarray:
    """Channels [count, pixels], unit norm, centred on the ring place `angle` within its region."""
    row, column = ring_position(angle)
    offset_row, offset_column = row - _pixel(row), column - _pixel(column)
    axis = np.arange(-ROI_HALF, ROI_HALF, dtype=np.float64)
    squared = (axis[:, None] - offset_row) ** 2 + (axis[None, :] - offset_column) ** 2
    argument = 2 * np.pi * squared / width_px**2
    channels = np.stack([(np.exp(-argument / 2) * eval_laguerre(n, argument)).ravel() for n in range(count)])
    return channels / np.linalg.norm(channels, axis=1, keepdims=True)


def hotelling(signal: np.ndarray, absent: np.ndarray) -> tuple[float, np.ndarray]:
    """d' and template of the Hotelling observer: mean signal [c], absent samples [n, c]."""
    covariance = np.atleast_2d(np.cov(absent, rowvar=False))
    template = np.linalg.solve(covariance, signal)
    return float(np.sqrt(max(float(signal @ template), 0.0))), template


def area_under_curve(present: np.ndarray, absent: np.ndarray) -> float:
    """Wilcoxon estimate of the AUC: the share of pairs in which present scores above absent, ties a half."""
    difference = np.asarray(present)[:, None] - np.asarray(absent)[None, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


@dataclass(frozen=True)
class InsertSamples:
    """What the observers of an insert saw in n images, reduced so that a bootstrap is cheap.

    Channel outputs (c channels): signal [n, c], absent [n, angles, c], present [n, c]. For the NPW: matched
    [n, n], the products of the images' signals with each other, and filtered [n, n, angles], of image i's signal
    with image j's noise at each place of the ring. nps_mean_frequency: of the absent regions, in cycles per pixel.
    """

    insert: Insert
    signal: np.ndarray
    absent: np.ndarray
    present: np.ndarray
    matched: np.ndarray
    filtered: np.ndarray
    nps_mean_frequency: float

    @classmethod
    def measure(cls, insert: Insert, signal: np.ndarray, absent: np.ndarray, present: np.ndarray) -> InsertSamples:
        """From region pixels p: signal [n, p], absent [n, angles, p], present [n, p], all after the denoiser."""
        width = 1.5 * insert.diameter_px + 4.0
        home = laguerre_gauss_channels(width, insert.angle)
        outputs = [absent[:, k] @ laguerre_gauss_channels(width, a).T for k, a in enumerate(RING_ANGLES)]
        noise = absent - absent.mean(axis=0, keepdims=True)
        return cls(
            insert,
            signal @ home.T,
            np.stack(outputs, axis=1),
            present @ home.T,
            signal @ signal.T,
            np.einsum("ip,jkp->ijk", signal, noise),
            noise_power_spectrum(absent.reshape(-1, 2 * ROI_HALF, 2 * ROI_HALF), 1.0).mean_frequency,
        )

    def observe(self, images: np.ndarray | None = None) -> dict[str, float]:
        """d' of both observers and AUC; `images` picks (with repeats, for a bootstrap) among the n images."""
        pick = np.arange(len(self.signal)) if images is None else images
        absent = self.absent[pick]
        centred = absent - absent.mean(axis=0, keepdims=True)
        samples = centred.reshape(-1, centred.shape[-1])
        dprime, template = hotelling(self.signal[pick].mean(axis=0), samples)
        place = RING_ANGLES.index(self.insert.angle % 360)
        # The mean of each place is taken out, which costs one degree of freedom a place.
        freedom = len(samples) - absent.shape[1]
        unbiased = max(freedom - samples.shape[1] - 1, 0) / (len(samples) - 1)
        spread = self.filtered[np.ix_(pick, pick)].mean(axis=0).std() * np.sqrt(len(samples) / freedom)
        return {
            "cho": dprime * float(np.sqrt(unbiased)),
            "npw": float(self.matched[np.ix_(pick, pick)].mean() / spread) if spread > 0 else float("nan"),
            "auc": area_under_curve(self.present[pick] @ template, absent[:, place] @ template),
        }


def observe_dose(denoise: Denoise, present: np.ndarray, absent: np.ndarray) -> list[InsertSamples]:
    """Pass a dose's images through `denoise` and cut out what the observers of the four inserts need."""
    inserted = sum(insert_signal(insert, insert.angle, absent.shape[1:]) for insert in INSERTS)
    clean = [denoise(image) for image in absent]
    with_signal = [denoise((image + inserted).astype(np.float32)) for image in absent]
    seen = [denoise(image) for image in present]
    result = []
    for insert in INSERTS:
        pairs = zip(with_signal, clean, strict=True)
        result.append(
            InsertSamples.measure(
                insert,
                np.stack([region(a - b, insert.angle).ravel() for a, b in pairs]),
                np.stack([[region(image, angle).ravel() for angle in RING_ANGLES] for image in clean]),
                np.stack([region(image, insert.angle).ravel() for image in seen]),
            )
        )
    return result


def pooled(observed: Iterable[dict[str, float]]) -> dict[str, float]:
    """One figure over inserts: root mean square of d', mean of AUC."""
    rows = list(observed)
    return {
        "cho": float(np.sqrt(np.mean([row["cho"] ** 2 for row in rows]))),
        "npw": float(np.sqrt(np.mean([row["npw"] ** 2 for row in rows]))),
        "auc": float(np.mean([row["auc"] for row in rows])),
    }


def detectability(
    denoise: Denoise,
    phantom: dict[int, tuple[np.ndarray, np.ndarray]],
    reference: dict[int, list[InsertSamples]] | None = None,
    resamples: int = 200,
) -> tuple[dict[int, dict], dict[int, list[InsertSamples]]]:
    """Observers' figures of `denoise` per dose, and the samples for use as another method's `reference`.

    phantom: {dose: (present, absent)}. Each dose has cho, npw, auc pooled over inserts and `inserts` {name: figures};
    with a reference also nps_ratio (mean frequency of the uniform regions' NPS), cho_ratio and npw_ratio with `_low` and `_high`, the 95 % interval of a bootstrap
    over images, the same images drawn for both methods.
    """
    figures, kept = {}, {}
    for dose, (present, absent) in phantom.items():
        samples = observe_dose(denoise, present, absent)
        kept[dose] = samples
        rows = [item.observe() for item in samples]
        figures[dose] = {**pooled(rows), "inserts": {i.insert.name: r for i, r in zip(samples, rows, strict=True)}}
        if reference is not None:
            figures[dose] |= _ratios(samples, reference[dose], resamples)
            # All inserts share their absent regions, so that one insert's figure stands for all.
            figures[dose]["nps_ratio"] = samples[0].nps_mean_frequency / reference[dose][0].nps_mean_frequency
    return figures, kept


def _ratios(samples: list[InsertSamples], reference: list[InsertSamples], resamples: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    count = len(samples[0].signal)
    own, other = pooled(i.observe() for i in samples), pooled(i.observe() for i in reference)
    drawn = []
    for _ in range(resamples):
        pick = rng.integers(0, count, count)
        # A draw of too few different images has no usable covariance at one place.
        if len(np.unique(pick)) < 4:
            continue
        a, b = pooled(i.observe(pick) for i in samples), pooled(i.observe(pick) for i in reference)
        drawn.append((a["cho"] / b["cho"], a["npw"] / b["npw"]))
    result = {}
    for k, name in enumerate(("cho", "npw")):
        result[f"{name}_ratio"] = own[name] / other[name]
        low, high = np.percentile([d[k] for d in drawn], [2.5, 97.5]) if drawn else (float("nan"),) * 2
        result[f"{name}_ratio_low"], result[f"{name}_ratio_high"] = float(low), float(high)
    return result
