"""What the judge can judge: ONNX files and Python functions, from one slice or a slab, applied to a stack."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..evaluation.baselines import CHOSEN, baseline, missing_package


class JudgeError(ValueError):
    """A model, a series or an option cannot be judged; the text says why."""


@dataclass(frozen=True)
class Denoiser:
    """`run` maps float32 [inputs, H, W] in HU to [outputs, H, W]; both counts are odd and outputs <= inputs.

    The slices are in order along the slice normal and the outputs are the middle ones of the inputs. In stacks whose slices are not
    spacing_mm apart, ends included, a slab is one slice over and over, as the viewer's engine does it. `identity` changes with whatever
    changes the result: results are kept under it.
    """

    name: str
    run: Callable[[np.ndarray], np.ndarray]
    inputs: int = 1
    outputs: int = 1
    identity: str = ""
    spacing_mm: tuple[float, float] = (0.0, float("inf"))

    def __post_init__(self) -> None:
        if self.inputs % 2 == 0 or self.outputs % 2 == 0 or not 1 <= self.outputs <= self.inputs:
            raise JudgeError(
                f"{self.name} takes {self.inputs} slices and gives {self.outputs}; both must be odd, and no more may come out than go in"
            )


def apply_stack(denoiser: Denoiser, stack: np.ndarray, gap_mm: float | None = None) -> np.ndarray:
    """Denoise a whole stack [N, H, W] in HU slab by slab; gap_mm between slices, None where neighbours are wanted whatever it is.

    Slab k gives slices k m to k m + m - 1. Neighbours that the stack lacks are its nearest slice once more; a last incomplete slab is
    filled up with the last slice, and what comes out for the filling is dropped. Raises JudgeError for NaN or a wrong shape.
    """
    reach = (denoiser.inputs - denoiser.outputs) // 2
    count, result = len(stack), np.empty(stack.shape, np.float32)
    alone = gap_mm is not None and not denoiser.spacing_mm[0] <= gap_mm <= denoiser.spacing_mm[1]
    step = 1 if alone else denoiser.outputs
    for first in range(0, count, step):
        wanted = np.full(denoiser.inputs, first) if alone else np.arange(first - reach, first + step + reach).clip(0, count - 1)
        slab = np.ascontiguousarray(stack[wanted], np.float32)
        made = np.asarray(denoiser.run(slab), np.float32)
        if made.shape != (denoiser.outputs, *stack.shape[1:]):
            raise JudgeError(f"{denoiser.name} made {made.shape} of {slab.shape}, expected {denoiser.outputs} slices of the same size")
        if not np.isfinite(made).all():
            raise JudgeError(f"{denoiser.name} made NaN or infinity")
        result[first : first + step] = made[: min(step, count - first)]
    return result


SLAB_SPACING_MM = (0.4, 5.5)
"""Distance of slices for which slab networks are trained; a manifest entry's `slab.spacingMm` says the same."""


def load_onnx(path: Path, threads: int = 1, slab_spacing_mm: tuple[float, float] = SLAB_SPACING_MM) -> Denoiser:
    """The model of an ONNX file: input `hu` [1, n, H, W], output `denoised` [1, m, H, W], HU to HU.

    Raises JudgeError when the file is no such model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as cause:  # onnxruntime raises classes of its own, none exported
        raise JudgeError(f"{path}: ONNX Runtime cannot load it ({cause})") from cause
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [i.name for i in inputs] != ["hu"] or "denoised" not in [o.name for o in outputs]:
        raise JudgeError(f"{path}: a model has one input `hu` and the output `denoised`")
    if inputs[0].type != "tensor(float)":
        raise JudgeError(f"{path}: its input is {inputs[0].type}, expected float32")
    slices = inputs[0].shape[1]
    if not isinstance(slices, int):
        raise JudgeError(f"{path}: its input's second axis is {slices!r}; the number of slices must be fixed")

    def run(slab: np.ndarray) -> np.ndarray:
        return session.run(["denoised"], {"hu": slab[None]})[0][0]

    # The output's shape is not always inferred in the file; one small pass says it.
    made = run(np.zeros((slices, 64, 64), np.float32))
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    identity = digest if slices == 1 else f"{digest} {slab_spacing_mm[0]:g}-{slab_spacing_mm[1]:g} mm"
    spacing = (0.0, float("inf")) if slices == 1 else slab_spacing_mm
    return Denoiser(Path(path).stem, run, slices, made.shape[0], identity, spacing)


def classical(name: str) -> Denoiser:
    """A classical filter, slice by slice, its strength a multiple of the noise that it measures on the slice itself.

    Raises JudgeError when its package is not installed.
    """
    package = missing_package(name)
    if package:
        raise JudgeError(f"{name} needs the package {package}, which is not installed here")
    function = baseline(name)
    return Denoiser(name, lambda slab: function(slab[0])[None], identity=f"{name} x {CHOSEN[name]:g} noise")
