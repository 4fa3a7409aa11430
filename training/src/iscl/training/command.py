"""`iscl train`: one run, or several in turn, from simulated pairs or from a hospital's own two folders."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from .config import ConfigError, TrainConfig, make_config
from .own_folders import cache_folders
from .pairs import PairSlice, PairsError, read_pairs
from .run import Trainer, prepare, run
from .supervised import SupervisedTrainer
from .unpaired import IsclTrainer

SHIPPED = Path(__file__).parents[1] / "configs"
DEFAULT_RECIPE = ["ct-fast-supervised", "ct-fast-edges", "ct-fast-iscl"]


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("train", help="train a denoiser", description=__doc__)
    parser.add_argument("--config", action="append", metavar="FILE|NAME",
                        help=f"a configuration, or the name of a shipped one ({', '.join(shipped_names())}); given several "
                             f"times, each run starts from the one before (default: {', then '.join(DEFAULT_RECIPE)})")
    data = parser.add_argument_group("data, either")
    data.add_argument("--pairs", type=Path, help="folder of pairs that `iscl simulate` wrote")
    data.add_argument("--real", type=Path, help="with --pairs: its folder of real noisy slices, for the unpaired method")
    own = parser.add_argument_group("or your own DICOM")
    own.add_argument("--clean", type=Path, help="folder of low-noise series, one folder each")
    own.add_argument("--noisy", type=Path, help="folder of noisy series of other patients, one folder each")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: checkpoints, CSV logs")
    parser.add_argument("--resume", action="store_true", help="go on where the run was stopped")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="override an entry of every configuration, e.g. --set iterations=500 --set patches.batch=4")
    parser.set_defaults(func=handle)


def handle(arguments: argparse.Namespace) -> int:
    names = arguments.config or DEFAULT_RECIPE
    configs = [configuration(name, arguments.set) for name in names]
    pairs, real = _data(arguments)
    train, validation = read_pairs(pairs, "train"), read_pairs(pairs, "validation")
    noisy = read_pairs(real, "train") if real else []
    previous: Path | None = None
    for number, (name, config) in enumerate(zip(names, configs, strict=True), start=1):
        folder = arguments.out if len(configs) == 1 else arguments.out / f"{number}-{Path(name).stem}"
        if previous is not None:
            config = make_config({**config.to_dict(), "start_from": str(previous)})
        prepare(config)
        resume = arguments.resume and (len(configs) == 1 or (folder / "last.pt").exists())
        previous = run(make_trainer(config, train, validation, noisy), config, folder, resume)
    print(previous)
    return 0


def _data(arguments: argparse.Namespace) -> tuple[Path, Path | None]:
    if arguments.pairs and not (arguments.clean or arguments.noisy):
        return arguments.pairs, arguments.real
    if arguments.clean and arguments.noisy and not (arguments.pairs or arguments.real):
        return cache_folders(arguments.clean, arguments.noisy, arguments.out)
    raise PairsError("give either --pairs (and --real), or both --clean and --noisy")


def make_trainer(
    config: TrainConfig, train: list[PairSlice], validation: list[PairSlice], real: list[PairSlice]
) -> Trainer:
    if config.method == "supervised":
        return SupervisedTrainer(config, train, validation)
    return IsclTrainer(config, train, real, validation)


def shipped_names() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def configuration(name: str, entries: list[str]) -> TrainConfig:
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
    for entry in entries:
        key, separator, text = entry.partition("=")
        if not separator:
            raise ConfigError(f"--set takes KEY=VALUE, not {entry!r}")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        section, _, key = key.rpartition(".")
        (raw.setdefault(section, {}) if section else raw)[key] = value
    return make_config(raw)
