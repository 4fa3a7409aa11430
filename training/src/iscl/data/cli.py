"""`iscl split` and `iscl simulate`: the split file and the pair cache."""

from __future__ import annotations

import argparse
import csv
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from ..simulate import Simulator
from .errors import DataError, NoDicomError
from .pairs import PairConfig, Task, build_one, plan, write_summary
from .split import CLEAN_LIMIT_HU, assign, read_split, survey, write_split


class Clock:
    """Progress with time left, on stderr: a line at most every two seconds."""

    def __init__(self, total: int, what: str):
        self.total, self.what, self.done = total, what, 0
        self.started = self.printed = time.monotonic()

    def step(self, note: str = "") -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.printed < 2 and self.done < self.total:
            return
        self.printed = now
        left = (now - self.started) / self.done * (self.total - self.done)
        print(f"{self.what} {self.done}/{self.total}, {left:.0f} s left {note}", file=sys.stderr, flush=True)


def series_folders(root: Path) -> list[Path]:
    """Folders that hold files directly, sorted."""
    if not root.is_dir():
        raise NoDicomError("folder does not exist", root)
    folders = [f for f in [root, *sorted(root.rglob("*"))] if f.is_dir() and any(c.is_file() for c in f.iterdir())]
    if not folders:
        raise NoDicomError("folder is empty", root)
    return folders


def run_split(args: argparse.Namespace) -> int:
    root = Path(args.data)
    folders = [f for sub in args.folders for f in series_folders(root / sub)]
    fixed: dict[str, str] = {}
    if args.fixed:
        with open(args.fixed, newline="") as handle:
            fixed = {r["patient"]: r["split"] for r in csv.DictReader(handle)}
    clock = Clock(len(folders), "measured")
    stats = []
    for folder in folders:
        try:
            stats.append(survey(folder, root))
        except NoDicomError as error:
            print(f"left out: {error}", file=sys.stderr)
        clock.step()
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


_worker: dict[str, object] = {}


def _start(device: str) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _worker["simulator"] = Simulator(device=device)


def _build(task: Task, folder: Path, simulate: bool, config: PairConfig) -> str:
    simulator = _worker["simulator"] if simulate else None
    assert simulator is None or isinstance(simulator, Simulator)
    return build_one(task, folder, simulator, config)


def run_simulate(args: argparse.Namespace) -> int:
    root, out = Path(args.data), Path(args.out)
    rows = read_split(args.split)
    config = PairConfig(dose=args.dose, fields=args.fields, per_series=args.per_series, seed=args.seed)
    jobs = [(t, out, True) for t in plan(rows, root, "clean", config.per_series)]
    if args.noisy_out:
        # Real noisy slices cost no simulation: first, so that unpaired training can begin.
        noisy = plan(rows, root, "noisy", config.per_series)
        jobs = [(t, Path(args.noisy_out), False) for t in noisy] + jobs
    clock = Clock(len(jobs), "cached")
    failed = 0
    with ProcessPoolExecutor(args.workers, initializer=_start, initargs=(args.device,)) as pool:
        futures = {pool.submit(_build, t, f, s, config): t for t, f, s in jobs}
        for future in as_completed(futures):
            try:
                clock.step(f"({futures[future].name}: {future.result()})")
            except DataError as error:
                failed += 1
                print(f"left out: {error}", file=sys.stderr)
    print(write_summary(out, config))
    if args.noisy_out:
        print(write_summary(Path(args.noisy_out), config))
    return 1 if failed else 0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    split = subparsers.add_parser("split", help="measure noise and fix train, validation and test patients in a file")
    split.add_argument("--data", required=True, help="root folder of the DICOM series")
    split.add_argument("--folders", nargs="+", default=["."], help="folders under the root to take")
    split.add_argument("--fixed", help="CSV with columns patient, split: patients decided by hand")
    split.add_argument("--out", required=True, help="split file to write")
    split.add_argument("--clean-limit", type=float, default=CLEAN_LIMIT_HU, help="noise of the clean set, HU")
    split.add_argument("--seed", type=int, default=0)
    split.set_defaults(func=run_split)

    simulate = subparsers.add_parser("simulate", help="build the cache of simulated low-dose pairs")
    simulate.add_argument("--data", required=True, help="root folder of the DICOM series")
    simulate.add_argument("--split", required=True, help="split file (iscl split)")
    simulate.add_argument("--out", required=True, help="folder of the pair cache")
    simulate.add_argument("--noisy-out", help="folder for real noisy slices, for unpaired training")
    simulate.add_argument("--dose", type=float, default=0.25, help="dose fraction of the noise fields")
    simulate.add_argument("--fields", type=int, default=4, help="noise fields a slice")
    simulate.add_argument("--per-series", type=int, default=24, help="slices taken from a training series at most")
    simulate.add_argument("--workers", type=int, default=2, help="processes, one thread each")
    simulate.add_argument("--device", default="cpu", help="cpu or cuda (then one worker)")
    simulate.add_argument("--seed", type=int, default=1)
    simulate.set_defaults(func=run_simulate)
