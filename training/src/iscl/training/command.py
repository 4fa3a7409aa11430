"""`iscl train`: one run, or several in turn, from simulated pairs or from a hospital's own two folders."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

import torch

from .config import ConfigError, TrainConfig, make_config
from .own_folders import Caches, cache_folders
from .pairs import PairsError, PairSlice, check_folders, read_pairs
from .patches import PatchSampler
from .run import RunError, Trainer, prepare, run
from .supervised import SupervisedTrainer
from .unpaired import IsclTrainer, UnpairedSampler

SHIPPED = Path(__file__).parents[1] / "configs"
DEFAULT_RECIPE = ["ct-fast-short", "ct-fast-short-all-patients", "ct-fast-short-iscl"]
"""What two processor cores train in an afternoon; docs/training.md has the longer one for a GPU or a night."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("train", help="train a denoiser", description=__doc__)
    parser.add_argument("--config", action="append", metavar="FILE|NAME",
                        help=f"a configuration, or the name of a shipped one ({', '.join(shipped_names())}); given several "
                             f"times, each run starts from the one before (default: {', then '.join(DEFAULT_RECIPE)})")
    data = parser.add_argument_group("data, either")
    data.add_argument("--pairs", type=Path, help="folder of pairs that `iscl simulate` wrote")
    data.add_argument("--real", type=Path, help="with --pairs: its folder of real noisy slices, for the unpaired method")
    data.add_argument("--independent", type=Path,
                      help="with --pairs: a folder of pairs of noisy series (`iscl simulate --quality noisy`), for the supervised runs with "
                           "patches.independent_target")
    own = parser.add_argument_group("or your own DICOM")
    own.add_argument("--clean", type=Path, help="folder of low-noise series, one folder each")
    own.add_argument("--noisy", type=Path, help="folder of noisy series of other patients, one folder each")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: checkpoints, CSV logs")
    parser.add_argument("--resume", action="store_true", help="go on where the run was stopped")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="override an entry of every configuration, e.g. --set iterations=500 --set patches.batch=4")
    parser.set_defaults(func=handle)


def handle(arguments: argparse.Namespace) -> int:
    if arguments.clean and arguments.noisy and not (arguments.config or arguments.pairs) and (done := _on_slabs(arguments)) is not None:
        print(done)
        return 0
    names = arguments.config or DEFAULT_RECIPE
    configs = [configuration(name, arguments.set) for name in names]
    several = len(configs) > 1
    folders = [arguments.out / f"{n}-{Path(name).stem}" for n, name in enumerate(names, start=1)] if several else [arguments.out]
    for config, folder in zip(configs, folders, strict=True):
        _check_device(config)
        if not arguments.resume and (folder / "last.pt").exists():
            raise RunError(f"{folder} already holds a run; add --resume to go on with it, or choose another folder")
    if arguments.independent and not any(map(takes_noisy_pairs, configs)):
        raise ConfigError(f"--independent is for supervised runs with patches.independent_target, which is none of {', '.join(names)}")
    caches = _data(arguments, configs)
    train, validation = read_pairs(caches.pairs, "train"), read_pairs(caches.pairs, "validation")
    noisy, noisy_pairs = _beside(caches.pairs, caches.real), _beside(caches.pairs, caches.independent)
    sets = [train + noisy_pairs if takes_noisy_pairs(config) else train for config in configs]
    _check_data(configs, sets, validation, noisy)
    previous: Path | None = None
    for config, folder, slices in zip(configs, folders, sets, strict=True):
        if previous is not None:
            config = make_config({**config.to_dict(), "start_from": str(previous)})
        prepare(config)
        resume = arguments.resume and (not several or (folder / "last.pt").exists())
        previous = run(make_trainer(config, slices, validation, noisy), config, folder, resume)
    print(previous)
    return 0


def _on_slabs(arguments: argparse.Namespace) -> Path | None:
    """Trains on runs of neighbouring slices when both folders hold some; the last checkpoint, or None when they do not."""
    from ..slabs.config import load_recipe
    from ..slabs.own_folders import RECIPE, contiguous, train_slabs

    folders = [arguments.out / config.name for config in load_recipe(RECIPE)]
    for folder in folders:
        if not arguments.resume and (folder / "last.pt").exists():
            raise RunError(f"{folder} already holds a run; add --resume to go on with it, or choose another folder")
    volumes = contiguous(arguments.clean, arguments.noisy)
    if volumes is None:
        return None
    return train_slabs(volumes, arguments.out, arguments.resume, entries(arguments.set))


def takes_noisy_pairs(config: TrainConfig) -> bool:
    """Whether pairs of noisy series may train this run: their noise may not become a target, nor the clean side of the unpaired method."""
    return config.method == "supervised" and config.patches.independent_target


def _beside(pairs: Path, folder: Path | None) -> list[PairSlice]:
    """The training slices of a folder that goes with `pairs`, whose patients have to agree with it."""
    if folder is None:
        return []
    slices = read_pairs(folder, "train")
    check_folders(pairs, folder)
    return slices


def _check_device(config: TrainConfig) -> None:
    if torch.device(config.device).type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {config.device}: this PyTorch finds no CUDA device")


def _check_data(
    configs: list[TrainConfig], sets: list[list[PairSlice]], validation: list[PairSlice], noisy: list[PairSlice]
) -> None:
    """Raises what the last run of a recipe would, before the first one has spent its hours."""
    without = sorted({pair.name for slices in [*sets, validation] for pair in slices if not len(pair.noise)})
    if without:
        raise PairsError(f"{len(without)} slices of pairs have no simulated noise, the first is {without[0]}; real noisy "
                         "slices belong to --real")
    for config, slices in zip(configs, sets, strict=True):
        PatchSampler(slices, config.patches, config.seed)
        if config.method == "iscl":
            UnpairedSampler(config, slices, noisy)


def _data(arguments: argparse.Namespace, configs: list[TrainConfig]) -> Caches:
    if arguments.pairs and not (arguments.clean or arguments.noisy):
        return Caches(arguments.pairs, arguments.real, arguments.independent)
    if arguments.clean and arguments.noisy and not (arguments.pairs or arguments.real or arguments.independent):
        return cache_folders(arguments.clean, arguments.noisy, arguments.out, any(map(takes_noisy_pairs, configs)))
    raise PairsError("give either --pairs (and --real, --independent), or both --clean and --noisy")


def make_trainer(
    config: TrainConfig, train: list[PairSlice], validation: list[PairSlice], real: list[PairSlice]
) -> Trainer:
    if config.method == "supervised":
        return SupervisedTrainer(config, train, validation)
    return IsclTrainer(config, train, real, validation)


def shipped_names() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def configuration(name: str, given: list[str]) -> TrainConfig:
    """A configuration by file or shipped name, with KEY=VALUE entries over it; values are TOML, bare words strings.

    Raises ConfigError for anything unusable.
    """
    path = Path(name)
    if not path.exists():
        path = SHIPPED / f"{name}.toml"
    if not path.exists():
        raise ConfigError(f"there is no configuration {name}; shipped are {', '.join(shipped_names())}")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error}") from error
    return make_config(_merged(raw, entries(given)))


def _merged(raw: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    for key, value in changes.items():
        raw[key] = {**raw.get(key, {}), **value} if isinstance(value, dict) and isinstance(raw.get(key, {}), dict) else value
    return raw


def entries(given: list[str]) -> dict[str, Any]:
    """KEY=VALUE and SECTION.KEY=VALUE as a tree; values are TOML, bare words strings. Raises ConfigError for anything else."""
    raw: dict[str, Any] = {}
    for entry in given:
        key, separator, text = entry.partition("=")
        if not separator:
            raise ConfigError(f"--set takes KEY=VALUE, not {entry!r}")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        section, _, key = key.rpartition(".")
        target = raw.setdefault(section, {}) if section else raw
        if not isinstance(target, dict):
            raise ConfigError(f"--set {entry}: {section} is no section")
        target[key] = value
    return raw
