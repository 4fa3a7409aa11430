"""What a run tells: a CSV log and a line with the time left."""

from __future__ import annotations

import csv
import math
import sys
import time
from pathlib import Path
from typing import Any, TextIO


class DivergedError(RuntimeError):
    """A loss is not finite. The last good checkpoint is kept."""


class RunLog:
    """Averages what is noted and writes a row every `every` iterations."""

    def __init__(self, path: Path, total: int, every: int = 50, stream: TextIO | None = None) -> None:
        self.path, self.total, self.every, self.stream = Path(path), total, every, stream or sys.stderr
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._sums: dict[str, float] = {}
        self._count = 0
        self._started: tuple[float, int] | None = None

    def note(self, iteration: int, values: dict[str, float]) -> None:
        """`iteration` counts from 1. Raises DivergedError for a value that is not finite."""
        if self._started is None:
            self._started = (time.monotonic(), iteration - 1)
        for name, value in values.items():
            if not math.isfinite(value):
                raise DivergedError(f"{name} is {value} at iteration {iteration}")
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if iteration % self.every == 0 or iteration == self.total:
            self._row(iteration)

    def _row(self, iteration: int) -> None:
        means = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        append_csv(self.path, {"iteration": iteration, **means})
        assert self._started is not None
        since, first = self._started
        left = (time.monotonic() - since) / max(1, iteration - first) * (self.total - iteration)
        shown = "  ".join(f"{name} {value:.4g}" for name, value in means.items())
        print(f"{iteration}/{self.total}  {_clock(left)} left  {shown}", file=self.stream, flush=True)


def append_csv(path: Path, row: dict[str, float | int | str]) -> None:
    """Adds a row. Columns it is the first to have are added to the file; the rows before stay empty there."""
    rows: list[dict[str, Any]] = []
    columns: list[str] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), list(reader.fieldnames or [])
    text = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
    grown = columns + [name for name in row if name not in columns]
    with path.open("w" if grown != columns else "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=grown)
        if grown != columns:
            writer.writeheader()
            writer.writerows(rows)
        writer.writerow(text)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
