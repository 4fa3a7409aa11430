"""Figures of a model: of one series, and their mean over series with an interval over patients and places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .measure import TISSUES

RESAMPLES = 400


@dataclass(frozen=True)
class Figure:
    """value, and its 95 % interval; nan where unknown. series: how many stand behind it."""

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    series: int = 0


def _number(value) -> float:
    return float("nan") if value is None else float(value)


def series_figure(series: dict, setting: str, name: str) -> Figure:
    """A figure of one series, its interval over places (or slices)."""
    if name == "largest_bias":
        return max((series_figure(series, setting, f"bias_{t}") for t in TISSUES), key=_size)
    found = (series.get(setting) or {}).get(name)
    if found is None or not np.isfinite(_number(found["value"])):
        return Figure()
    draws = np.array([_number(v) for v in found["draws"]])
    draws = draws[np.isfinite(draws)]
    low, high = np.percentile(draws, [2.5, 97.5]) if len(draws) else (float("nan"),) * 2
    return Figure(_number(found["value"]), float(low), float(high), 1)


def _size(figure: Figure) -> float:
    return abs(figure.value) if np.isfinite(figure.value) else -1.0


def mean_figure(result: dict, setting: str, name: str) -> Figure:
    """Mean over the series that have the figure. The interval draws patients, and for each series one of its own bootstrap draws."""
    if name == "largest_bias":
        return max((mean_figure(result, setting, f"bias_{t}") for t in TISSUES), key=_size)
    patients: dict[str, list[tuple[float, np.ndarray]]] = {}
    for series in result["series"].values():
        found = (series.get(setting) or {}).get(name)
        if found is None or not np.isfinite(_number(found["value"])):
            continue
        draws = np.array([_number(v) for v in found["draws"]])
        patients.setdefault(series["patient"], []).append((_number(found["value"]), draws[np.isfinite(draws)]))
    groups = list(patients.values())
    if not groups:
        return Figure()
    values = [value for group in groups for value, _ in group]
    rng = np.random.default_rng(0)
    means = []
    for _ in range(RESAMPLES):
        drawn = [item for k in rng.integers(0, len(groups), len(groups)) for item in groups[k]]
        means.append(np.mean([rng.choice(draws) if len(draws) else value for value, draws in drawn]))
    low, high = np.percentile(means, [2.5, 97.5])
    return Figure(float(np.mean(values)), float(low), float(high), len(values))
