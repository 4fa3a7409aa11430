"""Networks by name, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from .ct import SHAPES, CtDenoiser, CtNoiseGenerator, Shape, TextureDiscriminator
from .paper import PaperDiscriminator, PaperGenerator, PaperNoiseExtractor
from .redcnn import RedCnn

_BUILDERS: dict[str, Callable[[], nn.Module]] = {
    **{f"ct-{size}": partial(CtDenoiser, size) for size in SHAPES},
    "ct-generator": CtNoiseGenerator,
    "ct-generator-3": lambda: CtNoiseGenerator(slices=3),
    "texture-discriminator": TextureDiscriminator,
    "texture-discriminator-3": lambda: TextureDiscriminator(slices=3),
    "paper-generator": PaperGenerator,
    "paper-extractor": PaperNoiseExtractor,
    "paper-discriminator": PaperDiscriminator,
    "red-cnn": RedCnn,
}


def names() -> list[str]:
    return list(_BUILDERS)


def build(name: str) -> nn.Module:
    """The network called `name`, freshly initialised. Raises KeyError with the known names."""
    if name not in _BUILDERS:
        raise KeyError(f"no network is called {name!r}; there are {', '.join(_BUILDERS)}")
    return _BUILDERS[name]()


def count_parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def gflop(net: nn.Module, rows: int = 512, columns: int = 512) -> float:
    """Floating-point operations of one denoised slice in units of 1e9: two for each multiply-add of every convolution. A slab's
    work is divided by the slices it makes."""
    shape = net.shape if isinstance(net, CtDenoiser) else Shape((0, 0, 0))
    total = 0

    def convolution(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
        kernel = layer.weight.shape[2] * layer.weight.shape[3]
        image = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        positions = image.shape[2] * image.shape[3]
        total += 2 * positions * kernel * layer.in_channels * layer.out_channels // layer.groups

    layers = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    hooks = [layer.register_forward_hook(convolution) for layer in layers]
    try:
        with torch.no_grad():
            net(torch.zeros(1, shape.inputs, rows, columns))
    finally:
        for hook in hooks:
            hook.remove()
    return total / 1e9 / shape.outputs
