"""The pair cache: clean slices with their simulated noise on disk, one .npz a slice, and real noisy slices.

A pair file holds hu int16 [H, W]; noise float16 [K, H, W] in HU at `dose`; cutoff float32 [K] (in detector Nyquist);
field_sd float32 [K] in soft tissue; body bool [H, W]; noise_sd (measured, HU); spacing, thickness (mm); kernel,
series, patient, split, domain (strings). Field 0 has the slice's own kernel and exactly the noise that the dose
formula gives for it; the others vary kernel, level, bowtie and tube-current modulation.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ..simulate import (
    Exposure,
    Kernel,
    Simulator,
    added_sd,
    matched_kernel,
    nps_mean_frequency,
    random_kernel,
)
from ..whole_file import whole_file
from .dicom import CtSlice, iter_slices, read_slice
from .errors import DataError, EmptySetError, SplitError, UnreadableError
from .names import file_name
from .split import CLEAN_LIMIT_HU, SplitRow
from .tissue import body_mask, local_sd, measure_noise, modal_sd, soft_tissue_mask

# Range of the simulated noise in soft tissue, HU: quarter dose of smooth 5 mm slices up to sharp 1 mm ones.
FIELD_SD_RANGE = (8.0, 65.0)
# Quarter-dose abdomen of 3 mm with a medium kernel.
TYPICAL_SD, TYPICAL_CUTOFF = 22.0, 0.8


@dataclass(frozen=True)
class PairConfig:
    """dose: fraction of the slice's own dose. fields: noise fields a slice. noise_limit: a slice with this much noise or more is
    left out, HU. per_series: slices taken from a training series at most."""

    dose: float = 0.25
    fields: int = 4
    noise_limit: float = CLEAN_LIMIT_HU
    per_series: int = 24
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0.0 < self.dose < 1.0:
            raise ValueError(f"dose fraction {self.dose} must lie between 0 and 1")
        if self.fields < 1 or self.per_series < 1:
            raise ValueError("fields and slices a series must be at least 1")


@dataclass(frozen=True)
class Task:
    """One slice to simulate."""

    row: SplitRow
    path: Path
    name: str


def plan(rows: list[SplitRow], root: Path, quality: str, per_series: int) -> list[Task]:
    """Slices to take: up to per_series of each series of that quality, evenly spaced; splits interleaved so that a
    partial cache is already usable. Raises EmptySetError when there are none."""
    tasks: list[tuple[float, Task]] = []
    for row in rows:
        if row.quality != quality:
            continue
        limit = per_series if row.split == "train" else max(1, per_series // 2)
        places = sorted((s.series_uid, s.position, s.path) for s in iter_slices(root / row.path))
        if len(places) > limit:
            picks = np.linspace(0.04 * len(places), 0.96 * (len(places) - 1), limit).round().astype(int)
            places = [places[i] for i in dict.fromkeys(picks)]
        for _, _, path in places:
            # Names that are UIDs have no suffix to cut off: 1.2.3 and 1.2.4 are two slices.
            name = file_name(f"{row.path}/{path.stem if path.suffix == '.dcm' else path.name}")
            # A stable pseudo-random order, the same on every machine.
            tasks.append((zlib.crc32(name.encode()) / 2**32, Task(row, path, name)))
    if not tasks:
        raise EmptySetError(f"no {quality} series in the split")
    return [t for _, t in sorted(tasks, key=lambda pair: pair[0])]


def simulate_pair(item: CtSlice, simulator: Simulator, config: PairConfig, seed: int) -> dict[str, np.ndarray] | None:
    """Noise fields of one slice, or None when its own noise is over the limit or cannot be measured."""
    body = body_mask(item.hu)
    own_sd = measure_noise(item.hu, body)
    if not own_sd < config.noise_limit:
        return None
    tissue = soft_tissue_mask(item.hu, body)
    pixel_mm = item.spacing[0]
    rng = np.random.default_rng(seed)
    own_kernel = slice_kernel(item.hu, tissue, pixel_mm, simulator)
    kernels = [own_kernel] + [random_kernel(rng) for _ in range(config.fields - 1)]
    exposures = [Exposure()] + [
        Exposure(
            electronic_variance=float(rng.uniform(2.0, 40.0)),
            bowtie=float(rng.uniform(0.15, 0.5)),
            modulation=float(rng.uniform(0.0, 0.7)),
        )
        for _ in range(config.fields - 1)
    ]
    generator = torch.Generator(device=simulator.device).manual_seed(seed)
    noise = (
        simulator.noise(
            torch.from_numpy(item.hu),
            pixel_mm,
            kernels,
            dose=config.dose,
            kvp=item.kvp,
            exposures=exposures,
            generator=generator,
        )
        .cpu()
        .numpy()
    )
    # The slice's own noise fixes the number of photons: same estimator on both, so its bias cancels.
    to_own = added_sd(own_sd, config.dose) / modal_sd(local_sd(noise[0])[tissue])
    scales = [to_own]
    for kernel, field in zip(kernels[1:], noise[1:], strict=True):
        # Slice thickness and exposure of the imagined scanner are free: the noise level follows the sharpness of the
        # kernel, with a wide scatter.
        typical = TYPICAL_SD * (kernel.cutoff / TYPICAL_CUTOFF) ** 0.9
        wanted = float(np.clip(typical * np.exp(rng.normal(0.0, 0.4)), *FIELD_SD_RANGE))
        scales.append(wanted / float(field[tissue].std()))
    noise = noise * np.array(scales, np.float32)[:, None, None]
    return {
        "hu": np.rint(item.hu).astype(np.int16),
        "noise": np.clip(noise, -6e4, 6e4).astype(np.float16),
        "cutoff": np.array([k.cutoff for k in kernels], np.float32),
        "field_sd": np.array([f[tissue].std() for f in noise], np.float32),
        "dose": np.float32(config.dose),
        "body": body,
        "noise_sd": np.float32(own_sd),
        "spacing": np.float32(pixel_mm),
        "thickness": np.float32(item.thickness),
        "kernel": np.array(item.kernel),
        "series": np.array(item.series_uid),
        "patient": np.array(item.patient),
    }


def slice_kernel(hu: np.ndarray, tissue: np.ndarray, pixel_mm: float, simulator: Simulator) -> Kernel:
    """The kernel whose noise has the mean frequency measured in the slice; a medium one when it cannot be measured."""
    frequency = nps_mean_frequency(hu, tissue, pixel_mm)
    if not np.isfinite(frequency):
        return Kernel("hann", 0.9)
    return matched_kernel(frequency, simulator.fan.detector_nyquist, pixel_mm)


def real_noisy(item: CtSlice) -> dict[str, np.ndarray] | None:
    """A real noisy slice as a cache entry without noise fields; None when it shows no body."""
    body = body_mask(item.hu)
    if not body.any():
        return None
    return {
        "hu": np.rint(item.hu).astype(np.int16),
        "body": body,
        "noise_sd": np.float32(measure_noise(item.hu, body)),
        "spacing": np.float32(item.spacing[0]),
        "thickness": np.float32(item.thickness),
        "kernel": np.array(item.kernel),
        "series": np.array(item.series_uid),
        "patient": np.array(item.patient),
    }


def build_one(task: Task, folder: Path, simulator: Simulator | None, config: PairConfig) -> str:
    """Make one cache file unless it exists; returns 'made', 'kept' or 'skipped' (over the noise limit, or no body).

    simulator None writes a real noisy slice. Files appear under their name only when whole.
    """
    target = folder / f"{task.name}.npz"
    if target.exists():
        return "kept"
    item = read_slice(task.path)
    seed = (zlib.crc32(task.name.encode()) ^ (config.seed * 0x9E3779B1)) & 0x7FFFFFFF
    try:
        content = real_noisy(item) if simulator is None else simulate_pair(item, simulator, config, seed)
    except DataError:
        raise
    except Exception as cause:  # An image without anatomy can break the measurements in many ways.
        raise UnreadableError(f"no noise can be simulated ({type(cause).__name__}: {cause})", task.path) from cause
    if content is None:
        return "skipped"
    content |= {"split": np.array(task.row.split), "domain": np.array(task.row.domain)}
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as partial:
        np.savez(partial, **content)  # type: ignore[arg-type]  # numpy declares names of arrays as its own options
    return "made"


def check_cache(folder: Path, tasks: list[Task], config: PairConfig) -> None:
    """Raises SplitError unless every slice that the folder already holds is one of `tasks`, with the same split, domain, dose
    and number of fields: slices of an earlier split would bring a test patient into training unseen."""
    wanted = {task.name: task.row for task in tasks}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            held = {key: str(data[key]) for key in ("split", "domain")}
            made = (float(data["dose"]), len(data["cutoff"])) if "dose" in data else None
        row = wanted.get(path.stem)
        if row is None:
            reason = "is no slice of this split"
        elif (held["split"], held["domain"]) != (row.split, row.domain):
            reason = f"was made for {held['split']}/{held['domain']}, the split says {row.split}/{row.domain}"
        elif made is not None and made != (float(np.float32(config.dose)), config.fields):
            reason = f"was made with dose {made[0]:g} and {made[1]} fields"
        else:
            continue
        raise SplitError(f"{path.name} {reason}; delete {folder} or choose another folder", path)


def write_summary(folder: Path, config: PairConfig) -> str:
    """README of a complete cache: counts a split and the settings. Raises EmptySetError when the cache holds no slice."""
    counts: dict[str, int] = {}
    patients: dict[str, set[str]] = {}
    for entry in iter_cache(folder, keys=("split", "patient")):
        split = str(entry["split"])
        counts[split] = counts.get(split, 0) + 1
        patients.setdefault(split, set()).add(str(entry["patient"]))
    if not counts:
        raise EmptySetError(f"no slice was cached: each was left out, or its noise is not under {config.noise_limit:g} HU", folder)
    lines = [f"{s}: {n} slices of {len(patients[s])} patients" for s, n in sorted(counts.items())]
    text = "complete\n" + "\n".join(lines) + "\n" + json.dumps(asdict(config)) + "\n"
    (folder / "README").write_text(text)
    return text


def iter_cache(folder: Path, keys: tuple[str, ...] | None = None) -> Iterator[dict[str, np.ndarray]]:
    """Entries of the cache, sorted by name; only the named arrays are read."""
    for path in sorted(Path(folder).glob("*.npz")):
        with np.load(path) as data:
            yield {k: data[k] for k in (keys or data.files)}

