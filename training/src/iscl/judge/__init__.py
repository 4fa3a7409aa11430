"""The judge: what a denoiser does to known faint lesions, noise, texture and HU of real scans, and the rule that picks the default."""

from .denoisers import Denoiser, JudgeError, apply_stack, load_onnx
from .material import Material, from_volume, load_material, series_of_split
from .measure import judge_series
from .prepared import FULL, QUICK, Prepared, load_prepared, prepare
from .rule import Verdict, verdict
from .summary import mean_figure, series_figure

__all__ = [
    "FULL",
    "QUICK",
    "Denoiser",
    "JudgeError",
    "Material",
    "Prepared",
    "Verdict",
    "apply_stack",
    "from_volume",
    "judge_series",
    "load_material",
    "load_onnx",
    "load_prepared",
    "mean_figure",
    "prepare",
    "series_figure",
    "series_of_split",
    "verdict",
]
