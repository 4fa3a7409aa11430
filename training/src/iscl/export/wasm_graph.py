"""The graph for ONNX Runtime's WebAssembly provider: the network's function with fewer multiplications.

On WebAssembly nearly all time is spent in the matrix products of the 3x3 convolutions, which ONNX Runtime computes
directly there. Winograd's F(4, 3) along the rows (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
CVPR 2016) gives four output rows for six products instead of twelve. WebGPU and the native CPU provider have their own
kernels and take the plain file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper, numpy_helper

_TILE = 4
_INPUT = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
                   [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]])
_KERNEL = np.array([[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
                    [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]])
_OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
"""B^T, G and A^T of F(4, 3) in the paper's notation: a row of outputs is A^T [(G g) * (B^T d)]."""

_POINTS = len(_INPUT)
_LEAST_CHANNELS = 16
"""Below, the transforms cost more than the products they save."""


def write_wasm_graph(source: Path, target: Path, multiple: int) -> None:
    """Rewrites the 3x3 convolutions of `source` into `target`, a file beside it without weights of its own. It reads
    the weights from `source` (ONNX external data), so that both load together and the download hardly grows.

    `multiple`: the network pads its input to multiples of this, so the heights at that size tell which layers have
    whole tiles at every size; the others are cropped.
    """
    if source.parent != target.parent:
        raise ValueError(f"{target} must lie beside {source}, whose weights it uses")
    model = onnx.load(str(source))
    weights = {initializer.name: initializer for initializer in model.graph.initializer}
    for node in model.graph.node:
        # torch writes one of several equal tensors, and the others as its Identity.
        if node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    chosen = [node for node in model.graph.node if _is_eligible(node, weights)]
    heights = _heights(model, [node.output[0] for node in chosen], multiple)
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        if node in chosen:
            nodes += _rewritten(node, weights, model.graph.initializer, heights[node.output[0]] % _TILE != 0)
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _refer_to(model, source)
    onnx.save(model, str(target))
    onnx.checker.check_model(str(target))


def _is_eligible(node: NodeProto, weights: dict[str, TensorProto]) -> bool:
    if node.op_type != "Conv" or len(node.input) != 3 or not weights.keys() >= set(node.input[1:]):
        return False
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    outputs, inputs, *kernel = weights[node.input[1]].dims
    return (
        kernel == [3, 3] and min(outputs, inputs) >= _LEAST_CHANNELS and given.get("group", 1) == 1
        and given.get("pads") == [1, 1, 1, 1] and given.get("strides", [1, 1]) == [1, 1]
        and given.get("dilations", [1, 1]) == [1, 1]
    )


def _heights(model: onnx.ModelProto, names: list[str], size: int) -> dict[str, int]:
    shown = onnx.ModelProto.FromString(model.SerializeToString())
    shown.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    runner = onnxruntime.InferenceSession(shown.SerializeToString(), providers=["CPUExecutionProvider"])
    # A network of slabs takes as many channels as it reads slices.
    channels = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    found = runner.run(names, {model.graph.input[0].name: np.zeros((1, channels, size, size), np.float32)})
    return {name: value.shape[2] for name, value in zip(names, found, strict=True)}


def _rewritten(node: NodeProto, weights: dict[str, TensorProto], initializers, crop: bool) -> list[NodeProto]:
    """x [1, I, H, W] -> y [1, O, H, W]; a tile is 4 rows of the output, T tiles; rows are never cut, so that every
    rearrangement moves whole rows."""
    x, weight, bias = node.input
    outputs, inputs = weights[weight].dims[:2]
    made: list[NodeProto] = []

    def constant(value, dtype) -> str:
        name = f"{node.name}/winograd/{len(initializers)}"
        initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def op(kind: str, *given: str, output: str | None = None, **attributes) -> str:
        made.append(helper.make_node(
            kind, list(given), [output or f"{node.name}/winograd/{kind}_{len(made)}"], **attributes))
        return made[-1].output[0]

    # ONNX Runtime folds these into a constant when it loads the graph: [O, I, 3, 3] -> [6 O, I, 1, 3].
    kernel = op("Reshape", op("Transpose", weight, perm=[2, 0, 1, 3]), constant([3, -1], np.int64))
    kernel = op("MatMul", constant(_KERNEL, np.float32), kernel)
    kernel = op("Reshape", kernel, constant([_POINTS * outputs, inputs, 1, 3], np.int64))
    # A bias before the output transform, chosen so that the transform turns it into the layer's bias.
    share = np.linalg.pinv(_OUTPUT) @ np.ones(_TILE)
    shifts = constant(np.kron(share, numpy_helper.to_array(weights[bias])), np.float32)

    rows = op("Reshape", x, constant([inputs, 1, 0, 0], np.int64))
    points = op("Conv", rows, constant(_INPUT[:, None, :, None], np.float32), kernel_shape=[_POINTS, 1],
                strides=[_TILE, 1], pads=[1, 0, _TILE - 1 if crop else 1, 0])  # [I, 6, T, W]
    points = op("Transpose", points, perm=[1, 0, 2, 3])
    points = op("Reshape", points, constant([1, _POINTS * inputs, 0, 0], np.int64))
    products = op("Conv", points, kernel, shifts, kernel_shape=[1, 3], pads=[0, 1, 0, 1], group=_POINTS)
    products = op("Reshape", products, constant([1, _POINTS, -1, 0], np.int64))  # [1, 6, O T, W]
    tiles = op("Conv", products, constant(_OUTPUT[:, :, None, None], np.float32), kernel_shape=[1, 1])
    tiles = op("Transpose", tiles, perm=[0, 2, 1, 3])  # [1, O T, 4, W]
    shape = constant([1, outputs, -1, 0], np.int64)
    if not crop:
        op("Reshape", tiles, shape, output=node.output[0])
        return made
    axis = constant([2], np.int64)
    height = op("Slice", op("Shape", x), axis, constant([3], np.int64))
    op("Slice", op("Reshape", tiles, shape), constant([0], np.int64), height, axis, output=node.output[0])
    return made


def _refer_to(model: onnx.ModelProto, source: Path) -> None:
    """Makes every weight that `source` holds a reference to its bytes there; drops what the rewriting left unused."""
    held = {initializer.name for initializer in onnx.load(str(source)).graph.initializer}
    used = {name for node in model.graph.node for name in node.input}
    content = source.read_bytes()
    for initializer in list(model.graph.initializer):
        if initializer.name not in used:
            model.graph.initializer.remove(initializer)
        if initializer.name not in held or initializer.name not in used or len(initializer.raw_data) < 1024:
            continue
        offset, length = content.index(initializer.raw_data), len(initializer.raw_data)
        initializer.ClearField("raw_data")
        initializer.data_location = TensorProto.EXTERNAL
        for key, value in {"location": source.name, "offset": str(offset), "length": str(length)}.items():
            initializer.external_data.add(key=key, value=value)
