"""One evaluation: every row on the same test slices, phantom images and real scans, with progress and time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from . import detectability as lcd
from . import realdata
from .cases import EvalCase, EvaluationError
from .rows import Denoise, Row
from .score import OWN_TRANSFER_CASES, OWN_TRANSFER_PX, TRANSFER_CASES, TRANSFER_PX, score
from .store import Result, RowStore, fingerprint

# A method slower than this on a 512x512 slice sees slices cut to SLOW_CROP_PX, SLOW_PHANTOM images a dose, and SLOW_OTHERS
# slices of the exact-truth phantom and of each real series.
SLOW_SECONDS = 3.0
SLOW_CROP_PX = 192
SLOW_PHANTOM = 5
SLOW_OTHERS = 1
PROBE_PX = 256
# The inserts' ring and its regions fit in this square; outside it the phantom has nothing to tell.
PHANTOM_CROP_PX = 144


@dataclass(frozen=True)
class Material:
    """What every row is measured on. Empty `phantom`, `truth` or `real` leave those sections out."""

    cases: Sequence[EvalCase]
    phantom: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    truth: Sequence[EvalCase] = ()
    real: Sequence[realdata.RealSlice] = ()


def shrink_phantom(
    phantom: dict[int, tuple[np.ndarray, np.ndarray]], size: int = PHANTOM_CROP_PX
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """The middle square of the phantom's images; `detectability` finds the inserts from the middle."""

    def cut(images: np.ndarray) -> np.ndarray:
        edge = (images.shape[-1] - size) // 2
        return np.ascontiguousarray(images[:, edge : edge + size, edge : edge + size])

    return {dose: (cut(present), cut(absent)) for dose, (present, absent) in phantom.items()}


def evaluate(
    rows: Sequence[Row],
    material: Material,
    views: Sequence[np.ndarray] = (),
    keep: Path | None = None,
    report: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    clock: Callable[[], float] = time.monotonic,
) -> list[Result]:
    """Measure `rows`; the first one must be the untouched input, which the detectability ratios refer to.

    `views` are the images [h, w] whose denoised version the figures show. `report` gets a line a row. With a folder `keep` each
    measured row is kept there, and taken from there while its denoiser and the material are the same: a
    stopped evaluation goes on, and a new model costs its own row only. A denoiser that fails leaves its row absent, with the
    reason, and the others are measured; only a failure of the input raises.
    """
    if not rows or rows[0].absent or not material.cases:
        raise EvaluationError("an evaluation needs the input as its first row, and at least one case")
    report(f"{len(rows)} rows, {len(material.cases)} slices, {len(material.phantom)} doses, {len(material.real)} real slices")
    denoisers: dict[int, Denoise] = {}
    seconds: dict[int, float] = {}
    store = RowStore(keep, fingerprint(material, views)) if keep else None
    kept = {n: found for n, row in enumerate(rows) if store and (found := store.load(row)) is not None}
    results: dict[int, Result] = {n: Result(row) for n, row in enumerate(rows) if row.absent is not None} | kept
    for number, row in enumerate(rows):
        if number not in results:
            try:
                assert row.load, "a row has load or absent"
                denoisers[number] = row.load()
                seconds[number] = _probe(denoisers[number], material.cases[0].noisy)
            except Exception as error:  # networks, ONNX Runtime and filters raise kinds of their own
                results[number] = _failed(row, error, rows[0])
    estimate = {number: _estimate(seconds[number], material) for number in seconds}
    for _, result in sorted(results.items()):
        report(f"{result.row.label}: {result.row.absent or 'kept from an earlier run'}")
    references: dict[bool, dict] = {}
    begun = clock()
    # Quick rows first, so that a run that is stopped has kept as many as it could.
    order = sorted(estimate, key=lambda n: estimate[n])
    for turn, number in enumerate(order, start=1):
        try:
            results[number] = _measure(rows[number], denoisers[number], seconds[number], material, views, references)
        except Exception as error:
            results[number] = _failed(rows[number], error, rows[0])
        if store and results[number].scores:
            store.save(results[number])
        # The estimate counts pixels only; what it missed so far corrects what is left.
        done, left = (sum(estimate[n] for n in part) for part in (order[:turn], order[turn:]))
        minutes = left * (clock() - begun) / max(done, 1e-9) / 60
        outcome = results[number].row.absent or "done"
        report(f"[{turn}/{len(order)}] {rows[number].label}: {outcome}; about {minutes:.1f} min left")
    return [results[number] for number in range(len(rows))]


FAILED = "failed: "


def _failed(row: Row, error: Exception, first: Row) -> Result:
    if row is first:
        raise error
    reason = f"{FAILED}{type(error).__name__}, {error}".replace("\n", " ").replace("|", "/")
    return Result(replace(row, absent=reason[:160]))


def _probe(denoise: Denoise, image: np.ndarray) -> float:
    """Processor seconds of a slice of 512x512, measured on a part of it."""
    size = min(PROBE_PX, *image.shape)
    patch = np.ascontiguousarray(image[:size, :size])
    denoise(patch)
    # Processor time, not the clock's: on a busy machine only the former is the method's.
    start = time.process_time()
    denoise(patch)
    return (time.process_time() - start) * 512 * 512 / patch.size


def _estimate(seconds: float, material: Material) -> float:
    slow = seconds > SLOW_SECONDS
    share = (SLOW_CROP_PX / 512) ** 2 if slow else 1.0
    others = (SLOW_OTHERS, min(4, len(material.real))) if slow else (len(material.truth), len(material.real))
    slices = len(material.cases) + sum(others) + 1
    images = 3 * sum(min(len(a), SLOW_PHANTOM if slow else len(a)) for _, a in material.phantom.values())
    # Two contrasts, each with discs and without.
    discs = 4 * (TRANSFER_CASES * TRANSFER_PX**2 + OWN_TRANSFER_CASES * OWN_TRANSFER_PX**2) / 512**2
    # The metrics themselves: about 0.05 s a slice, 0.2 s for the discs, and 0.6 s a dose for the bootstrap.
    metrics = 0.05 * slices + 0.2 + 0.6 * len(material.phantom)
    return seconds * (slices * share + images * (PHANTOM_CROP_PX / 512) ** 2 + discs + 1) + metrics


def _measure(
    row: Row, denoise: Denoise, seconds: float, material: Material, views: Sequence[np.ndarray], references: dict[bool, dict]
) -> Result:
    slow = seconds > SLOW_SECONDS

    def cut(cases: Sequence[EvalCase]) -> list[EvalCase]:
        return [case.crop(SLOW_CROP_PX) for case in cases] if slow else list(cases)

    result = Result(row, ms_per_slice=1000 * seconds, slow=slow)
    result.scores = score(denoise, cut(material.cases))
    if material.truth:
        truth = material.truth[len(material.truth) // 2 :][:SLOW_OTHERS] if slow else material.truth
        result.truth = score(denoise, cut(truth), transfer=False)
    if material.phantom:
        phantom = {d: (p[:SLOW_PHANTOM], a[:SLOW_PHANTOM]) if slow else (p, a) for d, (p, a) in material.phantom.items()}
        if slow not in references:
            references[slow] = lcd.detectability(lambda hu: hu, phantom)[1]
        result.detectability, _ = lcd.detectability(denoise, phantom, references[slow])
    if material.real:
        result.real = realdata.assess(denoise, _few(material.real) if slow else material.real)
    result.crops = [np.asarray(denoise(view), np.float32) for view in views]
    return result


def _few(real: Sequence[realdata.RealSlice]) -> list[realdata.RealSlice]:
    """SLOW_OTHERS cut slices of each series, from its middle."""
    series: dict[str, list[realdata.RealSlice]] = {}
    for item in real:
        series.setdefault(item.title, []).append(item)
    return [s.crop(SLOW_CROP_PX) for found in series.values() for s in found[len(found) // 2 :][:SLOW_OTHERS]]
