"""What every run shares: seeds, checkpoints, resuming, logging, validation."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from .. import __version__
from . import checkpoint
from .config import TrainConfig
from .progress import DivergedError, RunLog, append_csv


class Trainer(Protocol):
    """One method of training. `step` does one iteration (counted from 0) and returns what to log."""

    def step(self, iteration: int) -> dict[str, float]: ...

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs, plus `nets`, `ema` and `kinds` for `load_checkpoint`."""
        ...

    def restore(self, state: dict[str, Any]) -> None: ...

    def validate(self) -> dict[str, float]: ...


class RunError(RuntimeError):
    """The run cannot start or go on; the message says what was kept and what to do."""


def prepare(config: TrainConfig) -> None:
    """Seeds and thread count. Denormals are flushed: without it, convolutions on a CPU slow down as weights settle."""
    random.seed(config.seed)
    np.random.seed(config.seed)  # noqa: NPY002  # for packages that use the global generator
    torch.manual_seed(config.seed)
    # More threads than cores wait for each other at every operation: the training stalls.
    torch.set_num_threads(min(config.threads, os.cpu_count() or 1))
    torch.set_flush_denormal(True)
    if config.bf16 and not half_precision(config):
        print(f"{config.device} has no bfloat16: training in float32", file=sys.stderr, flush=True)


def half_precision(config: TrainConfig) -> bool:
    """Whether this run computes in bfloat16: where it is asked for and the device has it. A processor without AVX-512 emulates it, at
    a 25th of the speed of float32."""
    if not config.bf16:
        return False
    device = torch.device(config.device)
    if device.type == "cpu":
        return torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return device.type != "cuda" or torch.cuda.is_bf16_supported()


def run(trainer: Trainer, config: TrainConfig, folder: Path, resume: bool, stop_after: int | None = None) -> Path:
    """Trains to `config.iterations` and returns the last checkpoint, `folder`/last.pt.

    With `resume` it goes on from that checkpoint, with the same random numbers as if it had never stopped. Without, the
    folder must hold none. A loss that is not finite raises RunError and leaves the last good checkpoint in place.
    """
    folder = Path(folder)
    last = folder / "last.pt"
    start = 0
    if resume:
        saved = checkpoint.load(last)
        _same_config(saved["config"], config)
        trainer.restore(saved["trainer"])
        torch.set_rng_state(saved["torch_rng"])
        start = saved["iteration"]
        _trim(folder / "log.csv", start)
        _trim(folder / "validation.csv", start)
    elif last.exists():
        raise RunError(f"{folder} already holds a run; add --resume to go on with it, or choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.to_dict(), indent=1) + "\n", encoding="utf-8")
    log = RunLog(folder / "log.csv", config.iterations, config.log_every)
    saved_at = time.monotonic()

    def keep(iteration: int) -> None:
        state = trainer.state()
        if broken := _not_finite(state):
            raise DivergedError(f"the weights of {broken} are not finite after iteration {iteration}")
        checkpoint.save(last, {
            "iteration": iteration, "config": config.to_dict(), "version": __version__,
            "nets": state["nets"], "ema": state["ema"], "kinds": state["kinds"],
            "trainer": state, "torch_rng": torch.get_rng_state(),
        })

    try:
        for iteration in range(start, config.iterations):
            log.note(iteration + 1, trainer.step(iteration))
            done = iteration + 1
            if done % config.validate_every == 0 or done == config.iterations:
                figures = trainer.validate()
                append_csv(folder / "validation.csv", {"iteration": done, **figures})
                print("validation  " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items()), file=sys.stderr, flush=True)
            if time.monotonic() - saved_at > config.checkpoint_seconds or done == config.iterations or done == stop_after:
                keep(done)
                saved_at = time.monotonic()
            if done == stop_after:
                break
    except DivergedError as error:
        kept = f"the last good checkpoint is {last}" if last.exists() else "no checkpoint had been written yet"
        # Resuming would repeat the same random numbers, and a resumed run takes no other lr.
        raise RunError(f"training diverged: {error}; {kept}. Train again in another folder with a lower lr") from error
    return last


def _not_finite(state: dict[str, Any]) -> str | None:
    """The first network of a trainer's state with a weight that is not finite. A gradient can overflow where the loss did not."""
    for part in ("nets", "ema"):
        for name, weights in state[part].items():
            if not all(value.isfinite().all() for value in weights.values() if value.is_floating_point()):
                return name
    return None


def _same_config(saved: dict[str, Any], config: TrainConfig) -> None:
    """Only what cannot change the result may differ."""
    free = {"threads", "device", "log_every", "checkpoint_seconds"}
    now = json.loads(json.dumps(config.to_dict()))
    saved = json.loads(json.dumps(saved))
    differing = [key for key in now if key not in free and saved.get(key) != now[key]]
    if differing:
        raise RunError(f"the checkpoint was made with another {', '.join(differing)}; resume with the same configuration")


def _trim(path: Path, iteration: int) -> None:
    """Drops the rows after the checkpoint: the resumed run writes them again."""
    if not path.exists():
        return
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if int(row.split(",", 1)[0]) <= iteration]
    path.write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")
