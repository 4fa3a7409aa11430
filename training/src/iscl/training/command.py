"""`iscl train`: one run from a configuration, or the whole recipe on a hospital's own two folders."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from .config import ConfigError, TrainConfig, make_config, read_config
from .pairs import PairSlice, read_pairs
from .run import Trainer, prepare, run
from .supervised import SupervisedTrainer
from .unpaired import IsclTrainer


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("train", help="train a denoiser", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a file of training/configs")
    parser.add_argument("--pairs", type=Path, required=True, help="folder that `iscl simulate` wrote")
    parser.add_argument("--noisy", type=Path, help="folder of real noisy slices that `iscl simulate` wrote (method iscl)")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run: checkpoints, CSV logs")
    parser.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="override an entry of the configuration, e.g. --set iterations=500 --set patches.batch=4")
    parser.set_defaults(handler=handle)


def handle(arguments: argparse.Namespace) -> int:
    config = read_config(arguments.config, overrides(arguments.config, arguments.set))
    train = read_pairs(arguments.pairs, "train")
    validation = read_pairs(arguments.pairs, "validation")
    prepare(config)
    real = read_pairs(arguments.noisy, "train") if arguments.noisy else []
    last = run(make_trainer(config, train, validation, real), config, arguments.out, arguments.resume)
    print(last)
    return 0


def make_trainer(
    config: TrainConfig, train: list[PairSlice], validation: list[PairSlice], real: list[PairSlice]
) -> Trainer:
    if config.method == "supervised":
        return SupervisedTrainer(config, train, validation)
    return IsclTrainer(config, train, real, validation)


def overrides(path: Path, entries: list[str]) -> dict[str, Any]:
    """KEY=VALUE entries over the file's own sections; values are TOML, bare words are strings."""
    try:
        raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read the configuration {path}: {error}") from error
    for entry in entries:
        key, separator, text = entry.partition("=")
        if not separator:
            raise ConfigError(f"--set takes KEY=VALUE, not {entry!r}")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        section, _, name = key.rpartition(".")
        (raw.setdefault(section, {}) if section else raw)[name] = value
    make_config(raw)
    return raw
