"""Runs by the clock: several configurations in turn or beside each other, each with checkpoints and a log."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..training import checkpoint
from ..training.progress import DivergedError, append_csv
from .config import SlabConfig
from .volume import Volume

LOG_EVERY = 100
CHECKPOINT_SECONDS = 60.0


def train(config: SlabConfig, volumes: list[Volume], folder: Path, device: torch.device, resume: bool = False) -> Path:
    """Trains until `config.iterations` or `config.minutes`, whichever comes first, and returns `folder`/last.pt.

    The learning rate follows the larger of both shares. With `resume` the run goes on from its checkpoint, also from one that another
    device wrote, and `minutes` counts what was trained before. Raises DivergedError when a loss is not finite; the last good
    checkpoint stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / "last.pt"
    start = checkpoint.start_weights(Path(config.start_from), config.network) if config.start_from else None
    trainer = _trainer(config, volumes, device, start)
    iteration, spent = 0, 0.0
    if resume and last.exists():
        saved = checkpoint.load(last)
        trainer.restore({"nets": saved["nets"], "ema": saved["ema"], **saved.get("trainer", {})})
        iteration, spent = saved["iteration"], saved["seconds"]
    (folder / "config.json").write_text(config.model_dump_json(indent=1) + "\n", encoding="utf-8")
    began = saved_at = time.monotonic()
    logged: dict[str, torch.Tensor] = {}

    def progress() -> float:
        by_clock = (spent + time.monotonic() - began) / (60.0 * config.minutes)
        return max(by_clock, iteration / config.iterations if config.iterations else 0.0)

    while progress() < 1.0:
        values = trainer.step(iteration, progress())
        iteration += 1
        for key, value in values.items():
            logged[key] = logged.get(key, 0.0) + value / LOG_EVERY
        if iteration % LOG_EVERY == 0:
            row = {key: float(value) for key, value in logged.items()}
            seconds = spent + time.monotonic() - began
            if not all(abs(value) < 1e6 for value in row.values()):
                raise DivergedError(f"the loss of {config.name} is not finite after iteration {iteration}; the last good checkpoint stays")
            append_csv(folder / "log.csv", {"iteration": iteration, "seconds": round(seconds, 1), **row})
            if iteration % (10 * LOG_EVERY) == 0 or iteration == LOG_EVERY:
                shown = "  ".join(f"{key} {value:.4f}" for key, value in row.items())
                print(f"{config.name}  {iteration}  {seconds:.0f} s of {60 * config.minutes:.0f}  {shown}", file=sys.stderr, flush=True)
            logged = {}
        if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            _save(last, config, trainer, iteration, spent + time.monotonic() - began)
            saved_at = time.monotonic()
    _save(last, config, trainer, iteration, spent + time.monotonic() - began)
    return last


def _trainer(config: SlabConfig, volumes: list[Volume], device: torch.device, start: dict[str, torch.Tensor] | None) -> Any:
    if config.method == "iscl":
        from .unpaired import SlabIsclTrainer

        return SlabIsclTrainer(config, volumes, device, start)
    from .supervised import SlabTrainer

    return SlabTrainer(config, volumes, device, start)


def _save(path: Path, config: SlabConfig, trainer: Any, iteration: int, seconds: float) -> None:
    state = trainer.state()
    checkpoint.save(path, {
        "iteration": iteration, "seconds": seconds, "config": json.loads(config.model_dump_json()), "version": __version__,
        "nets": state.pop("nets"), "ema": state.pop("ema"), "kinds": state["kinds"], "trainer": state,
    })
