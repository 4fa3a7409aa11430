"""`iscl slabs`: packs volumes and trains the runs of a recipe on them."""

from __future__ import annotations

import argparse
import csv
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from .config import SlabConfig, SlabConfigError, load_recipe
from .run import train

RECIPES = Path(__file__).parent / "recipes"


def run_pack(args: argparse.Namespace) -> int:
    from ..data.errors import DataError
    from .pack import pack
    from .volume import read_volume

    volumes, root = [], Path(args.data)
    chosen = []
    for split in args.split:
        with Path(split).open(newline="", encoding="utf-8") as handle:
            chosen += [row["path"] for row in csv.DictReader(handle) if row["split"] == "train"]
    for number, path in enumerate(chosen, 1):
        try:
            volumes.append(read_volume(root / path, args.slices, mixed=True))
        except DataError as error:
            print(f"left out: {error}", file=sys.stderr)
        print(f"{number} of {len(chosen)} folders", end="\r", file=sys.stderr)
    size = pack(volumes, Path(args.out))
    print(f"{args.out}: {len(volumes)} volumes, {sum(len(v.hu) for v in volumes)} slices, {size / 1e6:.1f} MB")
    return 0


def run_train(args: argparse.Namespace) -> int:
    out, device = Path(args.out), torch.device(args.device)
    changes = {key: value for key, value in {"minutes": args.minutes, "iterations": args.iterations}.items() if value is not None}
    path = Path(args.recipe) if args.recipe.endswith(".toml") else RECIPES / f"{args.recipe}.toml"
    configs = load_recipe(path, **changes)
    if args.runs:
        unknown = set(args.runs) - {config.name for config in configs}
        if unknown:
            raise SlabConfigError(f"{path.name} has no run {', '.join(sorted(unknown))}; it has {', '.join(c.name for c in configs)}")
        configs = [config for config in configs if config.name in args.runs]
    configs = [_started(config, out, Path(args.starts)) for config in configs]
    volumes = _volumes(Path(args.pack))
    if args.beside:
        return _beside(configs, volumes, args, path)
    for config in configs:
        train(config, volumes, out / config.name, device, resume=args.resume)
    return 0


def _volumes(path: Path) -> list:
    if path.suffix == ".pickle":
        with path.open("rb") as file:
            return pickle.load(file)  # written by `_beside` of this very run
    from .pack import read_pack

    return read_pack(path)


def _started(config: SlabConfig, out: Path, starts: Path) -> SlabConfig:
    """`start_from` names a run of this folder or of `starts`, or a file."""
    if not config.start_from or Path(config.start_from).exists():
        return config
    for folder in (out, starts):
        for found in (folder / config.start_from / "last.pt", folder / f"{config.start_from}.pt"):
            if found.exists():
                return config.model_copy(update={"start_from": str(found)})
    return config.model_copy(update={"start_from": str(out / config.start_from / "last.pt")})


def _beside(configs: list[SlabConfig], volumes: list, args: argparse.Namespace, recipe: Path) -> int:
    """All runs at once, a process each: one small network alone does not fill a data-centre GPU."""
    shared = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
    stored = shared / f"iscl-volumes-{os.getpid()}.pickle"
    with stored.open("wb") as file:
        pickle.dump(volumes, file, protocol=5)
    try:
        failed: list[str] = []
        for stage in _stages(configs):
            begun = []
            for config in stage:
                command = [sys.executable, "-m", "iscl.cli", "slabs", "train", "--pack", str(stored), "--recipe", str(recipe), "--runs", config.name,
                           "--out", args.out, "--device", args.device, "--starts", args.starts, *(["--resume"] if args.resume else [])]
                for key in ("minutes", "iterations"):
                    if getattr(args, key) is not None:
                        command += [f"--{key}", str(getattr(args, key))]
                begun.append((config.name, subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})))
                time.sleep(0.2)
            failed += [name for name, process in begun if process.wait() != 0]
    finally:
        stored.unlink(missing_ok=True)
    if failed:
        print(f"failed: {', '.join(failed)}; the others are whole", file=sys.stderr)
    return 1 if failed else 0


def _stages(configs: list[SlabConfig]) -> list[list[SlabConfig]]:
    """Runs that start from nothing of this recipe, then those that start from them, and so on."""
    stages: list[list[SlabConfig]] = []
    waiting, ready = list(configs), set()
    names = {config.name for config in configs}
    while waiting:
        now = [c for c in waiting if not c.start_from or _run_name(c) not in names or _run_name(c) in ready]
        if not now:
            raise SlabConfigError(f"these runs start from each other: {', '.join(c.name for c in waiting)}")
        stages.append(now)
        ready |= {config.name for config in now}
        waiting = [config for config in waiting if config.name not in ready]
    return stages


def _run_name(config: SlabConfig) -> str:
    start = Path(config.start_from)
    return start.parent.name if start.name == "last.pt" else start.stem


def run_collect(args: argparse.Namespace) -> int:
    from .collect import collect

    for line in collect(Path(args.runs), Path(args.out)):
        print(line)
    return 0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    slabs = subparsers.add_parser("slabs", help="train on contiguous slices")
    parts = slabs.add_subparsers(required=True)
    packing = parts.add_parser("pack", help="put the training series of a split into one file")
    packing.add_argument("--data", required=True, help="root folder of the series")
    packing.add_argument("--split", required=True, nargs="+", help="CSV files with the columns path and split; their train rows are packed")
    packing.add_argument("--slices", type=int, default=0, help="at most so many slices of a series, its middle ones (default: all)")
    packing.add_argument("--out", required=True, help="file to write")
    packing.set_defaults(func=run_pack)
    training = parts.add_parser("train", help="train the runs of a recipe")
    training.add_argument("--pack", required=True, help="file of `iscl slabs pack`")
    training.add_argument("--recipe", required=True, help="TOML file, or the name of one of the recipes that come with the trainer")
    training.add_argument("--runs", nargs="*", help="only these runs")
    training.add_argument("--out", required=True, help="folder; each run gets a folder of its name in it")
    training.add_argument("--starts", default=".", help="folder of other runs, or of checkpoints NAME.pt, to start from")
    training.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    training.add_argument("--minutes", type=float, help="instead of the recipe's")
    training.add_argument("--iterations", type=int, help="instead of the recipe's")
    training.add_argument("--beside", action="store_true", help="all runs at once, a process each")
    training.add_argument("--resume", action="store_true", help="go on from the checkpoints in --out")
    training.set_defaults(func=run_train)
    collecting = parts.add_parser("collect", help="make the checkpoints of runs small and put them into few files")
    collecting.add_argument("--runs", required=True, help="folder of `iscl slabs train --out`")
    collecting.add_argument("--out", required=True)
    collecting.set_defaults(func=run_collect)
