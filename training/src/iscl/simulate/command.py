"""`iscl simulate`: the pair cache."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from ..data import CLEAN_LIMIT_HU, DataError, read_split
from ..data.pairs import PairConfig, Task, build_one, check_cache, plan, write_summary
from ..data.progress import Clock
from .dose import Simulator

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
    config = PairConfig(
        dose=args.dose, fields=args.fields, noise_limit=args.noise_limit, per_series=args.per_series, seed=args.seed
    )
    rows = read_split(args.split)
    sources = plan(rows, root, args.quality, config.per_series)
    check_cache(out, sources, config)
    jobs = [(t, out, True) for t in sources]
    if args.noisy_out:
        # Real noisy slices need no simulation. They come first, so that unpaired training can begin.
        noisy = plan(rows, root, "noisy", config.per_series)
        check_cache(Path(args.noisy_out), noisy, config)
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
    simulate = subparsers.add_parser("simulate", help="build the cache of simulated low-dose pairs")
    simulate.add_argument("--data", required=True, help="root folder of the DICOM series")
    simulate.add_argument("--split", required=True, help="split file (iscl split)")
    simulate.add_argument("--out", required=True, help="folder of the pair cache")
    simulate.add_argument("--noisy-out", help="folder for real noisy slices, for unpaired training")
    simulate.add_argument("--quality", choices=("clean", "noisy"), default="clean",
                          help="series whose dose is lowered; pairs of noisy series are for `iscl train --independent` and for tests")
    simulate.add_argument("--noise-limit", type=float, default=CLEAN_LIMIT_HU,
                          help="leave out slices with this much noise of their own, HU (default: the clean limit)")
    simulate.add_argument("--dose", type=float, default=0.25, help="dose fraction of the noise fields")
    simulate.add_argument("--fields", type=int, default=4, help="noise fields a slice")
    simulate.add_argument("--per-series", type=int, default=24, help="slices taken from a training series at most")
    simulate.add_argument("--workers", type=int, default=2, help="processes, one thread each")
    simulate.add_argument("--device", default="cpu", help="cpu or cuda (then one worker)")
    simulate.add_argument("--seed", type=int, default=1)
    simulate.set_defaults(func=run_simulate)
