"""`iscl evaluate real`: which files and series it takes, what it keeps, and what it refuses; and the rule on figures made up."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from judge_cases import known_stack
from onnx import TensorProto, helper

from iscl.cli import main
from iscl.evaluation.baselines import baseline
from iscl.judge import JudgeError, apply_stack, load_onnx, mean_figure, prepare, series_of_split, verdict
from iscl.judge import command as judge_command
from iscl.judge.denoisers import classical

SHARED = Path(__file__).parents[3] / "shared" / "data"


def write_slab(path, inputs=5, outputs=3, name="hu", fixed=True):
    """An ONNX model that gives its middle slices back."""
    first = (inputs - outputs) // 2
    initial = [helper.make_tensor(n, TensorProto.INT64, [1], [v]) for n, v in (("start", first), ("end", first + outputs), ("axis", 1))]
    graph = helper.make_graph(
        [helper.make_node("Slice", [name, "start", "end", "axis"], ["denoised"])],
        "slab",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, inputs if fixed else "n", "rows", "columns"])],
        [helper.make_tensor_value_info("denoised", TensorProto.FLOAT, [1, "m", "rows", "columns"])],
        initial,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def test_a_slab_file_says_how_many_slices_it_takes_and_gives(tmp_path):
    model = load_onnx(write_slab(tmp_path / "slab.onnx"))
    assert (model.name, model.inputs, model.outputs) == ("slab", 5, 3)
    stack = np.random.default_rng(0).normal(size=(8, 32, 40)).astype(np.float32)
    assert (apply_stack(model, stack) == stack).all()


@pytest.mark.parametrize(
    ("changes", "text"), [({"name": "image"}, "input `hu`"), ({"fixed": False}, "must be fixed"), ({"inputs": 4, "outputs": 2}, "odd")]
)
def test_files_that_are_no_model_are_refused(tmp_path, changes, text):
    with pytest.raises(JudgeError, match=text):
        load_onnx(write_slab(tmp_path / "bad.onnx", **changes))


def test_a_file_that_is_not_onnx_is_refused(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(JudgeError, match="cannot load"):
        load_onnx(tmp_path / "bad.onnx")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Shared data of two series, one of them for testing; places are looked for in a known stack."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [
        "path,patient,note",
        "stacks/one,P1,r=0.2; validation",
        'stacks/two,P2,"r=0.3; test; kernel"',
        "stacks/three,P3,r=0.2; train",
        "ct/four,P4,",
    ]
    (folder / "manifest.csv").write_text("\n".join(rows))
    made = []

    def load(root, path, mode, cache):
        made.append(path)
        return prepare(known_stack(), mode)

    monkeypatch.setattr(judge_command, "load_prepared", load)
    return folder, made


def test_splits_are_those_of_the_manifest(data):
    assert series_of_split(data[0], "validation") == ["stacks/one"]
    assert series_of_split(data[0], "test") == ["stacks/two"]
    with pytest.raises(JudgeError, match="split"):
        series_of_split(data[0], "train")
    with pytest.raises(JudgeError, match="absent"):
        series_of_split(data[0] / "elsewhere", "validation")


def test_the_command_judges_keeps_and_goes_on(data, tmp_path, capsys):
    folder, made = data
    write_slab(tmp_path / "slab.onnx")
    write_slab(tmp_path / "slab.wasm.onnx")
    arguments = [
        "evaluate",
        "real",
        "--quick",
        "--models",
        str(tmp_path / "slab.onnx"),
        str(tmp_path / "slab.wasm.onnx"),
        "--data",
        str(folder),
        "--out",
        str(tmp_path / "out"),
        "--cache",
        str(tmp_path / "cache"),
    ]
    assert main(arguments) == 0
    table = capsys.readouterr().out
    assert "| one | 2" in table and "5 -> 3 slices" in table
    kept = json.loads((tmp_path / "out" / "slab.validation.quick.json").read_text())
    assert kept["series"]["one"]["shipped"]["contrast_5mm"]["value"] == pytest.approx(1, abs=1e-3)
    assert kept["series"]["one"]["shipped"]["leak_slice"]["value"] == pytest.approx(0, abs=1e-4)
    assert main(arguments) == 0
    assert made == ["stacks/one"], "a series that was judged is not judged again"
    assert capsys.readouterr().out == table
    write_slab(tmp_path / "slab.onnx", 3, 1)
    assert main(arguments) == 0
    assert made == ["stacks/one"] * 2, "another file of the same name is another model"


def test_test_patients_are_not_measured_by_accident(data, tmp_path, capsys):
    folder, made = data
    write_slab(tmp_path / "slab.onnx")
    arguments = [
        "evaluate",
        "real",
        "--quick",
        "--split",
        "test",
        "--models",
        str(tmp_path / "slab.onnx"),
        "--data",
        str(folder),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(arguments) == 2
    assert "measured once" in capsys.readouterr().err
    assert made == []
    assert main([*arguments, "--the-rule-has-chosen"]) == 0
    assert made == ["stacks/two"]
    assert "slab.onnx" in (tmp_path / "out" / "test-patients.log").read_text()


def test_the_older_command_still_asks_for_its_folder(capsys):
    assert main(["evaluate", "--quick"]) == 2
    assert "--out is missing" in capsys.readouterr().err


def made_up(contrast, *, cut=True, left=0.3, cho=1.0, evenness=1.5, nps=0.9, leak=0.01, bias=0.2):
    def figures(kept):
        names = {
            "contrast_5mm": kept,
            "noise_left": left,
            "cho_5mm": cho,
            "evenness": evenness,
            "nps": nps,
            "leak_slice": leak,
            **{f"bias_{t}": bias for t in ("air", "lung", "fat", "soft", "bone")},
        }
        return {name: {"value": value, "draws": []} for name, value in names.items()}

    return {"series": {"a": {"patient": "A", "shipped": figures(contrast), "cut60": figures(contrast) if cut else None}}}


def decide(**results):
    return verdict(results, lambda result, setting, figure: abs(mean_figure(result, setting, figure).value))


def test_conditions_come_before_contrast():
    first, second = decide(sharp=made_up(0.95, evenness=2.5), sound=made_up(0.80))
    assert (first.model, second.model) == ("sound", "sharp")
    assert second.failed == ("evenness <= 1.8",)


@pytest.mark.parametrize(
    "fault", [{"cho": 0.97}, {"evenness": 1.9}, {"nps": 0.7}, {"leak": 0.05}, {"leak": -0.05}, {"bias": -1.2}, {"cho": None}]
)
def test_every_condition_can_fail(fault):
    assert len(decide(model=made_up(0.9, **fault))[0].failed) == 1


def test_contrast_decides_among_equals():
    assert [v.model for v in decide(a=made_up(0.8), b=made_up(0.9))] == ["b", "a"]


def test_a_cut_that_is_not_reached_is_counted_in_proportion():
    # 0.9 kept and 0.5 of the noise left: a loss of 0.1 for a cut of 0.5 is one of 0.12 for 0.6.
    (found,) = decide(model=made_up(0.9, cut=False, left=0.5))
    assert found.score == pytest.approx(0.88)
    assert found.reached == 0


def test_who_hardly_denoises_is_no_candidate():
    first, second = decide(idle=made_up(1.0, cut=False, left=0.7), works=made_up(0.7, cho=0.9, evenness=3.0))
    assert (first.model, second.candidate) == ("works", False)


@pytest.mark.skipif(not (SHARED / "manifest.csv").is_file(), reason="../shared/data is absent")
def test_no_series_is_for_choosing_and_for_testing():
    validation, test = (series_of_split(SHARED, split) for split in ("validation", "test"))
    assert len(validation) == 9 and len(test) == 4
    assert not set(validation) & set(test)


def test_a_classical_filter_takes_slice_by_slice():
    stack = np.random.default_rng(1).normal(40, 20, size=(3, 48, 48)).astype(np.float32)
    made = apply_stack(classical("nlm"), stack)
    np.testing.assert_array_equal(made[1], baseline("nlm")(stack[1]))
    assert made[1].std() < 0.7 * stack[1].std()


def test_nothing_to_judge_is_said(tmp_path, capsys):
    assert main(["evaluate", "real", "--data", str(SHARED), "--out", str(tmp_path)]) == 2
    assert "nothing to judge" in capsys.readouterr().err


def test_the_picture_of_quality_against_cost_and_a_table_that_is_none(tmp_path, capsys):
    figures = Path(__file__).parents[2] / "docs" / "quality-against-cost.csv"
    assert main(["evaluate", "front", "--figures", str(figures), "--out", str(tmp_path / "front.svg")]) == 0
    picture = (tmp_path / "front.svg").read_text()
    assert picture.count("<!-- ct-slab-fast (") == 1
    bad = tmp_path / "bad.csv"
    bad.write_text("group,label,gflop,contrast_at_60,noise_left\na,b,much,0.5,0.5\n")
    assert main(["evaluate", "front", "--figures", str(bad), "--out", str(tmp_path / "bad.svg")]) == 2
    assert "line 2: could not convert" in capsys.readouterr().err
