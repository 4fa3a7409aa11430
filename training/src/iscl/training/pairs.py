"""The cache of simulated pairs: clean slices and the noise that a lower dose would add to each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..data.pairs import iter_cache


class PairsError(ValueError):
    """The cache cannot be trained on; the message says why and what to do."""


@dataclass(frozen=True)
class PairSlice:
    """One slice. `hu` int16 [H, W]; `noise` float16 [K, H, W] in HU at quarter dose, one map for each kernel cut-off;
    `body` bool [H, W]. A real noisy slice has no noise maps: K = 0."""

    name: str
    hu: np.ndarray
    noise: np.ndarray
    body: np.ndarray
    patient: str
    series: str
    kernel: str
    split: str
    domain: str
    """The side of the unpaired method its patient stands on, "clean" or "noisy"."""
    noise_sd: float
    spacing: float
    dose: float = 0.25
    """Of the noise maps, as a fraction of the slice's own."""


def read_pair(path: Path) -> PairSlice:
    """One .npz of the cache. Raises PairsError for a file that is not one."""
    try:
        with np.load(path, allow_pickle=False) as npz:
            return PairSlice(
                name=path.stem,
                hu=npz["hu"].astype(np.int16),
                noise=npz["noise"].astype(np.float16) if "noise" in npz else np.empty((0, *npz["hu"].shape), np.float16),
                body=npz["body"].astype(bool),
                patient=str(npz["patient"]),
                series=str(npz["series"]),
                kernel=str(npz["kernel"]),
                split=str(npz["split"]),
                domain=str(npz["domain"]),
                noise_sd=float(npz["noise_sd"]),
                spacing=float(np.ravel(npz["spacing"])[0]),
                dose=float(npz["dose"]) if "dose" in npz else 0.25,
            )
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise PairsError(f"{path} is no simulated pair ({error}); delete it and run `iscl simulate` again") from error


def read_pairs(folder: Path, split: str) -> list[PairSlice]:
    """All slices of one split, by name. Raises PairsError when there are none, or when a patient is in two splits or
    on both sides."""
    folder = Path(folder)
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise PairsError(f"there are no simulated pairs in {folder}; run `iscl simulate` first")
    pairs = [read_pair(path) for path in paths]
    if shared := _several((pair.patient, pair.split) for pair in pairs):
        raise PairsError(f"these patients are in more than one split of {folder}: {', '.join(shared)}")
    if shared := _several((pair.patient, pair.domain) for pair in pairs):
        raise PairsError(f"these patients are on both the clean and the noisy side of {folder}: {', '.join(shared)}")
    chosen = [pair for pair in pairs if pair.split == split]
    if not chosen:
        raise PairsError(f"none of the {len(pairs)} pairs in {folder} is in the split {split!r}")
    return chosen


def check_folders(pairs: Path, real: Path) -> None:
    """Raises PairsError when a patient of the folder `real` stands in another split, or on another side, in `pairs`."""
    for key, what in (("split", "in more than one split"), ("domain", "on both the clean and the noisy side")):
        found = [(str(e["patient"]), str(e[key])) for folder in (pairs, real) for e in iter_cache(folder, ("patient", key))]
        if shared := _several(found):
            raise PairsError(f"these patients are {what} of {pairs} and {real} together: {', '.join(shared)}")


def _several(found: Iterable[tuple[str, str]]) -> list[str]:
    """Patients that come with more than one value, sorted."""
    values: dict[str, set[str]] = {}
    for patient, value in found:
        values.setdefault(patient, set()).add(value)
    return sorted(patient for patient, of in values.items() if len(of) > 1)
