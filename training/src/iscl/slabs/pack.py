"""Volumes in one small file, so that they can travel to a machine that has a GPU and no DICOM reader."""

from __future__ import annotations

import io
import json
import lzma
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy import ndimage

from .volume import Volume

LEVELS = 2.25
"""Steps of the stored values within one standard deviation of the noise: rounding adds 0.8 % to the noise."""

AIR_STEPS = 4
"""The air around the body is rounded to so many steps: it is a quarter of the picture and teaches little."""


def pack(volumes: list[Volume], path: Path) -> int:
    """Writes the volumes and returns the bytes. Values are rounded to steps of half the noise, at most 16 HU."""
    with ProcessPoolExecutor() as pool:
        blocks = list(pool.map(_squeeze, volumes))
    heads = [_head(volume) | {"bytes": len(block)} for volume, block in zip(volumes, blocks, strict=True)]
    head = json.dumps(heads).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little"))
        file.write(head)
        for block in blocks:
            file.write(block)
    return path.stat().st_size


def read_pack(path: Path) -> list[Volume]:
    """The volumes of a pack, on as many processes as there are cores."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    heads = json.loads(content[8 : 8 + length])
    blocks, offset = [], 8 + length
    for head in heads:
        blocks.append(content[offset : offset + head["bytes"]])
        offset += head["bytes"]
    with ProcessPoolExecutor() as pool:
        return list(pool.map(_unsqueeze, heads, blocks))


def _head(volume: Volume) -> dict:
    return {
        "name": volume.name, "patient": volume.patient, "kernel": volume.kernel, "shape": list(volume.hu.shape),
        "pixel_mm": volume.pixel_mm, "gap_mm": volume.gap_mm, "noise_sd": volume.noise_sd, "correlation": volume.correlation,
        "step": _step(volume),
    }


def _step(volume: Volume) -> int:
    return int(np.clip(round(volume.noise_sd / LEVELS), 1, 16))


def _squeeze(volume: Volume) -> bytes:
    coded = np.rint(volume.hu / _step(volume)).astype(np.int16)
    air = ~np.repeat(np.repeat(ndimage.binary_dilation(volume.body, np.ones((1, 5, 5))), 8, axis=1), 8, axis=2)
    rows, columns = air.shape[1:]
    inside = coded[:, :rows, :columns]
    inside[air] = np.rint(inside[air] / AIR_STEPS).astype(np.int16) * AIR_STEPS
    coded = np.diff(coded, axis=2, prepend=np.int16(0)).view(np.uint16)
    coded = (coded << 1) ^ np.where(coded & 0x8000, np.uint16(0xFFFF), np.uint16(0))
    buffer = io.BytesIO()
    np.savez(buffer, low=(coded & 0xFF).astype(np.uint8), high=(coded >> 8).astype(np.uint8), spectrum=volume.spectrum,
             local_sd=volume.local_sd, body=volume.body)
    # No match is worth looking for in noise: the literal coder alone does the work.
    return lzma.compress(buffer.getvalue(), preset=3)


def _unsqueeze(head: dict, block: bytes) -> Volume:
    with np.load(io.BytesIO(lzma.decompress(block))) as stored:
        coded = stored["low"].astype(np.uint16) | (stored["high"].astype(np.uint16) << 8)
        signed = ((coded >> 1) ^ np.where(coded & 1, np.uint16(0xFFFF), np.uint16(0))).view(np.int16)
        hu = np.cumsum(signed, axis=2, dtype=np.int16) * np.int16(head["step"])
        return Volume(
            name=head["name"], patient=head["patient"], kernel=head["kernel"], hu=hu, pixel_mm=head["pixel_mm"], gap_mm=head["gap_mm"],
            noise_sd=head["noise_sd"], spectrum=stored["spectrum"], correlation=head["correlation"], local_sd=stored["local_sd"],
            body=stored["body"],
        )
