"""Whatever lies in a folder, a survey goes on: the file is refused with its name."""

from __future__ import annotations

import os
import random
import tarfile

import numpy as np
import pydicom
import pytest
from test_data import SHARED, command_line, needs_shared, write_small

from iscl.data import DataError, NotHuError, iter_slices, read_slice, read_split, survey, write_split
from iscl.data.names import escaped, file_name, unescaped
from iscl.data.pairs import plan
from iscl.data.split import SplitRow

LATIN_1 = os.fsdecode(b"M\xfcller, J\xfcrgen")


@pytest.mark.parametrize("name", ["plain", "back\\slash", "\\xfc", "line\nbreak", "ü", LATIN_1, "\x1b[31m", "\\\\x41", "a\x85b"])
def test_names_are_written_as_text_and_found_again(name):
    text = escaped(name)
    assert unescaped(text) == name
    assert text.encode("utf-8").decode().isprintable()


def test_names_of_cache_files_are_bounded_and_apart():
    long = ["x/" * 200 + end for end in ("a", "b")]
    names = [file_name(name) for name in long]
    assert len(set(names)) == 2 and all(len(name.encode()) <= 200 for name in names)
    assert file_name("a/b/c") == "a__b__c"
    assert file_name(LATIN_1).isprintable()


def test_a_folder_with_a_latin_1_name_is_measured_and_planned(tmp_path):
    for seed, name in ((1, LATIN_1), (2, "other")):
        write_small(tmp_path / "d" / name, slices=2, sd=6.0, seed=seed)
    out = tmp_path / "split.csv"
    assert command_line("split", "--data", str(tmp_path / "d"), "--out", str(out)) == 0
    assert b"M\\xfcller" in out.read_bytes()
    rows = read_split(out)
    assert {row.path for row in rows} == {LATIN_1, "other"}
    assert len(plan(rows, tmp_path / "d", "clean", 10)) > 0


@needs_shared
def test_trial_of_a_latin_1_name(tmp_path):
    with tarfile.open(SHARED / "trials" / "04-name-in-latin1" / "tree.tar", encoding="utf-8", errors="surrogateescape") as tree:
        tree.extractall(tmp_path, filter="data")
    write_small(tmp_path / "other", slices=2, sd=6.0)
    out = tmp_path / "split.csv"
    assert command_line("split", "--data", str(tmp_path), "--out", str(out)) == 0
    assert f"clean/{LATIN_1}" in {row.path for row in read_split(out)}


def test_names_that_are_uids_are_slices_of_their_own(tmp_path):
    for index, path in enumerate(sorted(write_small(tmp_path / "a", slices=3).iterdir())):
        path.rename(path.with_name(f"1.2.{index}"))
    row = SplitRow("a", "A", "train", "clean", "clean", 8.0, "B40", 3.0, 3)
    assert len({task.name for task in plan([row], tmp_path, "clean", 10)}) == 3


@pytest.mark.parametrize("word", ["HU", "hu ", "Houndsfield Unit", "HOUNSFIELD UNITS", "Hounsfield"])
def test_rescale_types_that_mean_hounsfield_units(tmp_path, word):
    path = sorted(write_small(tmp_path, lambda ds, _: setattr(ds, "RescaleType", word), slices=1).iterdir())[0]
    assert np.isfinite(read_slice(path).hu).all()


@pytest.mark.parametrize("word", ["US", "Z_EFF", "MGML", "HU_MOD", "EDW", "HUX"])
def test_rescale_types_of_other_quantities(tmp_path, word):
    path = sorted(write_small(tmp_path, lambda ds, _: setattr(ds, "RescaleType", word), slices=1).iterdir())[0]
    with pytest.raises(NotHuError, match=word):
        read_slice(path)


@needs_shared
def test_trials_beside_a_good_series(tmp_path, capsys):
    """Each in the folder of a good series: left out and named, and the series is measured."""
    folder = SHARED / "trials" / "03-one-bad-file-stops-the-trainer"
    assert read_slice(folder / "comma_spacing.dcm").spacing == (0.7, 0.7)
    bad = sorted(path for path in folder.glob("*.dcm") if path.name != "comma_spacing.dcm")
    write_small(tmp_path / "good", slices=2)
    for path in bad:
        (tmp_path / "good" / path.name).write_bytes(path.read_bytes())
    assert survey(tmp_path / "good", tmp_path).slices == 2
    said = capsys.readouterr().err
    assert len(bad) >= 5 and all(path.name in said for path in bad)


@needs_shared
def test_the_conformance_corpus_and_the_trials_are_surveyed_to_the_end(tmp_path, capsys):
    write_small(tmp_path / "good", slices=2, sd=6.0)
    for name in ("conformance", "trials"):
        (tmp_path / name).symlink_to(SHARED / name, target_is_directory=True)
    out = tmp_path / "split.csv"
    folders = [str(folder.relative_to(tmp_path)) for name in ("conformance", "trials") for folder in sorted((tmp_path / name).iterdir())
               if folder.is_dir()]
    assert command_line("split", "--data", str(tmp_path), "--folders", "good", *folders, "--mixed", "--out", str(out)) == 0
    assert "good" in {row.path for row in read_split(out)}
    said = capsys.readouterr().err
    assert "matrix of 10000 x 10000" in said
    assert "made__CT1_truncated_header.dcm" in said and "dcmqi__23x38x3_mf.dcm" in said


def test_a_damaged_file_is_refused_or_read_and_never_ends_the_run(tmp_path, capsys):
    """Two hundred files, each with bytes changed, cut or doubled somewhere: reading yields a slice of finite HU, or a refusal with the name."""
    source = sorted(write_small(tmp_path / "source", slices=1).iterdir())[0].read_bytes()
    fuzz = random.Random(20260101)
    folder = tmp_path / "fuzz"
    folder.mkdir()
    for number in range(200):
        content = bytearray(source)
        # Two in three in the header, where most is decided.
        reach = 2500 if number % 3 else len(content)
        for _ in range(fuzz.randint(1, 6)):
            at = fuzz.randrange(132, reach)
            kind = fuzz.randrange(4)
            if kind == 0:
                content[at] = fuzz.randrange(256)
            elif kind == 1:
                del content[at : at + fuzz.randint(1, 40)]
            elif kind == 2:
                content[at:at] = content[at : at + fuzz.randint(1, 40)]
            else:
                content[at : at + 4] = fuzz.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"1,00", b"\\\\\\\\", b"SQUN"])
        (folder / f"{number:03d}").write_bytes(content)
    refused: list[DataError] = []
    read = list(iter_slices(folder, refused))
    assert len(read) + len(refused) == 200 and len(refused) > 20 and len(read) > 20
    assert all(error.path is not None and error.path.name in str(error) for error in refused)
    assert all(np.isfinite(item.hu).all() for item in read)
    write_small(tmp_path / "d" / "good", slices=2, sd=6.0)
    folder.rename(tmp_path / "d" / "fuzz")
    out = tmp_path / "s.csv"
    assert command_line("split", "--data", str(tmp_path / "d"), "--out", str(out)) == 0
    assert "good" in {row.path for row in read_split(out)}
    assert "left out" in capsys.readouterr().err


def test_a_folder_of_two_patients_is_left_out_and_the_others_are_measured(tmp_path, capsys):
    write_small(tmp_path / "good", slices=2, sd=6.0)
    for seed in (2, 3):
        write_small(tmp_path / f"{seed}", slices=1, seed=seed)
    (tmp_path / "2" / "0001.dcm").rename(tmp_path / "3" / "other.dcm")
    out = tmp_path / "s.csv"
    assert command_line("split", "--data", str(tmp_path), "--out", str(out)) == 0
    assert [row.path for row in read_split(out)] == ["good"]
    assert "several patients in one folder" in capsys.readouterr().err


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = sorted(write_small(tmp_path, slices=1).iterdir())[0]

    def denied(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pydicom, "dcmread", denied)
    with pytest.raises(DataError, match=f"PermissionError.*{path.name}"):
        read_slice(path)


def test_a_split_with_escaped_names_is_the_same_when_read(tmp_path):
    rows = [SplitRow(name, f"P{i}", "train", "clean", "clean", 8.0, "B40", 3.0, 3) for i, name in enumerate((LATIN_1, "a\\b", "ü"))]
    write_split(rows, tmp_path / "s.csv")
    assert sorted(read_split(tmp_path / "s.csv"), key=lambda r: r.patient) == rows
