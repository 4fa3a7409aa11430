"""Results of rows: in memory, as JSON, and kept between runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..whole_file import whole_file
from .nps import Spectrum
from .rows import Row

# Part of every key: raise it when a metric's definition changes, so that no row of the old one is kept.
VERSION = 3


@dataclass
class Result:
    """A row and what was measured. `scores` is None for an absent row; `slow` says that the slices were cut."""

    row: Row
    ms_per_slice: float = float("nan")
    slow: bool = False
    scores: dict | None = None
    truth: dict | None = None
    detectability: dict[int, dict] | None = None
    real: dict[str, dict] | None = None
    crops: list[np.ndarray] = field(default_factory=list)


def plain(value: Any) -> Any:
    """JSON's types: NaN and infinity become null, arrays lists, data classes their fields."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.7g}") if np.isfinite(value) else None
    return value


def _measured(result: Result) -> dict:
    names = ("ms_per_slice", "slow", "scores", "truth", "detectability", "real")
    return {name: plain(getattr(result, name)) for name in names}


def save_json(results: Sequence[Result], path: Path) -> None:
    """Everything measured, one entry a row."""
    about = ("label", "absent", "parameters", "gflop", "identity")
    content = [{**{name: getattr(r.row, name) for name in about}, **_measured(r)} for r in results]
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def fingerprint(material: Any, views: Sequence[np.ndarray]) -> str:
    """Changes with any image of the material and the views."""
    digest = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, np.ndarray):
            digest.update(np.ascontiguousarray(value).tobytes())
        elif isinstance(value, dict):
            for key, entry in value.items():
                digest.update(str(key).encode())
                add(entry)
        elif isinstance(value, (list, tuple)):
            for entry in value:
                add(entry)
        elif is_dataclass(value):
            for f in fields(value):
                add(getattr(value, f.name))
        else:
            digest.update(repr(value).encode())

    add(material)
    add(list(views))
    return digest.hexdigest()


class RowStore:
    """Measured rows in a folder, by the identity of denoiser and material."""

    def __init__(self, folder: Path, material: str) -> None:
        self.folder, self.material = Path(folder), material

    def _path(self, row: Row) -> Path:
        key = hashlib.sha256(f"{VERSION} {self.material} {row.identity}".encode()).hexdigest()[:24]
        return self.folder / f"{key}.npz"

    def save(self, result: Result) -> None:
        """Rows without an identity are not kept."""
        if not result.row.identity:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        crops = {f"crop{k}": crop for k, crop in enumerate(result.crops)}
        with whole_file(self._path(result.row)) as partial:
            np.savez_compressed(partial, measured=np.array(json.dumps(_measured(result))), **crops)  # type: ignore[arg-type]  # numpy declares names of arrays as its own options

    def load(self, row: Row) -> Result | None:
        """The row as measured before, under its present label; None when it was not, or its file is damaged."""
        path = self._path(row)
        if row.absent or not row.identity or not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as data:
                measured = json.loads(str(data["measured"]))
                crops = [data[f"crop{k}"] for k in range(len(data.files) - 1)]
        except (OSError, KeyError, ValueError, BadZipFile):
            return None
        result = replace(Result(row, crops=crops), **measured)
        for scores in (result.scores, result.truth):
            if scores:
                scores["spectra"] = {k: Spectrum(*(np.array(s[n]) for n in ("frequency", "power")))
                                     for k, s in scores["spectra"].items()}
        if result.detectability:
            result.detectability = {int(dose): figures for dose, figures in result.detectability.items()}
        return _nan_for_null(result)


def _nan_for_null(result: Result) -> Result:
    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: walk(v) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(v) for v in value]
        return float("nan") if value is None else value

    names = ("scores", "truth", "detectability", "real")
    return replace(result, **{n: walk(v) for n in names if (v := getattr(result, n)) is not None})
