"""ONNX files: written by torch, checked in ONNX Runtime."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from ..nets import CtDenoiser

OPSET = 17
CHECKED_SIZES = ((64, 64), (512, 512), (129, 191), (37, 250), (16, 16), (333, 512))


class ExportError(RuntimeError):
    """The exported file computes something else than the network."""


def export_onnx(net: nn.Module, path: Path) -> None:
    """Writes `net` (HU to HU, [1, n, H, W] to [1, m, H, W], any H and W) as `hu` -> `denoised`, opset 17."""
    net = net.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch does not declare this form
    example = torch.zeros(1, slab_of(net)[0], 72, 88)
    axes = {2: "rows", 3: "columns"}
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but it is the one that writes opset 17 without rewriting the graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (example,), str(path), input_names=["hu"], output_names=["denoised"], opset_version=OPSET,
            dynamic_axes={"hu": axes, "denoised": axes}, dynamo=False,
        )
    model = onnx.load(str(path))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def slab_of(net: nn.Module) -> tuple[int, int]:
    """Slices in and slices out; networks of other presets take and make one."""
    return (net.shape.inputs, net.shape.outputs) if isinstance(net, CtDenoiser) else (1, 1)


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def apply(runner: onnxruntime.InferenceSession, hu: np.ndarray) -> np.ndarray:
    """float32 [n, H, W] in HU to [m, H, W]."""
    return runner.run(["denoised"], {"hu": hu[None].astype(np.float32)})[0][0]


def compare(net: nn.Module, path: Path, limit: float = 0.05) -> float:
    """Largest difference in HU between torch and ONNX Runtime over several sizes, odd ones too. Raises ExportError
    above `limit`, or when a size comes out wrong."""
    runner, rng, worst = session(path), np.random.default_rng(0), 0.0
    slices = slab_of(net)[0]
    for rows, columns in CHECKED_SIZES:
        hu = (rng.normal(0, 60, (slices, rows, columns)) + rng.choice((-1000, -800, -100, 40, 900), (rows, columns // 8 + 1)).repeat(
            8, axis=1)[:, :columns]).astype(np.float32)
        with torch.no_grad():
            expected = net(torch.from_numpy(hu)[None])[0].numpy()
        found = apply(runner, hu)
        if found.shape != expected.shape:
            raise ExportError(f"{path} makes {found.shape} of {hu.shape}")
        worst = max(worst, float(np.abs(found - expected).max()))
    if not worst <= limit:
        raise ExportError(f"{path} differs from the network by {worst:.3f} HU, allowed are {limit}")
    return worst


def halve_weights(source: Path, target: Path) -> None:
    """Stores the weights as fp16 and casts them to fp32 in the graph: half the download, no `shader-f16` needed."""
    model = onnx.load(str(source))
    graph, casts = model.graph, []
    for initializer in list(graph.initializer):
        values = numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or values.size < 64:
            continue
        name = initializer.name
        graph.initializer.remove(initializer)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), name + "_fp16"))
        casts.append(helper.make_node("Cast", [name + "_fp16"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
