"""The golden pair at full size: a fault may depend on the size of the picture, and the pair of 64x64 pixels cannot show it.

The input is computed from a seed, in whole numbers alone, so that every language gives the same HU; of the output one sample a block is
stored. src/engine/golden-full.ts is the same in TypeScript.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from .manifest import read_manifest
from .onnx_file import apply, session

SIDE = 512
SEED = 20210907
SAMPLE_BLOCK = 8


def full_input(slices: int, rows: int = SIDE, columns: int = SIDE, seed: int = SEED) -> np.ndarray:
    """float32 [slices, rows, columns] in HU, whole numbers: a body with air, lung, fat, soft tissue, faint discs, bone, metal and noise."""
    base = np.stack([_tissue(rows, columns, number) for number in range(slices)])
    noise = _noise_sum(base.size, seed).reshape(base.shape) - 510
    return (base + (noise >> np.where(base < -999, 4, 2))).astype(np.float32)


def full_sample_places(slices: int, rows: int = SIDE, columns: int = SIDE) -> np.ndarray:
    """Indices of the sampled pixels in an output [slices, rows, columns] that is laid out flat."""
    number, i, j = np.meshgrid(np.arange(slices), np.arange(rows // SAMPLE_BLOCK), np.arange(columns // SAMPLE_BLOCK), indexing="ij")
    row = SAMPLE_BLOCK * i + (3 * i + 5 * j + number) % SAMPLE_BLOCK
    column = SAMPLE_BLOCK * j + (5 * i + 2 * j + 3 * number) % SAMPLE_BLOCK
    return ((number * rows + row) * columns + column).ravel()


def write_full_pair(model: Path, slices: tuple[int, int]) -> dict[str, Any]:
    """Writes the samples of `model`'s output beside it and returns the manifest's entry `golden.full`. `slices`: in, out."""
    output = apply(session(model), full_input(slices[0]))
    file = model.with_name(f"{model.stem}.golden-full.bin")
    file.write_bytes(output.ravel()[full_sample_places(slices[1])].astype("<f4").tobytes())
    return {"rows": SIDE, "columns": SIDE, "seed": SEED, "samples": file.name}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("golden", help="write the full-size golden pair of every model of a manifest", description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="the models folder")
    parser.set_defaults(func=handle)


def handle(arguments: argparse.Namespace) -> int:
    path = arguments.models / "manifest.json"
    manifest = read_manifest(path)
    for model in manifest["models"]:
        slab = model.get("slab", {"inputs": 1, "outputs": 1})
        model["golden"]["full"] = write_full_pair(arguments.models / model["file"], (slab["inputs"], slab["outputs"]))
        print(f"{model['id']}: {model['golden']['full']['samples']}")
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _tissue(rows: int, columns: int, slice_number: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns].astype(np.int64)
    y, x = y * 1000 // rows, x * 1000 // columns

    def within(cy: int, cx: int, ry: int, rx: int) -> np.ndarray:
        return ((y - cy) * rx) ** 2 + ((x - cx) * ry) ** 2 < (rx * ry) ** 2

    hu = np.full((rows, columns), 50, np.int64)
    for disc in reversed(range(6)):
        radius = 6 + 5 * disc
        hu[within(600 + 2 * slice_number, 260 + 96 * disc, radius, radius)] = 30 if disc % 2 else 70
    hu[within(300, 500, 8, 8)] = 3071
    hu[within(760, 500, 60, 60)] = 700
    hu[within(760, 500, 30, 30)] = 300
    hu[within(430, 290, 190, 140) | within(430, 710, 190, 140)] = -850
    hu[~within(500, 500, 345, 425)] = -100
    hu[~within(500, 500, 380, 460)] = -1000
    return hu


def _noise_sum(count: int, seed: int) -> np.ndarray:
    """Sum of the four bytes of a hash of each index (the finaliser of MurmurHash3 by A. Appleby, public domain): 0 to 1020."""
    value = (np.arange(1, count + 1, dtype=np.uint32) * np.uint32(0x9E3779B1)) ^ np.uint32(seed)
    value = (value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    value = (value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    value = value ^ (value >> np.uint32(16))
    return np.sum([((value >> np.uint32(shift)) & np.uint32(255)).astype(np.int64) for shift in (0, 8, 16, 24)], axis=0)
