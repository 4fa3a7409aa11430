from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from conftest import write_pair
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from iscl.cli import main
from iscl.data import EmptySetError, SplitError
from iscl.data.split import SeriesStats
from iscl.training import command, load_checkpoint, start_weights
from iscl.training.command import SHIPPED, configuration, make_trainer, shipped_names
from iscl.training.own_folders import assign_sides
from iscl.training.pairs import read_pairs

SMALL = ["--set", "iterations=2", "--set", "log_every=1", "--set", "validate_every=2", "--set", "validation_slices=1",
         "--set", "patches.size=32", "--set", "patches.batch=2", "--set", "bf16=false", "--set", "threads=1"]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_the_shipped_configurations_are_usable():
    assert {"ct-fast-supervised", "ct-fast-iscl", "paper-iscl"} <= set(shipped_names())
    for path in SHIPPED.glob("*.toml"):
        configuration(str(path), [])


def test_an_unknown_configuration_names_the_shipped_ones(pairs_folder, tmp_path, capsys):
    assert main(["train", "--config", "ct-slow", "--pairs", str(pairs_folder), "--out", str(tmp_path)]) == 2
    assert "ct-fast-supervised" in capsys.readouterr().err


def test_train_and_resume(pairs_folder, tmp_path, capsys):
    arguments = ["train", "--config", "ct-fast-supervised", "--pairs", str(pairs_folder), "--out", str(tmp_path / "run"), *SMALL]
    assert main(arguments) == 0
    assert capsys.readouterr().out.strip().endswith("last.pt")
    assert main(arguments) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0


def test_a_recipe_starts_each_run_from_the_one_before(pairs_folder, tmp_path):
    code = main(["train", "--pairs", str(pairs_folder), "--out", str(tmp_path), *SMALL])
    assert code == 0
    assert (tmp_path / "1-ct-fast-short" / "last.pt").is_file()
    last = (tmp_path / "3-ct-fast-short-iscl" / "config.json").read_text()
    assert "2-ct-fast-short-all-patients/last.pt" in last


def test_a_recipe_goes_on_from_a_shipped_model(pairs_folder, tmp_path):
    model = Path(__file__).parents[2] / "models" / "ct-fast.onnx"
    names = ["--config", "ct-fast-own-kernel", "--config", "ct-fast-iscl"]
    # Without steps worth the name, what comes out is what went in.
    still = ["--set", f"start_from={model}", "--set", "lr=1e-12", "--set", "ema=0.0"]
    assert main(["train", *names, "--pairs", str(pairs_folder), "--out", str(tmp_path), *SMALL, *still]) == 0
    assert "1-ct-fast-own-kernel/last.pt" in (tmp_path / "2-ct-fast-iscl" / "config.json").read_text()
    trained = load_checkpoint(tmp_path / "2-ct-fast-iscl" / "last.pt").state_dict()
    for name, value in start_weights(model, "ct-fast").items():
        assert torch.allclose(trained[name], value, atol=1e-6), name


def test_pairs_of_noisy_series_join_the_runs_with_independent_targets_only(pairs_folder, tmp_path, capsys, monkeypatch):
    seen = {}

    def make(config, train, validation, real):
        seen[config.network, config.method, config.patches.independent_target] = {pair.name for pair in train}
        return make_trainer(config, train, validation, real)

    monkeypatch.setattr(command, "make_trainer", make)
    write_pair(tmp_path / "noisy", "n", patient="P7", domain="noisy", noise_sd=np.float32(40), dose=np.float32(0.25))
    common = ["--pairs", str(pairs_folder), "--independent", str(tmp_path / "noisy"), *SMALL]
    names = ["--config", "ct-fast-own-kernel", "--config", "ct-fast-all-patients", "--config", "ct-fast-iscl"]
    assert main(["train", *names, *common, "--out", str(tmp_path / "run")]) == 0
    assert "n" in seen.pop(("ct-fast", "supervised", True))
    assert len(seen) == 2 and all("n" not in names for names in seen.values())
    capsys.readouterr()
    assert main(["train", "--config", "ct-fast-own-kernel", *common, "--out", str(tmp_path / "other")]) == 2
    assert "none of ct-fast-own-kernel" in capsys.readouterr().err
    write_pair(tmp_path / "noisy", "v", patient="P9", domain="clean", noise_sd=np.float32(40), dose=np.float32(0.25))
    assert main(["train", "--config", "ct-fast-all-patients", *common, "--out", str(tmp_path / "third")]) == 2
    assert "in more than one split" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "--pairs"),
        (["--pairs", "here", "--clean", "there"], "--pairs"),
        (["--clean", "there"], "--noisy"),
        (["--pairs", "/nonexistent"], "no simulated pairs"),
    ],
)
def test_data_has_to_be_given_in_one_way(data, message, tmp_path, capsys):
    assert main(["train", *data, "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_an_unpaired_run_needs_a_noisy_side(tmp_path, capsys):
    write_pair(tmp_path / "pairs", "a", patient="P1")
    write_pair(tmp_path / "pairs", "b", patient="P2", split="validation")
    arguments = ["train", "--config", "ct-fast-iscl", "--pairs", str(tmp_path / "pairs"), "--out", str(tmp_path / "run"), *SMALL]
    assert main(arguments) == 2
    assert "noisy set is empty" in capsys.readouterr().err


def ct_file(path, patient, series, noise, modality="CT", seed=0):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.Modality, ds.PatientID, ds.SeriesInstanceUID, ds.StudyInstanceUID = modality, patient, series, generate_uid()
    ds.PhotometricInterpretation, ds.SamplesPerPixel = "MONOCHROME2", 1
    size = 256
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    body = np.hypot(rows - 128, columns - 128) < 105
    hu = np.where(body, 40.0, -1000.0) + rng.normal(0, noise, (size, size)) * body
    ds.Rows = ds.Columns = size
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    ds.PixelSpacing, ds.SliceThickness, ds.KVP, ds.ConvolutionKernel = [1.2, 1.2], 5, 120, "B30f"
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, float(seed)]
    ds.PixelData = np.round(hu).astype("<i2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, ds)


def series(folder, patient, noise, seed=0, **entries):
    ct_file(folder / patient / "1.dcm", patient, generate_uid(), noise, seed=seed, **entries)


def test_two_folders_of_dicom_train_in_one_command(tmp_path, capsys):
    for index, patient in enumerate(("A", "B", "C")):
        series(tmp_path / "clean", patient, 6.0, seed=index)
    series(tmp_path / "noisy", "D", 40.0, seed=7)
    # What a Mac leaves behind must not make the folder of all patients a series.
    (tmp_path / "clean" / ".DS_Store").write_bytes(b"x")
    out = tmp_path / "run"
    code = main(["train", "--clean", str(tmp_path / "clean"), "--noisy", str(tmp_path / "noisy"), "--out", str(out), *SMALL])
    assert code == 0, capsys.readouterr().err
    assert (out / "3-ct-fast-short-iscl" / "last.pt").is_file()
    # The run that may also learns from the noisy side, whose only series is under the limit here.
    assert len(read_pairs(out / "noisy-pairs", "train")) == 1
    split = (out / "split.csv").read_text()
    assert split.count(",validation,clean,") == 1 and split.count(",train,clean,") == 2 and ",train,noisy," in split


def test_a_noisy_side_too_noisy_for_pairs_still_trains_unpaired(tmp_path, capsys):
    for index, patient in enumerate(("A", "B")):
        series(tmp_path / "clean", patient, 6.0, seed=index)
    series(tmp_path / "noisy", "D", 90.0, seed=7)
    out = tmp_path / "run"
    code = main(["train", "--clean", str(tmp_path / "clean"), "--noisy", str(tmp_path / "noisy"), "--out", str(out), *SMALL])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert "the noisy side teaches no anatomy" in captured.err
    assert (out / "3-ct-fast-short-iscl" / "last.pt").is_file()


def test_contiguous_series_train_on_slabs(tmp_path, capsys):
    def stack(folder, patient, noise, slices):
        uid = generate_uid()
        for number in range(slices):
            ct_file(folder / patient / f"{number}.dcm", patient, uid, noise, seed=number)

    for patient in ("A", "B"):
        stack(tmp_path / "clean", patient, 6.0, 10)
    for patient in ("D", "E"):
        stack(tmp_path / "noisy", patient, 40.0, 10)
    out = tmp_path / "run"
    few = ["--set", "iterations=2", "--set", "warmup=1", "--set", "draw.size=64", "--set", "draw.batch=1", "--set", "iscl.discriminator_lead=0"]
    arguments = ["train", "--clean", str(tmp_path / "clean"), "--noisy", str(tmp_path / "noisy"), "--out", str(out), *few]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert "2 clean and 2 noisy series hold 9 neighbouring slices or more: training on slabs" in captured.err
    assert captured.out.strip().endswith("2-slab-iscl/last.pt")
    assert load_checkpoint(out / "1-slab" / "last.pt")(torch.zeros(1, 5, 32, 32)).shape == (1, 3, 32, 32)
    assert main(arguments) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    # One run on a side is one patient: then the slices are taken one by one.
    for path in (tmp_path / "noisy" / "E").iterdir():
        path.unlink()
    series(tmp_path / "noisy", "E", 40.0)
    assert main(["train", "--clean", str(tmp_path / "clean"), "--noisy", str(tmp_path / "noisy"), "--out", str(tmp_path / "second"), *SMALL]) == 0
    assert "training slice by slice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: (root / "clean").mkdir() or series(root / "noisy", "D", 40.0), "empty"),
        (lambda root: series(root / "clean", "A", 6.0, modality="MR") or series(root / "noisy", "D", 40.0), "no usable CT"),
        (lambda root: [series(root / "clean", p, 6.0) for p in "AB"] and series(root / "noisy", "B", 40.0), "both the clean and the noisy"),
        (lambda root: [series(root / "clean", p, 45.0) for p in "AB"] and series(root / "noisy", "D", 40.0), "clean set is empty"),
        (lambda root: series(root / "clean", "A", 6.0) or series(root / "noisy", "D", 40.0), "two at least"),
        (lambda root: [ct_file(root / "clean" / "A" / f"{n}.dcm", "A", generate_uid(), 6.0) for n in "12"]
         and series(root / "noisy", "D", 40.0), "2 series in one folder"),
    ],
)
def test_unusable_folders_are_refused_before_anything_is_simulated(make, message, tmp_path, capsys):
    make(tmp_path)
    out = tmp_path / "run"
    code = main(["train", "--clean", str(tmp_path / "clean"), "--noisy", str(tmp_path / "noisy"), "--out", str(out), *SMALL])
    assert code == 2
    assert message in capsys.readouterr().err
    assert not (out / "pairs").exists()


def stats(patient, noise):
    return SeriesStats(path=f"clean/{patient}", patient=patient, noise_sd_HU=noise, kernel="B30f", slice_mm=3.0, slices=9)


def test_noisy_series_of_the_clean_folder_are_left_out(capsys):
    rows = assign_sides([stats("A", 8.0), stats("B", 9.0), stats("C", 30.0)], [stats("D", 40.0)])
    assert {row.patient for row in rows} == {"A", "B", "D"}
    assert "clean/C" in capsys.readouterr().err


def test_sides_are_refused_when_they_cannot_train():
    with pytest.raises(EmptySetError, match="30"):
        assign_sides([stats("A", 30.0)], [stats("D", 40.0)])
    with pytest.raises(SplitError, match="both"):
        assign_sides([stats("A", 8.0), stats("B", 8.0)], [stats("A", 40.0)])


def test_a_recipe_is_refused_before_its_first_run_when_its_last_one_cannot_start(tmp_path, capsys):
    write_pair(tmp_path / "pairs", "a", patient="P1")
    write_pair(tmp_path / "pairs", "b", patient="P2", split="validation")
    assert main(["train", "--pairs", str(tmp_path / "pairs"), "--out", str(tmp_path / "run"), *SMALL]) == 2
    assert "noisy set is empty" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_recipe_whose_last_folder_holds_a_run_is_refused_before_its_first(pairs_folder, tmp_path, capsys):
    (tmp_path / "3-ct-fast-short-iscl").mkdir()
    (tmp_path / "3-ct-fast-short-iscl" / "last.pt").write_bytes(b"x")
    assert main(["train", "--pairs", str(pairs_folder), "--out", str(tmp_path), *SMALL]) == 2
    assert "--resume" in capsys.readouterr().err
    assert not (tmp_path / "1-ct-fast-short").exists()


def test_real_slices_given_as_pairs_are_refused(pairs_folder, tmp_path, capsys):
    nothing = np.empty((0, 160, 160), np.float16)
    write_pair(tmp_path / "real", "a", patient="P1", noise=nothing)
    write_pair(tmp_path / "real", "b", patient="P2", split="validation", noise=nothing)
    arguments = ["train", "--config", "ct-fast-supervised", "--pairs", str(tmp_path / "real"), "--out", str(tmp_path / "run"), *SMALL]
    assert main(arguments) == 2
    assert "2 slices of pairs have no simulated noise" in capsys.readouterr().err


def test_a_patient_of_the_validation_split_may_not_train_as_a_real_one(pairs_folder, tmp_path, capsys):
    write_pair(tmp_path / "real", "a", patient="P9", domain="noisy", noise=np.empty((0, 160, 160), np.float16))
    arguments = ["train", "--config", "ct-fast-iscl", "--pairs", str(pairs_folder), "--real", str(tmp_path / "real")]
    assert main([*arguments, "--out", str(tmp_path / "run"), *SMALL]) == 2
    assert "P9" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused_before_data_is_read(tmp_path, capsys):
    assert main(["train", "--pairs", str(tmp_path / "none"), "--out", str(tmp_path / "run"), "--set", "device=cuda"]) == 2
    assert "finds no CUDA device" in capsys.readouterr().err


def test_a_set_entry_below_a_plain_one_is_refused(tmp_path, capsys):
    assert main(["train", "--pairs", str(tmp_path), "--out", str(tmp_path / "run"), "--set", "lr=1", "--set", "lr.peak=1"]) == 2
    assert "lr is no section" in capsys.readouterr().err
