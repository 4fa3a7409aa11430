"""Brings runs home: checkpoints made small, in few files of bounded size."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import torch

from ..training import checkpoint

MOST_BYTES = 16_000_000
"""Of one file."""
MOST_FILES = 6
MOST_TOTAL = 60_000_000

LEVELS = ("all", "weights", "half")
"""What a checkpoint keeps: everything a run needs to go on (moments of the optimiser in bfloat16); the averaged weights; those in float16."""


class CollectError(RuntimeError):
    """The runs do not fit; the message says by how much."""


def collect(runs: Path, out: Path) -> list[str]:
    """Packs the checkpoints NAME/last.pt of a folder into `out`/checkpoints-K.tar as NAME.pt, each as whole as the limits allow, beside
    NAME.csv, its log. Returns a line a run. Raises CollectError if even the smallest do not fit."""
    found = sorted(runs.glob("*/last.pt"))
    contents = {path.parent.name: checkpoint.load(path) for path in found}
    sizes = {name: [len(_bytes(content, level)) for level in LEVELS] for name, content in contents.items()}
    levels = {name: next((i for i, size in enumerate(row) if size <= MOST_BYTES), len(LEVELS) - 1) for name, row in sizes.items()}
    while (total := sum(sizes[name][level] for name, level in levels.items())) > MOST_TOTAL:
        larger = [name for name, level in levels.items() if level + 1 < len(LEVELS)]
        if not larger:
            raise CollectError(f"{total / 1e6:.1f} MB of checkpoints do not fit in {MOST_TOTAL / 1e6:.0f} MB")
        name = max(larger, key=lambda one: sizes[one][levels[one]])
        levels[name] += 1
    bins: list[list[str]] = []
    for name in sorted(levels, key=lambda one: -sizes[one][levels[one]]):
        place = next((b for b in bins if sum(sizes[n][levels[n]] + 10_000 for n in b) + sizes[name][levels[name]] + 10_000 <= MOST_BYTES), None)
        if place is None:
            bins.append(place := [])
        place.append(name)
    if len(bins) > MOST_FILES:
        raise CollectError(f"the checkpoints need {len(bins)} files, {MOST_FILES} are allowed")
    out.mkdir(parents=True, exist_ok=True)
    for number, names in enumerate(bins, 1):
        with tarfile.open(out / f"checkpoints-{number}.tar", "w") as tar:
            for name in names:
                _add(tar, f"{name}.pt", _bytes(contents[name], LEVELS[levels[name]]))
    with tarfile.open(out / "logs.tar", "w") as tar:
        for path in found:
            log = path.parent / "log.csv"
            if log.exists():
                _add(tar, f"{path.parent.name}.csv", log.read_bytes())
    return [f"{name}: {LEVELS[level]}, {sizes[name][level] / 1e6:.1f} MB, {contents[name]['iteration']} iterations, {contents[name]['seconds']:.0f} s"
            for name, level in sorted(levels.items())]


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _bytes(content: dict[str, Any], level: str) -> bytes:
    kept = {key: content[key] for key in ("format", "iteration", "seconds", "config", "version", "kinds")}
    if level == "all":
        trainer = content["trainer"]
        kept |= {"nets": content["nets"], "ema": _cast(content["ema"], torch.float16), "trainer": {
            key: _moments(value) if key.startswith("optimizer") else value for key, value in trainer.items() if key not in ("nets", "ema")}}
    else:
        players = ("denoiser", "extractor")
        weights = {name: content["ema"][name] for name in players if name in content["ema"]}
        kept |= {"nets": {}, "ema": _cast(weights, torch.float16) if level == "half" else weights}
    buffer = io.BytesIO()
    torch.save(kept, buffer)
    return buffer.getvalue()


def _cast(value: Any, kind: torch.dtype) -> Any:
    if isinstance(value, dict):
        return {key: _cast(one, kind) for key, one in value.items()}
    return value.to(kind) if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def _moments(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _moments(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_moments(one) for one in value]
    return value.to(torch.bfloat16) if isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel() > 1 else value
