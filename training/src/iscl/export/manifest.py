"""models/manifest.json: the description of each model for the applications."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = 1


class ManifestError(ValueError):
    """The manifest cannot be used; the message says why."""


@dataclass(frozen=True)
class ModelEntry:
    """One entry of the manifest; its files lie beside the manifest."""

    values: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.values["id"])


def sha256(path: Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def read_manifest(path: Path) -> dict[str, Any]:
    """Raises ManifestError unless the manifest has this schema and its files exist unchanged."""
    path = Path(path)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ManifestError(f"cannot read {path}: {error}") from error
    if manifest.get("schema") != SCHEMA:
        raise ManifestError(f"{path} has schema {manifest.get('schema')!r}, known is {SCHEMA}")
    for model in manifest["models"]:
        for file in (model, *model.get("variants", [])):
            found = path.parent / file["file"]
            if not found.is_file() or sha256(found) != file["sha256"]:
                raise ManifestError(f"{found} is missing, or is not the file that {path} describes")
    if manifest["default"] not in {model["id"] for model in manifest["models"]}:
        raise ManifestError(f"the default {manifest['default']!r} is none of the models of {path}")
    return manifest


def upsert(path: Path, entry: ModelEntry, default: bool) -> None:
    """Adds the entry, or replaces the one with its id. The first model becomes the default."""
    path = Path(path)
    manifest: dict[str, Any] = {"schema": SCHEMA, "default": entry.id, "models": []}
    if path.exists():
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest.get("schema") != SCHEMA:
            raise ManifestError(f"{path} has schema {manifest.get('schema')!r}, known is {SCHEMA}")
    ids = [model["id"] for model in manifest["models"]]
    if entry.id in ids:
        manifest["models"][ids.index(entry.id)] = entry.values
    else:
        manifest["models"].append(entry.values)
    if default:
        manifest["default"] = entry.id
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
