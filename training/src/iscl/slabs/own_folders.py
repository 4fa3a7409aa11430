"""A hospital's own two folders as runs of slices."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from ..data import check_disjoint
from ..data.command import series_folders
from ..data.errors import DataError
from ..data.names import escaped
from .config import load_recipe
from .run import train
from .sampler import CLEANEST_HU, UNPAIRED_DEPTH
from .volume import Volume, read_volume

RECIPE = Path(__file__).parent / "recipes" / "hospital.toml"
LEAST_RUNS = 2
"""Contiguous series that each side needs; with fewer, one patient would stand for all."""
MOST_SLICES = 24
"""Slices that are read of a series: more of one patient teach less than another patient."""


def contiguous(clean: Path, noisy: Path) -> list[Volume] | None:
    """The series of both folders as runs of slices, or None when there are too few runs of nine slices on either side.

    Says on stderr what was found and what is left out. Raises SplitError for a patient on both sides.
    """
    sides = {"clean": _volumes(clean), "noisy": _volumes(noisy)}
    check_disjoint((v.patient for v in sides["clean"]), (v.patient for v in sides["noisy"]))
    for volume in [v for v in sides["clean"] if v.noise_sd >= CLEANEST_HU]:
        print(f"left out: {escaped(volume.name)} has a noise of {volume.noise_sd:.1f} HU, the clean side takes less than {CLEANEST_HU:g} HU",
              file=sys.stderr)
        sides["clean"].remove(volume)
    runs = {side: sum(len(v.hu) >= UNPAIRED_DEPTH for v in volumes) for side, volumes in sides.items()}
    if min(runs.values()) < LEAST_RUNS:
        print(f"{runs['clean']} clean and {runs['noisy']} noisy series hold {UNPAIRED_DEPTH} neighbouring slices or more, {LEAST_RUNS} of each are "
              "needed to train on slabs: training slice by slice", file=sys.stderr)
        return None
    print(f"{runs['clean']} clean and {runs['noisy']} noisy series hold {UNPAIRED_DEPTH} neighbouring slices or more: training on slabs of five slices",
          file=sys.stderr)
    return sides["clean"] + sides["noisy"]


def _volumes(folder: Path) -> list[Volume]:
    volumes = []
    for series in series_folders(folder):
        try:
            volumes.append(read_volume(series, MOST_SLICES))
        except DataError as error:
            print(f"left out: {error}", file=sys.stderr)
    return volumes


def train_slabs(volumes: list[Volume], out: Path, resume: bool, changes: dict[str, Any]) -> Path:
    """Trains the hospital's recipe, each run from the one it names, and returns the last checkpoint. `changes` override entries of every
    run."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    last = out
    for config in load_recipe(RECIPE, **changes):
        if config.start_from:
            config = config.model_copy(update={"start_from": str(out / config.start_from / "last.pt")})
        last = train(config, volumes, out / config.name, device, resume=resume)
    return last
