"""`iscl split`: the split file."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from pathlib import Path

from .dicom import is_candidate
from .errors import DataError, NoDicomError, SplitError
from .progress import Clock
from .split import CLEAN_LIMIT_HU, SeriesStats, assign, survey, write_split


def series_folders(root: Path) -> list[Path]:
    """Folders that hold files directly, sorted. Hidden files and DICOMDIR do not count."""
    if not root.is_dir():
        raise NoDicomError("folder does not exist", root)
    folders = [f for f in [root, *sorted(root.rglob("*"))] if f.is_dir() and any(map(is_candidate, f.iterdir()))]
    if not folders:
        raise NoDicomError("folder is empty", root)
    return folders


def survey_all(folders: list[Path], root: Path, mixed: bool = False, step: Callable[[], None] = lambda: None) -> list[SeriesStats]:
    """Measure the folders. Those that cannot be measured are named on stderr with the reason. `step` is called after each."""
    stats, left_out = [], 0
    for folder in folders:
        try:
            stats.append(survey(folder, root, mixed=mixed))
        except DataError as error:
            left_out += 1
            print(f"left out: {error}", file=sys.stderr)
        step()
    if left_out:
        print(f"left out: {left_out} of {len(folders)} folders; the lines above say why", file=sys.stderr)
    return stats


def _fixed_patients(path: Path) -> dict[str, str]:
    with path.open(newline="") as handle:
        reader = csv.DictReader(handle)
        if not {"patient", "split"} <= set(reader.fieldnames or []):
            raise SplitError("the file of fixed patients needs the columns patient and split", path)
        return {row["patient"]: row["split"] for row in reader}


def run_split(args: argparse.Namespace) -> int:
    root = Path(args.data)
    folders = [f for sub in args.folders for f in series_folders(root / sub)]
    fixed = _fixed_patients(Path(args.fixed)) if args.fixed else {}
    clock = Clock(len(folders), "measured")
    stats = survey_all(folders, root, args.mixed, clock.step)
    rows = assign(stats, fixed, clean_limit=args.clean_limit, seed=args.seed)
    write_split(rows, Path(args.out))
    for split in ("train", "validation", "test"):
        part = [r for r in rows if r.split == split]
        clean = [r for r in part if r.quality == "clean"]
        print(
            f"{split}: {len({r.patient for r in part})} patients, {len(part)} series; "
            f"clean: {len({r.patient for r in clean})} patients, {len(clean)} series"
        )
    return 0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    split = subparsers.add_parser("split", help="measure noise and fix train, validation and test patients in a file")
    split.add_argument("--data", required=True, help="root folder of the DICOM series")
    split.add_argument("--folders", nargs="+", default=["."], help="folders under the root to take")
    split.add_argument("--fixed", help="CSV with columns patient, split: patients decided by hand")
    split.add_argument("--mixed", action="store_true", help="folders may hold slices of several series of one patient")
    split.add_argument("--out", required=True, help="split file to write")
    split.add_argument("--clean-limit", type=float, default=CLEAN_LIMIT_HU, help="noise of the clean set, HU")
    split.add_argument("--seed", type=int, default=0)
    split.set_defaults(func=run_split)
