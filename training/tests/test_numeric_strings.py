"""DS and IS by the table of values that holds for the viewer, the command and the server too."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pydicom
import pytest
from test_data import SHARED, needs_shared, write_small

from iscl.data import NotHuError, SpacingError, UnreadableError, read_slice
from iscl.data.numeric import NumericStrings

TABLE = json.loads((Path(__file__).resolve().parents[2] / "test" / "fixtures" / "numeric-strings.json").read_text(encoding="utf-8"))
ROWS = [(vr, text, right) for vr in ("DS", "IS") for text, right in TABLE[vr]]


@pytest.mark.parametrize(("vr", "text", "right"), ROWS)
def test_each_value_is_read_as_the_table_says(tmp_path, vr, text, right):
    keyword = "RescaleSlope" if vr == "DS" else "NumberOfFrames"
    path = write_with(tmp_path, keyword, text.encode("latin-1"))
    decimal, integer = (("RescaleSlope",), ()) if vr == "DS" else ((), ("NumberOfFrames",))
    value = NumericStrings(pydicom.dcmread(path), decimal, integer).first(keyword)
    if right == "refused":
        assert value is not None and math.isnan(value)
    else:
        assert value == right


def write_with(folder: Path, keyword: str, value: bytes) -> Path:
    """A CT slice with one attribute of these bytes."""
    mark = "77777777"
    vr = "IS" if keyword == "NumberOfFrames" else "DS"

    def put(ds, _):
        ds[keyword] = pydicom.DataElement(keyword, vr, mark)

    path = sorted(write_small(folder, put, slices=1).iterdir())[0]
    content = path.read_bytes()
    padded = value + b" " * (len(value) % 2)
    # Explicit VR Little Endian: the length stands in the two bytes before the value.
    at = content.index(mark.encode())
    path.write_bytes(content[: at - 2] + len(padded).to_bytes(2, "little") + padded + content[at + len(mark) :])
    return path


@pytest.mark.parametrize(
    ("keyword", "value", "error"),
    [
        ("RescaleSlope", b"1,000", NotHuError),
        ("RescaleSlope", b"", NotHuError),
        ("RescaleSlope", b"1_0", NotHuError),
        ("RescaleSlope", b"1e300", NotHuError),
        ("PixelSpacing", b"0,703", SpacingError),
        ("PixelSpacing", b"0,703\\1,171", SpacingError),
        ("PixelSpacing", b"a\\b", SpacingError),
        ("ImagePositionPatient", b"1\\2", UnreadableError),
        ("ImagePositionPatient", b"1\\2\\3.0.0", UnreadableError),
        ("ImageOrientationPatient", b"1\\0\\0", UnreadableError),
        ("NumberOfFrames", b"1e0", UnreadableError),
    ],
)
def test_what_is_no_number_is_refused_with_the_name_of_the_file(tmp_path, keyword, value, error):
    path = write_with(tmp_path, keyword, value)
    with pytest.raises(error, match=path.name):
        read_slice(path)


def test_a_decimal_comma_is_a_point(tmp_path):
    assert read_slice(write_with(tmp_path / "a", "PixelSpacing", b"0,703\\0,703")).spacing == (0.703, 0.703)
    assert read_slice(write_with(tmp_path / "b", "SliceThickness", b"2,5")).thickness == 2.5


def test_numbers_that_are_not_needed_are_unknown(tmp_path):
    assert read_slice(write_with(tmp_path / "a", "SliceThickness", b"2.5 mm")).thickness == 0.0
    assert read_slice(write_with(tmp_path / "b", "KVP", b"1,200")).kvp == 120.0


@needs_shared
@pytest.mark.parametrize("name", ["intercept", "slope", "spacing", "thickness"])
def test_trials_with_decimal_commas(name):
    folder = SHARED / "trials" / "01-decimal-comma" / name
    right = read_slice(folder / "right.dcm")
    if name == "slope":
        with pytest.raises(NotHuError, match="1,000"):
            read_slice(folder / "wrong.dcm")
        return
    wrong = read_slice(folder / "wrong.dcm")
    assert (wrong.hu == right.hu).all() and (wrong.spacing, wrong.thickness) == (right.spacing, right.thickness)
