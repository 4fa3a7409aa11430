"""The fixed split by patient: which series trains, validates or tests, and its side of ISCL.

The file is the record: it is made once (`iscl split`), committed, and read by everything else.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from .dicom import CtSlice, check_one_series, iter_slices
from .errors import DataError, EmptySetError, NoDicomError, SplitError
from .names import escaped, unescaped
from .tissue import measure_noise

CLEAN_LIMIT_HU = 14.0
SPLITS = ("train", "validation", "test", "blind")
"""`blind`: a second test set, looked at once, after every choice has been made on `validation`."""
DOMAINS = ("clean", "noisy")


@dataclass(frozen=True)
class SplitRow:
    """One series folder. noise_sd_HU is measured (median over slices). `quality` says whether it is under the
    clean limit; `domain` is the side of ISCL its patient stands on: a clean-quality series of a noisy-domain
    patient enters only as simulated low dose."""

    path: str
    patient: str
    split: str
    domain: str
    quality: str
    noise_sd_HU: float
    kernel: str
    slice_mm: float
    slices: int


@dataclass(frozen=True)
class SeriesStats:
    """The contents of a folder, before its assignment."""

    path: str
    patient: str
    noise_sd_HU: float
    kernel: str
    slice_mm: float
    slices: int


def survey(folder: Path, root: Path, sample: int = 6, mixed: bool = False) -> SeriesStats:
    """Measure one series folder (the files directly in it) on up to `sample` slices; each omitted file is named on stderr with the reason.

    Raises NoDicomError if it holds no CT slice, SplitError if it holds several patients, MixedSeriesError if it holds
    several series and not `mixed`: one noise figure cannot stand for two kernels.
    """
    refused: list[DataError] = []
    slices: list[CtSlice] = list(iter_slices(folder, refused))
    for error in refused:
        print(f"left out: {error}", file=sys.stderr)
    if not slices:
        raise NoDicomError(f"no usable CT slice among {len(refused)} files ({refused[0]})", folder)
    if refused:
        print(f"left out: {len(refused)} of {len(refused) + len(slices)} files of {escaped(str(folder))}", file=sys.stderr)
    patients = {s.patient for s in slices}
    if len(patients) > 1:
        raise SplitError(f"several patients in one folder: {', '.join(sorted(patients))}", folder)
    if not mixed:
        check_one_series(slices, folder)
    chosen = slices[:: max(1, len(slices) // sample)][:sample]
    noise = [measure_noise(s.hu) for s in chosen]
    noise = [n for n in noise if math.isfinite(n)]
    first = slices[0]
    return SeriesStats(
        path=folder.relative_to(root).as_posix(),
        patient=first.patient,
        noise_sd_HU=round(float(np.median(noise)), 2) if noise else float("nan"),
        kernel=first.kernel,
        slice_mm=first.thickness,
        slices=len(slices),
    )


def assign(
    stats: list[SeriesStats],
    fixed: dict[str, str] | None = None,
    shares: tuple[float, float] = (0.08, 0.08),
    clean_limit: float = CLEAN_LIMIT_HU,
    noisy_share: float = 0.4,
    seed: int = 0,
) -> list[SplitRow]:
    """Assign whole patients. fixed: patient to split, decided by hand. shares: of validation and test among the
    other patients, clean and noisy ones apart so that both kinds are everywhere.

    In training a patient stands on one side: those with no clean series are noisy, and `noisy_share` of the others
    give simulated low dose only.
    """
    fixed = fixed or {}
    unknown = sorted(set(fixed) - {s.patient for s in stats})
    if unknown:
        raise SplitError(f"patients fixed to a split but absent from the data: {', '.join(unknown)}")
    series = defaultdict(list)
    for item in stats:
        series[item.patient].append(item)
    is_clean = {p: any(s.noise_sd_HU < clean_limit for s in items) for p, items in series.items()}
    if not any(is_clean.values()):
        raise EmptySetError(f"no series has a noise under {clean_limit:g} HU: the clean set is empty")
    split: dict[str, str] = dict(fixed)
    rng = random.Random(seed)
    for kind in (True, False):
        free = sorted(p for p in series if is_clean[p] is kind and p not in fixed)
        rng.shuffle(free)
        validation, test = (round(share * len(free)) for share in shares)
        for i, patient in enumerate(free):
            split[patient] = "validation" if i < validation else "test" if i < validation + test else "train"
    domain = {p: "clean" if is_clean[p] else "noisy" for p in series}
    # Largest contributors alternate too, so that neither side rests on one patient.
    clean_train = sorted(p for p in series if is_clean[p] and split[p] == "train")
    rng.shuffle(clean_train)
    for patient in clean_train[: round(noisy_share * len(clean_train))]:
        domain[patient] = "noisy"
    rows = [
        SplitRow(
            path=s.path,
            patient=s.patient,
            split=split[s.patient],
            domain=domain[s.patient],
            quality="clean" if s.noise_sd_HU < clean_limit else "noisy",
            noise_sd_HU=s.noise_sd_HU,
            kernel=s.kernel,
            slice_mm=s.slice_mm,
            slices=s.slices,
        )
        for s in stats
    ]
    check(rows)
    return rows


def check(rows: Iterable[SplitRow]) -> None:
    """Raises SplitError if a patient is in two splits or on both sides of ISCL, EmptySetError if there is no clean
    training series."""
    rows = list(rows)
    splits, domains = defaultdict(set), defaultdict(set)
    for row in rows:
        if row.split not in SPLITS or row.domain not in DOMAINS:
            raise SplitError(f"unknown split or domain {row.split}/{row.domain} for {row.path}")
        splits[row.patient].add(row.split)
        domains[row.patient].add(row.domain)
    for name, table in (("splits", splits), ("domains", domains)):
        twice = sorted(p for p, s in table.items() if len(s) > 1)
        if twice:
            raise SplitError(f"patients in two {name}: {', '.join(twice)}")
    if not any(r.split == "train" and r.domain == "clean" and r.quality == "clean" for r in rows):
        raise EmptySetError("no clean training series in the split")


def check_disjoint(clean: Iterable[str], noisy: Iterable[str]) -> None:
    """Raises SplitError if a patient is in both sets of an unpaired training."""
    both = sorted(set(clean) & set(noisy))
    if both:
        raise SplitError(f"patients on both the clean and the noisy side: {', '.join(both)}")


def write_split(rows: list[SplitRow], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, [f.name for f in fields(SplitRow)])
        writer.writeheader()
        writer.writerows(asdict(r) | {"path": escaped(r.path)} for r in sorted(rows, key=lambda r: r.path))


def read_split(path: str | Path) -> list[SplitRow]:
    """The split file, checked. Raises SplitError when it is absent, lacks a column, holds no number where one belongs, or
    repeats a patient."""
    path = Path(path)
    if not path.exists():
        raise SplitError("split file does not exist; make it with `iscl split`", path)
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        missing = {f.name for f in fields(SplitRow)} - set(reader.fieldnames or [])
        if missing:
            raise SplitError(f"split file lacks columns {', '.join(sorted(missing))}", path)
        rows = [_parse_row(r, f"line {reader.line_num}", path) for r in reader]
    check(rows)
    return rows


def _parse_row(row: dict[str, str], line: str, path: Path) -> SplitRow:
    try:
        return SplitRow(
            path=unescaped(row["path"]),
            patient=row["patient"],
            split=row["split"],
            domain=row["domain"],
            quality=row["quality"],
            noise_sd_HU=float(row["noise_sd_HU"]),
            kernel=row["kernel"],
            slice_mm=float(row["slice_mm"]),
            slices=int(row["slices"]),
        )
    except (TypeError, ValueError) as error:
        raise SplitError(f"{line} of the split file cannot be read ({error})", path) from error
