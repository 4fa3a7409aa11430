"""A hospital's own two folders, made into the cache that training reads."""

from __future__ import annotations

import os
import random
import sys
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

import torch

from ..data import CLEAN_LIMIT_HU, EmptySetError, NoDicomError, SplitError, SplitRow, check_disjoint, write_split
from ..data.command import series_folders, survey_all
from ..data.names import escaped
from ..data.split import SeriesStats
from ..simulate.command import run_simulate

VALIDATION_SHARE = 0.15

NOISY_PAIR_LIMIT_HU = 65.0
"""A noisy slice over this, the most that the simulator gives one of its noise fields, has too little anatomy left to learn from."""


class Caches(NamedTuple):
    """Folders of simulated pairs of the clean side, of real noisy slices, and of simulated pairs of the noisy side (None: not asked
    for, or no noisy series is quiet enough)."""

    pairs: Path
    real: Path
    independent: Path | None


def cache_folders(clean: Path, noisy: Path, out: Path, with_noisy_pairs: bool) -> Caches:
    """Measures both folders, fixes validation patients in `out`/split.csv, and simulates low dose on the clean side, and on the noisy
    one too if `with_noisy_pairs`. All folders are under `out`; slices already there are kept.

    Raises NoDicomError, SplitError (a patient on both sides, or too few patients) or EmptySetError (no clean series
    under the noise limit) before anything is simulated.
    """
    root = Path(os.path.commonpath([clean.resolve(), noisy.resolve()]))
    clean_stats, noisy_stats = _survey(clean.resolve(), root), _survey(noisy.resolve(), root)
    rows = assign_sides(clean_stats, noisy_stats)
    split = out / "split.csv"
    write_split(rows, split)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    common = {
        "data": str(root), "split": str(split), "dose": 0.25, "fields": 4, "device": device, "seed": 1,
        "workers": 1 if device == "cuda" else max(1, (os.cpu_count() or 2) - 1),
    }
    pairs, real, independent = out / "pairs", out / "real", out / "noisy-pairs"
    failed = run_simulate(Namespace(**common, out=str(pairs), noisy_out=str(real), quality="clean", noise_limit=CLEAN_LIMIT_HU,
                                    per_series=24))
    made: Path | None = None
    if with_noisy_pairs:
        try:
            failed |= run_simulate(Namespace(**common, out=str(independent), noisy_out=None, quality="noisy",
                                             noise_limit=NOISY_PAIR_LIMIT_HU, per_series=16))
            made = independent
        except EmptySetError as error:
            print(f"the noisy side teaches no anatomy, pairs come from the clean side alone: {error}", file=sys.stderr)
    if failed:
        print("some slices were left out; the lines above say why", file=sys.stderr)
    return Caches(pairs, real, made)


def assign_sides(clean: list[SeriesStats], noisy: list[SeriesStats], seed: int = 0) -> list[SplitRow]:
    """The folders decide the side; of the clean ones those over the noise limit are left out, and a seventh of
    the clean patients (at least one) is kept for validation."""
    check_disjoint((s.patient for s in clean), (s.patient for s in noisy))
    usable = [s for s in clean if s.noise_sd_HU < CLEAN_LIMIT_HU]
    for series in clean:
        if series not in usable:
            print(f"left out: {escaped(series.path)} has a noise of {series.noise_sd_HU:g} HU, the clean side takes less than "
                  f"{CLEAN_LIMIT_HU:g}", file=sys.stderr)
    if not usable:
        measured = ", ".join(f"{s.noise_sd_HU:g}" for s in clean)
        raise EmptySetError(f"the clean set is empty: its series have a noise of {measured} HU, wanted is less than "
                            f"{CLEAN_LIMIT_HU:g} HU")
    patients = sorted({s.patient for s in usable})
    if len(patients) < 2:
        raise SplitError("the clean folder has one usable patient; training needs two at least, one of them for validation")
    random.Random(seed).shuffle(patients)
    validation = set(patients[: max(1, round(VALIDATION_SHARE * len(patients)))])
    return [
        _row(s, "validation" if s.patient in validation else "train", "clean") for s in usable
    ] + [_row(s, "train", "noisy") for s in noisy]


def _row(series: SeriesStats, split: str, side: str) -> SplitRow:
    return SplitRow(
        path=series.path, patient=series.patient, split=split, domain=side, quality=side,
        noise_sd_HU=series.noise_sd_HU, kernel=series.kernel, slice_mm=series.slice_mm, slices=series.slices,
    )


def _survey(folder: Path, root: Path) -> list[SeriesStats]:
    stats = survey_all(series_folders(folder), root)
    if not stats:
        raise NoDicomError("no usable CT slice in any folder", folder)
    return stats
