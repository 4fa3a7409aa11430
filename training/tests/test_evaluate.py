"""`iscl evaluate` on synthetic slices: baselines, rows, the run, the table, figures and the command itself."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from test_evaluate_score import write_pair

from iscl.evaluation import EvaluationError, baselines, load_cases, realdata, rows, store, table
from iscl.evaluation import run as evaluation
from iscl.evaluation.command import describe
from iscl.evaluation.figures import choose_views
from iscl.evaluation.rows import Row
from iscl.evaluation.run import Material, evaluate

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="needs real scans in ../shared/data")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_pair(folder, "a1", "A", "test", 1)
    write_pair(folder, "b1", "B", "test", 2, lung=True)
    return folder


def test_the_description_of_the_slices_passes_over_those_without_a_uniform_region(pairs):
    case, other = load_cases(pairs, "test")
    small = np.zeros_like(case.body)
    small[:8, :8] = True
    empty = replace(case, body=small)
    known = f"{case.input_figures['noise_input']:.0f}"
    assert f"input noise {known} to {known} HU" in describe([case, empty])
    assert "input noise unknown" in describe([empty])
    assert "2 slices of 2 patients" in describe([case, other])


@pytest.mark.parametrize("name", list(baselines.NAMES))
def test_baselines_cut_noise_and_keep_hu(pairs, name):
    if baselines.missing_package(name):
        pytest.skip(f"package {baselines.missing_package(name)} is not installed")
    case = load_cases(pairs, "test")[0].crop(128)
    output = baselines.baseline(name)(case.noisy)
    assert output.dtype == np.float32 and output.shape == case.noisy.shape
    before, after = (np.abs(image - case.reference)[case.body].mean() for image in (case.noisy, output))
    assert after < 0.8 * before
    assert abs(float((output - case.noisy).mean())) < 1.0


def test_baseline_strength_follows_the_noise(pairs):
    case = load_cases(pairs, "test")[0]
    quiet = case.reference + 0.2 * (case.noisy - case.reference)
    assert baselines.estimate_noise(case.noisy) == pytest.approx(5 * baselines.estimate_noise(quiet), rel=0.2)


def test_unknown_baseline_is_refused():
    with pytest.raises(EvaluationError, match="wavelet"):
        baselines.baseline("wavelet")


def test_every_requested_row_is_there_in_order_even_when_nothing_is_trained():
    labels = [row.label for row in rows.baseline_rows() + rows.trained_rows({})]
    order = ["Input", "Bilateral", "NLM", "BM3D", "TV", "CycleGAN", "paper nets", "F alone", "x - H", "ensemble", "distilled",
             "supervised", "RED-CNN"]
    places = [next(i for i, label in enumerate(labels) if text in label and (text != "ensemble" or "ct-fast" in label))
              for text in order]
    assert places == sorted(places)
    assert all(row.absent == rows.NOT_TRAINED for row in rows.trained_rows({}))


def test_index_forms_and_faults(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "last.pt").write_bytes(b"x")
    index = tmp_path / "index.json"
    index.write_text(json.dumps({
        "red-cnn": "a/last.pt", "other": {"checkpoint": "a/last.pt", "row": "ensemble"}, "cyclegan": {"absent": "no time"},
    }))
    read = rows.read_index(index)
    assert read["red-cnn"] == rows.Run(tmp_path / "a" / "last.pt") and read["other"].part == "ensemble"
    absent = next(row for row in rows.trained_rows({"cyclegan": read["cyclegan"]}) if row.label.startswith("CycleGAN"))
    assert absent.absent == "no time" and absent.load is None
    assert rows.read_index(tmp_path / "none.json") == {}
    index.write_text('["not", "a", "mapping"]')
    with pytest.raises(EvaluationError, match="not an index"):
        rows.read_index(index)


def test_a_damaged_or_missing_checkpoint_is_said_in_its_row(tmp_path):
    (tmp_path / "bad.pt").write_bytes(b"not a checkpoint")
    found = {r.label: r for r in rows.trained_rows({
        "red-cnn": rows.Run(tmp_path / "bad.pt"), "cyclegan": rows.Run(tmp_path / "no.pt")})}
    assert "damaged" in found["RED-CNN, simulated pairs (supervised)"].absent
    assert "missing" in found["CycleGAN (ISCL without H)"].absent


def _blur(sigma):
    return lambda: lambda hu: ndimage.gaussian_filter(hu, sigma)


def test_a_run_measures_all_rows_on_the_same_slices_and_prints_absent_ones(pairs, tmp_path):
    cases = load_cases(pairs, "test")
    lines = []
    results = evaluate(
        [Row("Input", load=lambda: lambda hu: hu), Row("Blur", load=_blur(1.0), parameters=9), Row("Net", absent="not trained here")],
        Material(cases),
        [cases[0].noisy[:64, :64]],
        report=lines.append,
    )
    assert [c["name"] for c in results[0].scores["cases"]] == [c["name"] for c in results[1].scores["cases"]]
    assert results[2].scores is None
    assert results[1].crops[0].shape == (64, 64)
    assert len(lines) == 4 and "not trained here" in lines[1] and all("min left" in line for line in lines[2:])

    table.write_csv(results, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open() as file:
        written = {row["row"]: row for row in csv.DictReader(file)}
    assert float(written["Blur"]["psnr_gain_db"]) == pytest.approx(results[1].scores["psnr_gain"], abs=0.01)
    assert written["Net"]["note"] == "not trained here" and written["Net"]["psnr_gain_db"] == ""
    markdown = table.main_table(results)
    assert "| Net | not trained here |" in markdown
    assert len({line.count("|") for line in markdown.splitlines()}) == 1
    store.save_json(results, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())[1]["scores"]["bias"].keys() == results[1].scores["bias"].keys()


def test_a_slow_method_is_cut_and_marked(pairs, monkeypatch):
    monkeypatch.setattr(evaluation, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(evaluation, "SLOW_CROP_PX", 144)
    results = evaluate([Row("Input", load=lambda: lambda hu: hu)], Material(load_cases(pairs, "test")), report=lambda _: None)
    assert results[0].slow
    assert "Input *" in table.main_table(results)


def test_a_kept_row_is_not_measured_again_until_denoiser_or_material_change(pairs, tmp_path):
    cases = load_cases(pairs, "test")
    calls = []

    def load():
        def denoise(hu):
            calls.append(hu.shape)
            return ndimage.gaussian_filter(hu, 1.0)

        return denoise

    def run(identity, some=cases):
        table_rows = [Row("Input", load=lambda: lambda hu: hu, identity="input"), Row("Blur", load=load, identity=identity)]
        return evaluate(table_rows, Material(some), [cases[0].noisy[:64, :64]], tmp_path, report=lambda _: None)

    first = run("a")
    calls.clear()
    again = run("a")
    assert not calls
    assert table.main_table(again) == table.main_table(first)
    np.testing.assert_array_equal(again[1].crops[0], first[1].crops[0])
    np.testing.assert_allclose(again[1].scores["spectra"]["output"].power, first[1].scores["spectra"]["output"].power, rtol=1e-5)
    run("b")
    assert calls
    calls.clear()
    run("a", cases[:1])
    assert calls


def test_a_row_that_fails_says_why_and_leaves_the_others_standing(pairs, tmp_path, capsys):
    def explode():
        raise OSError("no such | model")

    table_rows = [
        Row("Input", load=lambda: lambda hu: hu, identity="input"),
        Row("Unloadable", load=explode, identity="u"),
        Row("Not a number", load=lambda: lambda hu: hu * np.nan, identity="n"),
        Row("Blur", load=_blur(1.0), identity="b"),
    ]
    lines = []
    results = evaluate(table_rows, Material(load_cases(pairs, "test")), keep=tmp_path, report=lines.append)
    assert [r.scores is not None for r in results] == [True, False, False, True]
    assert results[1].row.absent == "failed: OSError, no such / model"
    assert "NaN" in results[2].row.absent and sum("min left" in line for line in lines) == 3
    markdown = table.main_table(results)
    assert "| Unloadable | failed: OSError" in markdown
    assert len({line.count("|") for line in markdown.splitlines()}) == 1
    # A failed row is not kept: it is tried again.
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(OSError, match="no such"):
        evaluate([Row("Input", load=explode)], Material(load_cases(pairs, "test")), report=lines.append)


def test_a_damaged_kept_row_is_measured_again(pairs, tmp_path):
    def run():
        return evaluate([Row("Input", load=lambda: lambda hu: hu, identity="i")], Material(load_cases(pairs, "test")), keep=tmp_path,
                        report=lambda _: None)

    run()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:200])
    assert run()[0].scores["psnr_gain"] == 0
    assert len(file.read_bytes()) > 200


def test_a_run_needs_the_input_first(pairs):
    with pytest.raises(EvaluationError, match="input"):
        evaluate([Row("Net", absent="not trained here")], Material(load_cases(pairs, "test")))


def test_edge_ratio_is_one_for_the_same_image_and_falls_with_blur():
    rng = np.random.default_rng(1)
    image = np.full((128, 128), -800.0)
    image[40:90, 40:90] = 50.0
    noisy = (image + rng.normal(0, 30, image.shape)).astype(np.float32)
    assert realdata.edge_ratio(noisy, noisy) == pytest.approx(1)
    assert realdata.edge_ratio(image, noisy) == pytest.approx(1, abs=0.02)
    # A Gaussian of 1 px on a step measured at 1 px lowers its peak slope by sqrt(2); over its flanks the loss is less.
    weak, strong = (realdata.edge_ratio(ndimage.gaussian_filter(noisy, s), noisy) for s in (1.0, 2.0))
    assert 1 / np.sqrt(2) < weak < 0.95 and strong < weak - 0.1
    assert np.isnan(realdata.edge_ratio(np.zeros((64, 64)), np.zeros((64, 64))))


def test_the_views_end_with_the_phantom_which_shows_no_patient(pairs):
    cases = load_cases(pairs, "test")
    quiet = replace(cases[0], noisy=cases[0].reference)
    plain, views = choose_views(cases, []), choose_views(cases, [], [quiet, cases[0]])
    assert [view.title for view in views[:-1]] == [view.title for view in plain]
    assert views[-1].title == "analytic phantom, exact truth"
    # The noisier of the two, with the truth beside it.
    assert np.std(views[-1].hu - views[-1].reference) > 5


@needs_data
def test_real_pairs_share_their_anatomy():
    slices = realdata.load_real(SHARED, 1, realdata.SERIES[2:])
    assert len(slices) == 2 and all(item.smooth is not None for item in slices)
    figures = realdata.assess(lambda hu: hu, slices)
    for found in figures.values():
        assert found["noise_cut"] == 0 and found["edge"] == pytest.approx(1)
        # Sharp kernels are far noisier than the smooth kernel of the same scan.
        assert found["noise_input"] > 3 * found["noise_smooth"]


def test_command_writes_table_and_figures(pairs, tmp_path):
    shipped = ROOT / "models" / "manifest.json"
    manifest = json.loads(shipped.read_text())
    (model,) = (entry for entry in manifest["models"] if entry["id"] == "ct-fast")
    other = shutil.copytree(shipped.parent, tmp_path / "other") / "manifest.json"
    other.write_text(json.dumps({**manifest, "default": model["id"], "models": [{**model, "version": "9.9.9"}]}))
    command = [sys.executable, "-m", "iscl.cli", "evaluate", "--pairs", str(pairs), "--out", str(tmp_path / "out"), "--quick",
               "--models", str(shipped), "--models", str(other), "--only", "bilateral", "red-cnn", ": ct-fast", "--data", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "training" / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)
    assert done.returncode == 0, done.stderr
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"results.csv", "results.md", "results.json", "eval-nps.png", "eval-bias.png", "eval-crops-1.png"} <= written
    report = (tmp_path / "out" / "results.md").read_text()
    for version in (model["version"], "9.9.9"):
        assert f"Shipped: ct-fast {version} (ONNX) |" in report
    assert "Bilateral" in report and "not trained here" in report and "iscl evaluate" in report
    assert "no detectability" in done.stderr


def test_command_refuses_a_folder_without_pairs(tmp_path):
    from iscl.cli import main

    assert main(["evaluate", "--pairs", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
