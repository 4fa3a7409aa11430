import json

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from iscl.export import (
    ExportError,
    ManifestError,
    ModelEntry,
    compare,
    export_onnx,
    golden_input,
    halve_weights,
    read_manifest,
    session,
    upsert,
    write_wasm_graph,
)
from iscl.export.command import write_model
from iscl.export.onnx_file import apply
from iscl.nets import CtDenoiser, PaperHuDenoiser, build
from iscl.training import CheckpointError, start_weights

CARD = {
    "id": "test-model", "version": "1.2.3", "name": "Test", "method": "none", "licence": "Apache-2.0",
    "domain": {"kernels": ["soft"]}, "metrics": {}, "training": {"command": "none", "seed": 0, "data": []},
}


@pytest.fixture(scope="module")
def denoiser():
    torch.manual_seed(3)
    net = CtDenoiser("fast", keep=0.25)
    nn.init.normal_(net.unet.head.weight, std=0.01)
    return net.eval()


@pytest.fixture(scope="module")
def models(denoiser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    upsert(folder / "manifest.json", write_model(denoiser, folder, CARD), default=True)
    return folder


def test_the_onnx_file_says_what_the_applications_expect(models):
    model = onnx.load(str(models / "test-model.onnx"))
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert [i.name for i in model.graph.input] == ["hu"] and [o.name for o in model.graph.output] == ["denoised"]
    shape = [d.dim_value or d.dim_param for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [1, 1, "rows", "columns"]
    assert not any(a.name == "auto_pad" and a.s not in (b"NOTSET", b"") for n in model.graph.node for a in n.attribute)


def test_onnx_runtime_gives_what_torch_gives_at_odd_sizes_too(denoiser, models):
    assert compare(denoiser, models / "test-model.onnx") <= 0.05


def test_a_strength_below_1_leaves_a_share_of_everything():
    torch.manual_seed(4)
    net = CtDenoiser("fast", keep=0.25)
    nn.init.normal_(net.unet.head.weight, std=0.01)
    hu = torch.randn(1, 1, 48, 64) * 40
    with torch.no_grad():
        removed = hu - net(hu)
        net.scale_noise(0.9)
        assert removed.std() > 0.1
        assert torch.allclose(hu - net(hu), 0.9 * removed, atol=1e-4)


def test_training_goes_on_from_an_exported_model(denoiser, models, tmp_path):
    found = start_weights(models / "test-model.onnx", "ct-fast")
    assert found.keys() == denoiser.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in denoiser.state_dict().items())
    with pytest.raises(CheckpointError, match="other weights than ct-quality"):
        start_weights(models / "test-model.onnx", "ct-quality")
    with pytest.raises(CheckpointError, match="no model file"):
        start_weights(tmp_path / "absent.onnx", "ct-fast")
    (tmp_path / "broken.onnx").write_bytes((models / "test-model.onnx").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="damaged"):
        start_weights(tmp_path / "broken.onnx", "ct-fast")


def test_the_wasm_graph_is_the_same_network_without_weights_of_its_own(denoiser, models):
    (variant,) = [v for v in read_manifest(models / "manifest.json")["models"][0]["variants"] if v.get("provider")]
    assert variant["provider"] == "wasm" and variant["bytes"] < 120_000
    graph = models / variant["file"]
    # (40, 56) and others leave the lowest level with a height that is no multiple of the tile.
    assert compare(denoiser, graph) <= 0.05
    plain = session(models / "test-model.onnx")
    for size in ((40, 56), (80, 16), (17, 33)):
        hu = np.random.default_rng(1).normal(0, 300, size).astype(np.float32)
        assert np.abs(apply(session(graph), hu[None]) - apply(plain, hu[None])).max() < 0.05
    nodes = onnx.load(str(graph), load_external_data=False).graph.node
    kernels = [tuple(a.ints) for n in nodes if n.op_type == "Conv" for a in n.attribute if a.name == "kernel_shape"]
    assert kernels.count((1, 3)) == 14


@pytest.mark.parametrize("name", ["ct-slab-5-3", "ct-slab-7-5"])
def test_the_wasm_graph_of_a_slab_network_is_the_same_network(name, tmp_path):
    torch.manual_seed(5)
    net = build(name).eval()
    for parameter in net.parameters():
        if not parameter.any():  # An untrained last layer, which would pass the slices through.
            nn.init.normal_(parameter, std=0.01)
    export_onnx(net, tmp_path / "slab.onnx")
    write_wasm_graph(tmp_path / "slab.onnx", tmp_path / "slab.wasm.onnx", CtDenoiser.MULTIPLE)
    graph, plain = session(tmp_path / "slab.wasm.onnx"), session(tmp_path / "slab.onnx")
    for size in ((64, 64), (40, 56), (17, 33)):
        hu = np.random.default_rng(1).normal(0, 300, (net.shape.inputs, *size)).astype(np.float32)
        expected = apply(plain, hu)
        assert expected.shape == (net.shape.outputs, *size)
        assert np.abs(apply(graph, hu) - expected).max() < 0.05
        assert np.abs(expected - hu[(net.shape.inputs - net.shape.outputs) // 2 :][: net.shape.outputs]).max() > 1


def test_the_wasm_graph_refuses_to_leave_its_weights_behind(models, tmp_path):
    with pytest.raises(ValueError, match="beside"):
        write_wasm_graph(models / "test-model.onnx", tmp_path / "graph.onnx", 16)


def test_a_file_of_other_weights_is_refused(models):
    torch.manual_seed(4)
    other = CtDenoiser("fast")
    nn.init.normal_(other.unet.head.weight, std=0.01)
    with pytest.raises(ExportError, match="differs from the network"):
        compare(other.eval(), models / "test-model.onnx")


def test_the_golden_pair_is_what_onnx_runtime_gives(models):
    manifest = read_manifest(models / "manifest.json")
    golden = manifest["models"][0]["golden"]
    size = (golden["rows"], golden["columns"])
    hu = np.fromfile(models / golden["input"], "<f4").reshape(size)
    expected = np.fromfile(models / golden["output"], "<f4").reshape(size)
    assert np.array_equal(hu, golden_input()[0])
    assert np.abs(apply(session(models / "test-model.onnx"), hu[None])[0] - expected).max() < golden["toleranceHU"]
    assert np.abs(hu - expected).max() > 5 * golden["toleranceHU"]


def test_the_golden_input_covers_the_tissues_in_whole_hu():
    hu = golden_input()[0]
    assert hu.dtype == np.float32 and np.array_equal(hu, np.round(hu))
    assert hu.min() < -950 and hu.max() > 2500
    assert np.mean(np.abs(hu - 50) < 100) > 0.2


def test_the_manifest_describes_the_files(models, denoiser):
    entry = read_manifest(models / "manifest.json")["models"][0]
    assert entry["bytes"] == (models / entry["file"]).stat().st_size
    assert entry["input"] == {"name": "hu", "rangeHU": [-1024, 3071], "multiple": 1, "tileStride": 16}
    assert entry["output"] == {"name": "denoised"} and entry["precision"] == "fp32"
    assert entry["parameters"] == sum(p.numel() for p in denoiser.parameters()) and entry["gflop512"] <= 15
    assert entry["keptFineNoiseShare"] == 0.25
    assert entry["checks"]["onnxMaxErrorHU"] <= 0.05
    assert [variant.get("provider") for variant in entry["variants"]] == ["wasm"]
    for variant in entry["variants"]:
        assert variant["bytes"] < 0.6 * entry["bytes"]


def test_a_changed_or_missing_file_is_refused(models, tmp_path):
    for file in models.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with (tmp_path / "test-model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ManifestError, match="test-model.onnx"):
        read_manifest(tmp_path / "manifest.json")


def test_upsert_replaces_by_id_and_keeps_the_default(tmp_path):
    path = tmp_path / "manifest.json"
    upsert(path, ModelEntry({"id": "a", "version": "1"}), default=False)
    upsert(path, ModelEntry({"id": "b", "version": "1"}), default=False)
    upsert(path, ModelEntry({"id": "a", "version": "2"}), default=False)
    manifest = json.loads(path.read_text())
    assert [(m["id"], m["version"]) for m in manifest["models"]] == [("a", "2"), ("b", "1")]
    assert manifest["default"] == "a"
    upsert(path, ModelEntry({"id": "b", "version": "2"}), default=True)
    assert json.loads(path.read_text())["default"] == "b"


def test_half_weights_run_in_fp32_and_stay_close(denoiser, models, tmp_path):
    half = tmp_path / "half.onnx"
    halve_weights(models / "test-model.onnx", half)
    kinds = {i.data_type for i in onnx.load(str(half)).graph.initializer if len(i.dims) == 4}
    assert kinds == {onnx.TensorProto.FLOAT16}
    assert apply(session(half), golden_input()).dtype == np.float32
    assert 0 < compare(denoiser, half, limit=1e9) < 5


def test_the_paper_ensemble_exports_too(tmp_path):
    torch.manual_seed(0)
    net = PaperHuDenoiser(build("paper-generator"), build("paper-extractor")).eval()
    path = tmp_path / "paper.onnx"
    export_onnx(net, path)
    hu = golden_input()[0, :49, :61]
    with torch.no_grad():
        expected = net(torch.from_numpy(np.ascontiguousarray(hu))[None, None])[0, 0].numpy()
    assert np.abs(apply(session(path), hu[None])[0] - expected).max() < 0.5
