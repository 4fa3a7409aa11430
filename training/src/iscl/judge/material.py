"""The scans that the judge works on: which series a split names, and a stack of each, cut to the body."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..data import body_mask, read_series
from ..whole_file import whole_file
from .denoisers import JudgeError

CROP_PX = 384
SLICES = 15
VERSION = 1
"""Part of the cache's file names and of every result: raise it when stacks or places change."""

# Contiguous series of ct/ that no shipped model was trained on. The earlier test patients among them have been seen: their figures were
# published with 0.4.0, so they serve to choose, and no longer to test.
SEEN_CT = (
    "ct/ACRIN-001_PETCT_abdomen_lowdose",
    "ct/LIDC-IDRI-0314_chest_1mm_noisy",
    "ct/LungFCP-01-0001_100kV_2mm",
    "ct/Lung_Dx-A0001_L_5mm",
    "ct/Lung_Dx-A0002_B70f_8mm",
)
TWINS = {"ct/Lung_Dx-A0001_L_5mm": "ct/Lung_Dx-A0001_B_5mm", "ct/Lung_Dx-A0002_B70f_8mm": "ct/Lung_Dx-A0002_B40f_8mm"}
"""The same scan with a smooth kernel."""


@dataclass
class Material:
    """A stack [N, H, W] in HU, in order along the slice normal. pixel_mm, gap_mm and thickness_mm: between pixels, between slices, and of a
    slice. twin: the same stack with a smooth kernel."""

    name: str
    patient: str
    stack: np.ndarray
    pixel_mm: float
    gap_mm: float
    thickness_mm: float
    twin: np.ndarray | None = None

    @cached_property
    def body(self) -> np.ndarray:
        return np.stack([body_mask(image) for image in ndimage.gaussian_filter(self.stack, (0, 1.0, 1.0))])

    def guide(self, slices: int, sigma_px: float = 4.0) -> np.ndarray:
        """Anatomy [N, H, W]: mean of so many slices around each, blurred in the plane."""
        mean = ndimage.uniform_filter1d(self.stack, min(slices, len(self.stack)), axis=0, mode="nearest")
        return ndimage.gaussian_filter(mean, (0, sigma_px, sigma_px))


def gradient(guide: np.ndarray) -> np.ndarray:
    """Size of the gradient in the plane, HU per pixel."""
    rows, columns = np.gradient(guide, axis=(1, 2))
    return np.hypot(rows, columns)


def series_of_split(data: Path, split: str) -> list[str]:
    """Folders of contiguous series under the shared data that a split names: stacks/ by the manifest's notes; for validation also
    the series of ct/ that were seen but never trained on. Raises JudgeError without a manifest or for an unknown split."""
    if split not in ("validation", "test"):
        raise JudgeError(f"split '{split}': there are validation and test")
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise JudgeError(f"{manifest} is absent: real scans are judged on the shared data (--data)")
    with manifest.open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["path"].startswith("stacks/")]
    found = [row["path"] for row in rows if re.search(rf";\s*{split}\b", row["note"] or "")]
    if not found:
        raise JudgeError(f"{manifest} marks no series of stacks/ as {split}")
    return found + [path for path in (SEEN_CT if split == "validation" else ()) if (data / path).is_dir()]


def load_material(data: Path, path: str, cache: Path | None = None) -> Material:
    """The stack of one series; kept under `cache`, since decoding takes longer than judging."""
    name = path.split("/")[-1]
    kept = cache / f"{name}-{VERSION}.npz" if cache else None
    if kept and kept.is_file():
        with np.load(kept) as file:
            twin = file["twin"].astype(np.float32)
            pixel, gap, thickness = (float(v) for v in file["geometry"])
            stack = file["stack"].astype(np.float32)
            return Material(name, str(file["patient"]), stack, pixel, gap, thickness, twin if twin.size else None)
    material = _read(data, path, name)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(kept) as partial:
            np.savez(
                partial,
                stack=material.stack,
                twin=np.zeros(0) if material.twin is None else material.twin,
                patient=material.patient,
                geometry=(material.pixel_mm, material.gap_mm, material.thickness_mm),
            )
    return material


def _read(data: Path, path: str, name: str) -> Material:
    slices = read_series(data / path).slices
    if path in TWINS:
        others = {round(s.position, 1): s for s in read_series(data / TWINS[path]).slices}
        slices = [s for s in slices if round(s.position, 1) in others]
    gaps = np.diff([s.position for s in slices])
    if len(slices) < 3 or gaps.max() - gaps.min() > 0.01 * gaps.mean():
        raise JudgeError(f"{path}: {len(slices)} slices {gaps.min():g} to {gaps.max():g} mm apart; a stack has even gaps")
    first = slices[0]
    volume = np.stack([s.hu for s in slices])
    twin = np.stack([others[round(s.position, 1)].hu for s in slices]) if path in TWINS else None
    return from_volume(name, first.patient, volume, first.spacing[0], float(gaps.mean()), first.thickness, twin)


def from_volume(
    name: str, patient: str, volume: np.ndarray, pixel_mm: float, gap_mm: float, thickness_mm: float, twin: np.ndarray | None = None
) -> Material:
    """The SLICES slices with most flat tissue, cut to CROP_PX around the body's middle."""
    guide = ndimage.gaussian_filter(volume, (0, 4.0, 4.0))
    flat = ((guide > 0) & (guide < 150) & (gradient(guide) < 3.0)).sum(axis=(1, 2))
    count = min(SLICES, len(volume))
    start = int(np.convolve(flat, np.ones(count), "valid").argmax())
    rows, columns = np.nonzero(body_mask(guide[start + count // 2]))
    box = [slice(start, start + count)]
    for places, length in ((rows, volume.shape[1]), (columns, volume.shape[2])):
        middle = (places.min() + places.max()) // 2 if places.size else length // 2
        size = min(CROP_PX, length)
        low = int(np.clip(middle - size // 2, 0, length - size))
        box.append(slice(low, low + size))
    part = tuple(box)
    return Material(
        name,
        patient,
        np.ascontiguousarray(volume[part], np.float32),
        pixel_mm,
        gap_mm,
        thickness_mm,
        None if twin is None else np.ascontiguousarray(twin[part], np.float32),
    )
