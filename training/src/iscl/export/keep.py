"""`iscl keep`: cost and benefit of each share of kept fine noise on validation patients, to choose `iscl export --keep`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..nets import CtDenoiser, without_fine_share
from ..training import PairSlice, load_checkpoint, read_pairs
from ..training.validation import ValidationCase, cases, figures, soft_tissue_squares
from .onnx_file import ExportError

SHARES = tuple(round(0.05 * step, 2) for step in range(9))
FLAT_HU = 40.0
"""What a flat case holds inside the body: soft tissue."""

AIM, FLAT_AIM = 0.82, 0.80
"""Least NPS ratio, as a mean on anatomy and in every flat case. 0.75 is asked of a model, and real scans and measured phantoms come
out below simulated patients: a model at 0.80 and 0.80 stood at 0.72 to 0.74 there."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("keep", help="choose the share of fine noise that a model keeps", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True, help="folder of pairs that `iscl simulate` wrote")
    parser.add_argument("--real", type=Path, help="folder of real noisy slices that `iscl simulate --noisy-out` wrote: "
                                                  "its validation patients are measured too")
    parser.add_argument("--strength", type=float, default=1.0, help="as in `iscl export`: the removed share of the noise map")
    parser.set_defaults(func=handle)


def handle(arguments: argparse.Namespace) -> int:
    net = load_checkpoint(arguments.checkpoint)
    if not isinstance(net, CtDenoiser):
        raise ExportError("only ct networks can keep a share of the noise")
    net.scale_noise(arguments.strength)
    pairs = read_pairs(arguments.pairs, "validation")
    real = real_cases(read_pairs(arguments.real, "validation")) if arguments.real else []
    rows = table(net, cases(pairs), cases(pairs, kernel=0), real)
    print("keep | mixed: gain_db cut nps | own kernel: gain_db cut nps | flat: cut nps worst | real: cut nps")
    for row in rows:
        mixed, own, flat, real_figures = row.mixed, row.own, row.flat, row.real
        print(f"{row.share:4.2f} | {mixed['gain_db']:5.2f} {mixed['noise_cut']:5.3f} {mixed['nps_ratio']:5.3f} | "
              f"{own['gain_db']:5.2f} {own['noise_cut']:5.3f} {own['nps_ratio']:5.3f} | "
              f"{flat['noise_cut']:5.3f} {flat['nps_ratio']:5.3f} {flat['worst_nps_ratio']:5.3f} | "
              + (f"{real_figures['noise_cut']:5.3f} {real_figures['nps_ratio']:5.3f}" if real_figures else "-"))
    print(f"suggested: {suggestion(rows)}")
    return 0


@dataclass(frozen=True)
class Row:
    """Mean figures at one share of kept fine noise: on validation slices in noise of any kernel and of their own, on the same noise
    over a flat body, and on real noisy scans (None without)."""

    share: float
    mixed: dict[str, float]
    own: dict[str, float]
    flat: dict[str, float]
    real: dict[str, float] | None


def table(net: CtDenoiser, mixed: list[ValidationCase], own: list[ValidationCase], real: list[ValidationCase]) -> list[Row]:
    """A row for each of SHARES."""
    groups = [mixed, own, [flat_case(case) for case in mixed], real]
    noise = [[_noise(net, case.noisy) for case in group] for group in groups]
    rows = []
    for share in SHARES:
        on_mixed, on_own, on_flat, on_scans = (
            _figures(group, removed, share) for group, removed in zip(groups, noise, strict=True)
        )
        rows.append(Row(share, on_mixed, on_own, on_flat, on_scans or None))
    return rows


def suggestion(rows: list[Row]) -> float:
    """The smallest share that reaches both aims, between the measured ones by interpolation, rounded up to 0.01; the
    largest measured one where none does."""
    aims = [([row.mixed["nps_ratio"] for row in rows], AIM), ([row.flat["worst_nps_ratio"] for row in rows], FLAT_AIM)]
    for share in np.arange(0.0, SHARES[-1], 0.01):
        if all(np.interp(share, SHARES, ratios) >= aim for ratios, aim in aims):
            return round(float(share), 2)
    return SHARES[-1]


def real_cases(slices: list[PairSlice], limit: int = 4) -> list[ValidationCase]:
    """Up to `limit` slices of each series. They have no reference, so only their noise figures mean something."""
    series: dict[str, list[PairSlice]] = {}
    for item in slices:
        series.setdefault(item.series, []).append(item)
    chosen = [found[i] for found in series.values() for i in np.unique(np.linspace(0, len(found) - 1, limit).astype(int))]
    scans = [(item.hu.astype(np.float32), item.body) for item in chosen]
    made = [ValidationCase(hu, hu, body, soft_tissue_squares(hu, body)) for hu, body in scans]
    return [case for case in made if case.rois]


def flat_case(case: ValidationCase) -> ValidationCase:
    """The same noise over a flat body in air: a uniform phantom in the shape of the patient."""
    clean = np.where(case.body, FLAT_HU, -1000.0).astype(np.float32)
    return replace(case, noisy=clean + case.noisy - case.clean, clean=clean, rois=soft_tissue_squares(clean, case.body))


def _noise(net: CtDenoiser, hu: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return net.noise(torch.from_numpy(hu)[None, None])


def _figures(group: list[ValidationCase], noise: list[torch.Tensor], share: float) -> dict[str, float]:
    if not group:
        return {}
    single = [figures(case, case.noisy - without_fine_share(removed, share)[0, 0].numpy())
              for case, removed in zip(group, noise, strict=True)]
    mean = {key: float(np.nanmean([one[key] for one in single])) for key in single[0]}
    return mean | {"worst_nps_ratio": float(np.nanmin([one["nps_ratio"] for one in single]))}
