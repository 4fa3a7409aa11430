"""A hospital's own two folders, made into the cache that training reads."""

from __future__ import annotations

import os
import random
import sys
from argparse import Namespace
from pathlib import Path

import torch

from ..data import CLEAN_LIMIT_HU, EmptySetError, NoDicomError, SplitError, SplitRow, check_disjoint, survey, write_split
from ..data.command import series_folders
from ..data.split import SeriesStats
from ..simulate.command import run_simulate

VALIDATION_SHARE = 0.15


def cache_folders(clean: Path, noisy: Path, out: Path) -> tuple[Path, Path]:
    """Measures both folders, fixes validation patients in `out`/split.csv, simulates low dose on the clean side, and
    returns the folders of pairs and of real noisy slices under `out`. Slices already there are kept.

    Raises NoDicomError, SplitError (a patient on both sides, or too few patients) or EmptySetError (no clean series
    under the noise limit) before anything is simulated.
    """
    root = Path(os.path.commonpath([clean.resolve(), noisy.resolve()]))
    clean_stats, noisy_stats = _survey(clean.resolve(), root), _survey(noisy.resolve(), root)
    rows = assign_sides(clean_stats, noisy_stats)
    split = out / "split.csv"
    write_split(rows, split)
    pairs, real = out / "pairs", out / "real"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    failed = run_simulate(Namespace(
        data=str(root), split=str(split), out=str(pairs), noisy_out=str(real), quality="clean", noise_limit=CLEAN_LIMIT_HU,
        dose=0.25, fields=4, per_series=24,
        workers=1 if device == "cuda" else max(1, (os.cpu_count() or 2) - 1), device=device, seed=1,
    ))
    if failed:
        print("some slices were left out; the lines above say why", file=sys.stderr)
    return pairs, real


def assign_sides(clean: list[SeriesStats], noisy: list[SeriesStats], seed: int = 0) -> list[SplitRow]:
    """The folders decide the side; of the clean ones those over the noise limit are left out, and a seventh of
    the clean patients (at least one) is kept for validation."""
    check_disjoint((s.patient for s in clean), (s.patient for s in noisy))
    usable = [s for s in clean if s.noise_sd_HU < CLEAN_LIMIT_HU]
    for series in clean:
        if series not in usable:
            print(f"left out: {series.path} has a noise of {series.noise_sd_HU:g} HU, the clean side takes less than "
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
    stats = []
    for series in series_folders(folder):
        try:
            stats.append(survey(series, root))
        except NoDicomError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not stats:
        raise NoDicomError("no usable CT slice in any folder", folder)
    return stats
