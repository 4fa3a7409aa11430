"""The full-size golden pair: the same numbers as in TypeScript, and a manifest that names it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from test_export import CARD

from iscl.cli import main
from iscl.export.command import write_model
from iscl.export.golden_full import full_input, full_sample_places
from iscl.export.manifest import upsert
from iscl.export.onnx_file import apply, session
from iscl.nets import build


def test_the_input_and_the_places_are_those_of_the_viewer() -> None:
    """src/engine/golden-full.test.ts has the same hashes."""
    assert hashlib.sha256(full_input(3, 100, 68).tobytes()).hexdigest() == "e225239ecfe7e9f9d25673295441518fc4e2817cedae39f5819200b901eb53cc"
    places = full_sample_places(3, 100, 68).astype("<i4")
    assert hashlib.sha256(places.tobytes()).hexdigest() == "c409dd10286d542b0ad512f8c6f962387f1d98b8cdd07b99fb0917646120f8b5"


def test_an_exported_model_and_the_command_write_the_same_pair(tmp_path: Path) -> None:
    torch.manual_seed(0)
    entry = write_model(build("ct-fast"), tmp_path, CARD)
    full = entry.values["golden"]["full"]
    stored = (tmp_path / full["samples"]).read_bytes()
    expected = apply(session(tmp_path / entry.values["file"]), full_input(1)).ravel()[full_sample_places(1)]
    np.testing.assert_array_equal(np.frombuffer(stored, "<f4"), expected)
    assert len(stored) == 4 * 64 * 64

    del entry.values["golden"]["full"]
    (tmp_path / full["samples"]).unlink()
    upsert(tmp_path / "manifest.json", entry, default=True)
    assert main(["golden", "--models", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "manifest.json").read_text())["models"][0]["golden"]["full"] == full
    assert (tmp_path / full["samples"]).read_bytes() == stored
