"""Networks of the CT presets: HU in, HU out, norm-free, made to run in a browser.

Rules they keep (docs/decisions): one input slice or a multiple of 4 channels at the first convolution (a slab is padded with
zeros), every other channel count a multiple of 4 (ONNX Runtime's WebGPU provider computes some other counts wrongly,
https://github.com/microsoft/onnxruntime/issues/29651), ReLU, explicit pads, any H and W, a residual output without its wide blur.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from .blocks import WideBlur, pad_to_multiple

HU_SCALE = 512.0
"""One network unit in HU. Noise of 10 to 60 HU is then 0.02 to 0.12."""

HU_MIN, HU_MAX = -1024.0, 3071.0


class _ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), then ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return nnf.relu(x + self.second(nnf.relu(self.first(x))))


class _Up(nn.Module):
    """Doubles both sides: 1x1 convolution, then pixel shuffle (DepthToSpace)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 4 * outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return nnf.pixel_shuffle(self.conv(x), 2)


class _UNet(nn.Module):
    """U-Net whose finest level runs at 1/`stem` of the resolution, 2 or 4 (a strided stem with a margin of `stem` pixels, for 2
    the exact fold of pixel-unshuffle and 3x3). `widths` are the channels at the three levels, each half as fine as the one before;
    `blocks` the residual blocks of encoder levels 1, 2, of the bottom, and of decoder levels 2, 1.
    Input [N, inputs, H, W], output [N, outputs, H, W]; H and W multiples of 4 `stem`.
    """

    def __init__(self, inputs: int, widths: tuple[int, int, int], blocks: tuple[int, int, int, int, int],
                 outputs: int = 1, stem: int = 2) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.fold = stem

        def stack(channels: int, count: int) -> nn.Sequential:
            return nn.Sequential(*[_ResidualBlock(channels) for _ in range(count)])

        self.stem = nn.Conv2d(inputs, half, 3 * stem if stem == 2 else 2 * stem, stride=stem, padding=2)
        self.encode1 = stack(half, blocks[0])
        self.down1 = nn.Conv2d(half, quarter, 2, stride=2)
        self.encode2 = stack(quarter, blocks[1])
        self.down2 = nn.Conv2d(quarter, eighth, 2, stride=2)
        self.bottom = stack(eighth, blocks[2])
        self.up2 = _Up(eighth, quarter)
        self.decode2 = stack(quarter, blocks[3])
        self.up1 = _Up(quarter, half)
        self.decode1 = stack(half, blocks[4])
        self.head = nn.Conv2d(half, stem * stem * outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        level1 = self.encode1(nnf.relu(self.stem(x)))
        level2 = self.encode2(nnf.relu(self.down1(level1)))
        level3 = self.bottom(nnf.relu(self.down2(level2)))
        level2 = self.decode2(nnf.relu(level2 + self.up2(level3)))
        level1 = self.decode1(nnf.relu(level1 + self.up1(level2)))
        return nnf.pixel_shuffle(self.head(level1), self.fold)


@dataclass(frozen=True)
class Shape:
    """What a network of one size is made of; `inputs` and `outputs` are slices."""

    widths: tuple[int, int, int]
    blocks: tuple[int, int, int, int, int] = (1, 1, 3, 1, 1)
    inputs: int = 1
    outputs: int = 1
    stem: int = 2


SHAPES: dict[str, Shape] = {
    "fast": Shape((32, 64, 96)),
    "quality": Shape((40, 80, 128)),
    "slab-3-1": Shape((32, 64, 96), inputs=3),
    "slab-5-1": Shape((32, 64, 96), inputs=5),
    "slab-5-3": Shape((32, 64, 96), inputs=5, outputs=3),
    "slab-7-5": Shape((40, 80, 128), inputs=7, outputs=5),
    "slab-5-3-deep": Shape((32, 64, 96), (1, 2, 5, 2, 1), inputs=5, outputs=3),
    "slab-5-3-coarse": Shape((56, 96, 128), (2, 2, 3, 2, 2), inputs=5, outputs=3, stem=4),
    "slab-5-3-wide": Shape((56, 112, 160), inputs=5, outputs=3),
    "slab-7-5-wide": Shape((72, 144, 208), inputs=7, outputs=5),
}


class CtDenoiser(nn.Module):
    """F, or H as x - F(x): a slab [N, n, H, W] in HU to its middle m slices [N, m, H, W], any H and W.

    denoised = middle - noise + keep (noise - mean3(noise)), noise = r - blur(r), with r what the U-Net takes for noise and mean3
    the mean of 3x3 pixels. `keep` is the share of the fine part of the noise that stays at full strength. It is chosen on the
    validation patients after training; training runs with keep 0.
    """

    MULTIPLE = WideBlur.STRIDE

    def __init__(self, size: str = "fast", keep: float = 0.0) -> None:
        super().__init__()
        self.shape = SHAPES[size]
        # One slice goes in as it is; several are filled up to a multiple of 4 (see the head of this file).
        self.padding = 0 if self.shape.inputs == 1 else -self.shape.inputs % 4
        self.unet = _UNet(self.shape.inputs + self.padding, self.shape.widths, self.shape.blocks, self.shape.outputs, self.shape.stem)
        self.blur = WideBlur()
        self.keep = keep
        _initialise(self)
        nn.init.zeros_(self.unet.head.weight)

    def forward(self, hu: Tensor) -> Tensor:
        noise = self.noise(hu)
        middle = self.middle(hu)
        return middle - noise if self.keep == 0.0 else middle - without_fine_share(noise, self.keep)

    def middle(self, slab: Tensor) -> Tensor:
        """The slices of a slab that have an output: [N, n, H, W] to [N, m, H, W]."""
        first = (self.shape.inputs - self.shape.outputs) // 2
        return slab if first == 0 else slab[:, first : first + self.shape.outputs]

    def noise(self, hu: Tensor) -> Tensor:
        """The noise maps of the middle slices in HU, with no mean over any wide neighbourhood."""
        x = pad_to_multiple(hu.clamp(HU_MIN, HU_MAX) * (1.0 / HU_SCALE), self.MULTIPLE)
        if self.padding:
            x = nnf.pad(x, (0, 0, 0, 0, 0, self.padding))
        residual = self.unet(x).float() * HU_SCALE
        residual = residual - self.blur(residual)
        return residual[:, :, : hu.shape[2], : hu.shape[3]]

    def scale_noise(self, factor: float) -> None:
        """Makes `noise` `factor` times what it was: everything after the last layer is linear."""
        with torch.no_grad():
            for parameter in self.unet.head.parameters():
                parameter.mul_(factor)


def without_fine_share(noise: Tensor, share: float) -> Tensor:
    """noise - share (noise - its mean over 3x3 pixels), as one convolution a slice; [N, m, H, W] in HU to the same."""
    kernel = noise.new_full((1, 1, 3, 3), share / 9.0)
    kernel[0, 0, 1, 1] += 1.0 - share
    # A plain number: the exported graph has a fixed count of slices.
    slices = int(noise.shape[1])
    return nnf.conv2d(nnf.pad(noise, (1, 1, 1, 1), mode="replicate"), kernel.repeat(slices, 1, 1, 1), groups=slices)


class CtNoiseGenerator(nn.Module):
    """G: clean to noisy. Fits a noise map (extracted from another image) to the anatomy of a clean one.

    A deterministic G has to read the noise it adds out of the clean image, and its cycle cannot close on a noise map; given
    one as a seed, it only has to place and colour it. Both arguments [N, slices, H, W] in HU, H and W multiples of
    16. Output in HU; it starts as clean + seed.
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 48, 64), slices: int = 1) -> None:
        super().__init__()
        self.unet = _UNet(2 * slices, widths, (1, 1, 1, 1, 1), slices)
        self.blur = WideBlur()
        _initialise(self)
        nn.init.zeros_(self.unet.head.weight)

    def forward(self, clean: Tensor, seed: Tensor) -> Tensor:
        x = torch.cat([clean.clamp(HU_MIN, HU_MAX) * (1.0 / HU_SCALE), seed * (1.0 / NOISE_SCALE)], dim=1)
        residual = self.unet(x).float() * NOISE_SCALE
        return clean + seed + residual - self.blur(residual)


NOISE_SCALE = 32.0
"""A typical noise SD in HU: the unit in which generators write and discriminators read texture."""


LOGIT_GAIN = 16.0
"""Spectral norm makes a network as flat as this: without the gain, real and fake stay 0.01 apart and nothing is learnt."""


class TextureDiscriminator(nn.Module):
    """D_X or D_Y of one slice or several neighbours: sees texture alone, so that it cannot ask for another HU, and gives a map of logits.

    The three channels are band-passed versions of the image (image - blur 3, image - blur 9, blur 3 - blur 9), in units
    of the noise and squashed by tanh, which keeps edges from outvoting noise. Spectral norm bounds its slope up to the last layer.
    """

    def __init__(self, channels: int = 32, slices: int = 1) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        act = nn.LeakyReLU(0.2)
        self.layers = nn.Sequential(
            norm(nn.Conv2d(3 * slices, channels, 4, 2, 1)), act,
            norm(nn.Conv2d(channels, 2 * channels, 4, 2, 1)), act,
            norm(nn.Conv2d(2 * channels, 4 * channels, 4, 2, 1)), act,
            nn.Conv2d(4 * channels, 1, 3, 1, 1),
        )

    def forward(self, hu: Tensor) -> Tensor:
        # In full precision also under autocast: the logits of real and fake differ by less than bfloat16 resolves.
        with torch.autocast(hu.device.type, enabled=False):
            return LOGIT_GAIN * self.layers(texture_channels(hu.float()))


TEXTURE_SCALE = 16.0
"""HU: about the noise of a clean slice, so that its texture lies in the linear part of tanh."""


def texture_channels(hu: Tensor) -> Tensor:
    """[N, slices, H, W] in HU to [N, 3 slices, H, W], band-passed and in units of the noise."""
    narrow = nnf.avg_pool2d(nnf.pad(hu, (1, 1, 1, 1), mode="replicate"), 3, 1)
    wide = nnf.avg_pool2d(nnf.pad(hu, (4, 4, 4, 4), mode="replicate"), 9, 1)
    bands = torch.cat([hu - narrow, hu - wide, narrow - wide], dim=1)
    return torch.tanh(bands * (1.0 / TEXTURE_SCALE))


def blend_residual(hu: Tensor, denoised: Tensor, strength: float) -> Tensor:
    """source + strength (denoised - source), as the viewer's slider does."""
    return hu + strength * (denoised - hu)


def _initialise(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        if isinstance(layer, _ResidualBlock):
            # A residual block starts as (nearly) the identity: norm-free stacks then train at lr 1e-3.
            nn.init.normal_(layer.second.weight, std=1e-2)
