"""Evaluation cases: a reference slice, the same slice at low dose, and what is known about both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .metrics import ABDOMEN, CHEST, Window


class EvaluationError(ValueError):
    """The evaluation cannot run on what it was given; the message says what is missing and what to do."""


@dataclass(frozen=True)
class EvalCase:
    """One slice. `reference` and `noisy` are float32 [H, W] in HU, `body` bool [H, W], `spacing` in mm."""

    name: str
    patient: str
    kernel: str
    spacing: float
    reference: np.ndarray
    noisy: np.ndarray
    body: np.ndarray
    window: Window


def choose_window(reference: np.ndarray, body: np.ndarray) -> Window:
    """Chest window where lung fills at least 8 % of the body's pixels, abdomen window otherwise."""
    inside = reference[body]
    if not inside.size:
        return ABDOMEN
    lung = np.mean((inside > -950) & (inside < -600))
    return CHEST if lung >= 0.08 else ABDOMEN


def _text(value: np.ndarray) -> str:
    return str(np.asarray(value).item() if np.asarray(value).size == 1 else value)


def load_cases(
    pairs: str | Path, split: str, maximum: int | None = None, dose_factor: float = 1.0
) -> list[EvalCase]:
    """Cases of one split from the simulator's pair cache (*.npz), patients taken in turn up to `maximum`.

    Each pair holds K noise fields of different kernels; the slices of a patient take them in rotation, so a
    run covers all kernels without denoising a slice twice. `dose_factor` scales the quarter-dose noise.
    Raises EvaluationError when the folder holds no pair of the split.
    """
    by_patient: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(Path(pairs).glob("*.npz")):
        with np.load(path, allow_pickle=False) as pair:
            if _text(pair["split"]) == split:
                by_patient[_text(pair["patient"])].append(path)
    if not by_patient:
        raise EvaluationError(f"no pairs of split '{split}' in {pairs}: run `iscl simulate` first")
    # Rounds over the patients: the first of each, then the second of each, and so on.
    ordered = [
        (paths[turn], turn + rank)
        for turn in range(max(map(len, by_patient.values())))
        for rank, paths in enumerate(by_patient.values())
        if turn < len(paths)
    ]
    return [_load(path, turn, dose_factor) for path, turn in ordered[:maximum]]


def _load(path: Path, turn: int, dose_factor: float) -> EvalCase:
    with np.load(path, allow_pickle=False) as pair:
        noise = pair["noise"]
        field = noise[turn % len(noise)].astype(np.float32) * dose_factor
        reference = pair["hu"].astype(np.float32)
        body = pair["body"].astype(bool)
        spacing = float(np.ravel(pair["spacing"])[0])
        return EvalCase(
            name=path.stem,
            patient=_text(pair["patient"]),
            kernel=f"{_text(pair['kernel'])}, cut-off {float(np.ravel(pair['cutoff'])[turn % len(noise)]):.2f}",
            spacing=spacing,
            reference=reference,
            noisy=reference + field,
            body=body,
            window=choose_window(reference, body),
        )
