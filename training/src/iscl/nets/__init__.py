"""Networks. `build(name)` makes one by the name that configs and checkpoints carry."""

from .blocks import BatchInstanceNorm, WideBlur
from .ct import CtDenoiser, CtNoiseGenerator, TextureDiscriminator, blend_residual, without_fine_share
from .paper import PaperDiscriminator, PaperGenerator, PaperHuDenoiser, PaperNoiseExtractor, hu_to_unit, unit_to_hu
from .redcnn import RedCnn
from .registry import build, count_parameters, gflop, names

__all__ = [
    "BatchInstanceNorm",
    "CtDenoiser",
    "CtNoiseGenerator",
    "PaperDiscriminator",
    "PaperGenerator",
    "PaperHuDenoiser",
    "PaperNoiseExtractor",
    "RedCnn",
    "TextureDiscriminator",
    "WideBlur",
    "blend_residual",
    "build",
    "count_parameters",
    "gflop",
    "hu_to_unit",
    "names",
    "unit_to_hu",
    "without_fine_share",
]
