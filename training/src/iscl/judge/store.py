"""Results as JSON, one file a model, written after every series: a run that was stopped goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..whole_file import whole_file
from .denoisers import Denoiser
from .material import VERSION as MATERIAL_VERSION

VERSION = f"{MATERIAL_VERSION}.2"
"""Raise the last part when the definition of a figure changes: results of another version are measured anew."""


def load_result(folder: Path, denoiser: Denoiser, mode: str, split: str) -> dict:
    """What is known of this very model, mode and split; empty series where nothing is."""
    empty = {
        "model": denoiser.name,
        "identity": denoiser.identity,
        "version": VERSION,
        "mode": mode,
        "split": split,
        "inputs": denoiser.inputs,
        "outputs": denoiser.outputs,
        "series": {},
    }
    path = _path(folder, denoiser.name, mode, split)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return empty
    same = all(found.get(key) == empty[key] for key in ("identity", "version", "mode", "split"))
    return found if same else empty


def save_result(folder: Path, result: dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, result["model"], result["mode"], result["split"])
    with whole_file(path) as partial:
        partial.write_text(json.dumps(_plain(result), separators=(",", ":")), encoding="utf-8")
    return path


def _path(folder: Path, model: str, mode: str, split: str) -> Path:
    return folder / f"{model}.{split}.{mode}.json"


def _plain(value):
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
