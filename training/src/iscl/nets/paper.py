"""The networks of the ISCL paper (Lee and Jeong, IEEE TMI 2021), by their published description.

Images are [N, 1, H, W] scaled to [-1, 1]; H and W are multiples of 4. Parameters: F and G 1,148,225 each,
H 168,801, D 2,790,177.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from .blocks import BatchInstanceNorm, pad_to_multiple

SLOPE = 0.2


class _SymmetricConv(nn.Module):
    """Convolution behind a symmetric reflection (the edge pixel is repeated)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, pad: int) -> None:
        super().__init__()
        self.pad = pad
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(symmetric_pad(x, self.pad))


def symmetric_pad(x: Tensor, pad: int) -> Tensor:
    """Reflection that repeats the edge pixel. torch has none: a pad of 1 is `replicate`; a wider one is a
    flip of the outermost `pad` pixels."""
    if pad == 1:
        return nnf.pad(x, (1, 1, 1, 1), mode="replicate")
    x = torch.cat([x[..., :pad].flip(-1), x, x[..., -pad:].flip(-1)], dim=-1)
    return torch.cat([x[..., :pad, :].flip(-2), x, x[..., -pad:, :].flip(-2)], dim=-2)


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _SymmetricConv(channels, channels, 3, 1, 1),
            BatchInstanceNorm(channels),
            nn.LeakyReLU(SLOPE),
            _SymmetricConv(channels, channels, 3, 1, 1),
            BatchInstanceNorm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class PaperGenerator(nn.Module):
    """F (noisy to clean) and G (clean to noisy): an encoder, three residual blocks, a decoder and tanh."""

    def __init__(self) -> None:
        super().__init__()
        act = nn.LeakyReLU(SLOPE)
        self.layers = nn.Sequential(
            _SymmetricConv(1, 32, 7, 1, 3), BatchInstanceNorm(32), act,
            _SymmetricConv(32, 64, 4, 2, 1), BatchInstanceNorm(64), act,
            _SymmetricConv(64, 128, 4, 2, 1), BatchInstanceNorm(128), act,
            _ResidualBlock(128), _ResidualBlock(128), _ResidualBlock(128),
            nn.ConvTranspose2d(128, 64, 3, 2, 1, output_padding=1), BatchInstanceNorm(64), act,
            nn.ConvTranspose2d(64, 32, 3, 2, 1, output_padding=1), BatchInstanceNorm(32), act,
            _SymmetricConv(32, 1, 7, 1, 3), nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class PaperNoiseExtractor(nn.Module):
    """H: the noise map of a noisy image. 20 zero-padded 3x3 convolutions, linear output."""

    def __init__(self, depth: int = 20, channels: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, channels, 3, padding=1), nn.LeakyReLU(SLOPE)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), BatchInstanceNorm(channels), nn.LeakyReLU(SLOPE)]
        layers.append(nn.Conv2d(channels, 1, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class PaperDiscriminator(nn.Module):
    """D: a 64x64 patch to one logit, [N, 1, 64, 64] to [N, 1, 1, 1] (a larger patch gives a map of logits)."""

    def __init__(self) -> None:
        super().__init__()
        act = nn.LeakyReLU(SLOPE)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1), act,
            nn.Conv2d(32, 64, 4, 2, 1), BatchInstanceNorm(64), act,
            nn.Conv2d(64, 128, 4, 2, 1), BatchInstanceNorm(128), act,
            nn.Conv2d(128, 256, 4, 2, 1), BatchInstanceNorm(256), act,
            nn.Conv2d(256, 512, 4), BatchInstanceNorm(512), act,
            nn.Conv2d(512, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class PaperHuDenoiser(nn.Module):
    """The paper's inference, HU to HU: gamma F(x) + (1 - gamma)(x - H(x)), any H and W.

    HU in [-1024, 3071] is mapped to [-1, 1] linearly, as the networks expect; tanh saturates at both ends, which is
    one of the reasons why the CT presets do otherwise.
    """

    MULTIPLE = 4

    def __init__(self, denoiser: nn.Module, extractor: nn.Module, gamma: float = 0.5) -> None:
        super().__init__()
        self.denoiser, self.extractor, self.gamma = denoiser, extractor, gamma

    def forward(self, hu: Tensor) -> Tensor:
        x = pad_to_multiple(hu_to_unit(hu), self.MULTIPLE)
        y = self.gamma * self.denoiser(x) + (1.0 - self.gamma) * (x - self.extractor(x))
        return unit_to_hu(y[:, :, : hu.shape[2], : hu.shape[3]])


def hu_to_unit(hu: Tensor) -> Tensor:
    """HU in [-1024, 3071], clamped, to [-1, 1]."""
    return (hu.clamp(-1024.0, 3071.0) + 1024.0) * (2.0 / 4095.0) - 1.0


def unit_to_hu(x: Tensor) -> Tensor:
    """The inverse of `hu_to_unit` inside its range."""
    return (x + 1.0) * (4095.0 / 2.0) - 1024.0
