"""The rule that picks the default model from the judge's figures (docs/evaluation.md states it; fixed before anything was measured by
it)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CUT = 0.6
LEAST_CUT = 0.2
"""A series in which a model takes out less than this says nothing about what a larger cut would cost."""
MOST_LEFT = 0.6
"""A candidate leaves at most this share of the noise, in the mean over series, at full strength."""


@dataclass(frozen=True)
class Condition:
    """A figure of the mean row that must hold: `limit` is a least or a most."""

    name: str
    setting: str
    figure: str
    limit: float
    least: bool

    def holds(self, value: float | None) -> bool:
        """Unknown is not met."""
        if value is None or not np.isfinite(value):
            return False
        return value >= self.limit if self.least else value <= self.limit

    @property
    def text(self) -> str:
        return f"{self.name} {'>=' if self.least else '<='} {self.limit:g}"


CONDITIONS = (
    Condition("CHO d'", "shipped", "cho_5mm", 0.98, True),
    Condition("evenness", "shipped", "evenness", 1.8, False),
    Condition("largest bias, HU", "shipped", "largest_bias", 1.0, False),
    Condition("NPS mean frequency", "shipped", "nps", 0.80, True),
    Condition("leak along z", "shipped", "leak_slice", 0.04, False),
)


@dataclass(frozen=True)
class Verdict:
    """candidate: takes out enough noise. failed: conditions not met. score: contrast kept at 60 % noise cut, mean over series. worst: the
    least over series. reached: in how many series full strength takes out 60 %."""

    model: str
    candidate: bool
    failed: tuple[str, ...]
    score: float
    worst: float
    reached: int


def contrast_at_cut(series: dict) -> float:
    """Contrast kept of the 5 mm, 20 HU ball where 60 % of the noise is gone. Where full strength takes out less, its loss is scaled up to
    60 % in proportion; nan where it takes out under a fifth."""
    kept = _value(series, "cut60", "contrast_5mm")
    if np.isfinite(kept):
        return kept
    cut = 1 - _value(series, "shipped", "noise_left")
    if not cut >= LEAST_CUT:
        return float("nan")
    return 1 - (1 - _value(series, "shipped", "contrast_5mm")) * max(CUT / cut, 1.0)


def verdict(results: dict[str, dict], mean_value: Callable[[dict, str, str], float]) -> list[Verdict]:
    """Models, the default first: candidates, then fewest conditions failed, then most contrast kept. results: {model: {"series": {name:
    figures}}}; mean_value gives the size of a figure of a model's mean row."""
    found = []
    for model, result in results.items():
        failed = tuple(c.text for c in CONDITIONS if not c.holds(mean_value(result, c.setting, c.figure)))
        scores = [s for series in result["series"].values() if np.isfinite(s := contrast_at_cut(series))]
        reached = sum(np.isfinite(_value(series, "cut60", "contrast_5mm")) for series in result["series"].values())
        candidate = bool(scores) and mean_value(result, "shipped", "noise_left") <= MOST_LEFT
        found.append(
            Verdict(
                model,
                candidate,
                failed,
                float(np.mean(scores)) if scores else float("nan"),
                min(scores, default=float("nan")),
                int(reached),
            )
        )
    return sorted(found, key=lambda v: (not v.candidate, len(v.failed), -v.score if np.isfinite(v.score) else np.inf, v.model))


def _value(series: dict, setting: str, figure: str) -> float:
    value = ((series.get(setting) or {}).get(figure) or {}).get("value")
    return float("nan") if value is None else float(value)
