"""What is padding, by the table of cases that holds for the viewer and the command too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_data import SHARED, needs_shared, write_small

from iscl.data import read_slice

CASES = json.loads((Path(__file__).resolve().parents[2] / "test" / "fixtures" / "padding.json").read_text(encoding="utf-8"))["cases"]


def covers(place: dict, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    if "rect" in place:
        top, left, bottom, right = place["rect"]
        return (y >= top) & (x >= left) & (y < bottom) & (x < right)
    row, column, radius = place.get("disc") or place["outside"]
    within = (y - row) ** 2 + (x - column) ** 2 <= radius**2
    return within if "disc" in place else ~within


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_padding_of_the_table(tmp_path, case):
    y, x = np.mgrid[: case["rows"], : case["columns"]]
    signed = case["format"]["PixelRepresentation"] == 1
    stored = np.zeros(y.shape, np.int64)
    for shape in case["paint"]:
        noise = (31 * y + 17 * x + (x * y) % 13) % (2 * shape["texture"] + 1) - shape["texture"]
        value = shape["value"] + noise
        stored = np.where(covers(shape, y, x), value if signed else np.maximum(0, value), stored)

    def change(ds, _):
        ds.Rows, ds.Columns, ds.BitsAllocated = *stored.shape, 16
        for keyword, value in case["format"].items():
            # A file in Implicit VR may hold the unsigned word of a negative value.
            setattr(ds, keyword, value - 0x10000 if keyword == "PixelPaddingValue" and signed and value > 0x7FFF else value)
        ds.HighBit = ds.BitsStored - 1
        ds.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()

    read = read_slice(sorted(write_small(tmp_path, change, slices=1).iterdir())[0])
    right = np.zeros(y.shape, bool)
    for shape in case["padding"]:
        right |= covers(shape, y, x)
    assert np.array_equal(read.padding, right)
    assert (read.hu[right] <= -1000).all()


@needs_shared
def test_trial_of_a_padding_value_that_is_water():
    folder = SHARED / "trials" / "05-padding-value-is-water"
    wrong, right = read_slice(folder / "wrong.dcm"), read_slice(folder / "right.dcm")
    assert not wrong.padding.any() and np.array_equal(wrong.hu, right.hu)
