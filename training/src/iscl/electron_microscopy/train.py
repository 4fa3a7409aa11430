"""ISCL on image stacks: small networks, the published losses and update order, unpaired micrographs.

The same `iscl_step` trains CT; here only the networks and the image unit differ. F and H are residual networks at half
resolution, G colours a seed (the noise H extracted) onto a clean image, the discriminators judge 64x64 patches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as nnf
from torch.nn.utils.parametrizations import spectral_norm

from ..training.config import IsclOptions
from ..training.iscl_step import Optimizers, Players, iscl_step
from ..training.optim import Lookahead, linear_lr, parameters, set_lr
from .stacks import StackError


class EmTrainingError(RuntimeError):
    """Training stopped; the message says at which iteration and what was kept."""


@dataclass(frozen=True)
class EmConfig:
    iterations: int = 600
    batch: int = 4
    patch: int = 64
    channels: int = 32
    lr: float = 5e-4
    discriminator_lr: float = 5e-4
    # One unit of the consistency losses in grey values, about the size of the noise.
    unit: float = 0.2
    cycle_weight: float = 3.0
    adversarial_weight: float = 1.0
    seed: int = 0


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(nnf.leaky_relu(self.first(x), 0.2))


class EmNet(nn.Module):
    """[N, inputs, H, W] to [N, 1, H, W], H and W even: residual blocks at half resolution, linear output."""

    def __init__(self, inputs: int = 1, channels: int = 32, blocks: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4 * inputs, channels, 3, padding=1)
        self.body = nn.Sequential(*[_Residual(channels) for _ in range(blocks)])
        self.head = nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return nnf.pixel_shuffle(self.head(self.body(self.stem(nnf.pixel_unshuffle(x, 2)))), 2)


class EmDenoiser(nn.Module):
    """F: x - net(x)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = EmNet(1, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x - self.net(x)


class EmGenerator(nn.Module):
    """G: y + net(y, seed), clean to noisy."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = EmNet(2, channels)

    def forward(self, clean: Tensor, seed: Tensor) -> Tensor:
        return clean + self.net(torch.cat([clean, seed], 1))


def discriminator(channels: int = 32) -> nn.Sequential:
    """A patch to a map of logits, spectrally normalised: hinge losses stay bounded on few images."""

    def conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
        return spectral_norm(nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2))

    act = nn.LeakyReLU(0.2)
    return nn.Sequential(
        conv(1, channels, 3, 1), act, conv(channels, channels, 4, 2), act, conv(channels, 2 * channels, 3, 1), act,
        conv(2 * channels, 2 * channels, 4, 2), act, conv(2 * channels, 1, 3, 1),
    )


@dataclass
class EmModel:
    """Trained F and H. `denoise` is their ensemble, gamma 0.5, on [H, W] in [-1, 1], any even or odd size."""

    denoiser: nn.Module
    extractor: nn.Module

    def denoise(self, image: np.ndarray, gamma: float = 0.5) -> np.ndarray:
        rows, columns = image.shape
        x = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
        x = nnf.pad(x, (0, columns % 2, 0, rows % 2), mode="replicate")
        with torch.inference_mode():
            y = gamma * self.denoiser(x) + (1 - gamma) * (x - self.extractor(x))
        return y[0, 0, :rows, :columns].clamp(-1, 1).numpy()


def _patches(images: Sequence[np.ndarray], config: EmConfig, rng: np.random.Generator) -> Tensor:
    found = []
    for _ in range(config.batch):
        image = images[int(rng.integers(len(images)))]
        row, column = (int(rng.integers(side - config.patch + 1)) for side in image.shape)
        patch = image[row : row + config.patch, column : column + config.patch]
        # Mirrored up-down only: charging runs along the scan line, in one direction.
        found.append(patch[::-1] if rng.random() < 0.5 else patch)
    return torch.from_numpy(np.stack(found).astype(np.float32))[:, None]


def train(
    noisy: Sequence[np.ndarray],
    clean: Sequence[np.ndarray],
    config: EmConfig = EmConfig(),
    report: Callable[[int, dict[str, float], float], None] | None = None,
) -> EmModel:
    """Train F and H on unpaired stacks of images [H, W] in [-1, 1].

    report(iteration, losses, seconds left) is called every 50 iterations. Raises StackError for an empty stack or one with images
    under the patch size, EmTrainingError when a loss is not finite.
    """
    for name, images in (("noisy", noisy), ("clean", clean)):
        if not len(images):
            raise StackError(f"the {name} stack is empty")
        if min(min(image.shape) for image in images) < config.patch:
            raise StackError(f"the {name} stack has an image smaller than a patch of {config.patch} pixels")
    torch.manual_seed(config.seed)
    torch.set_flush_denormal(True)
    rng = np.random.default_rng(config.seed)
    denoiser, extractor, generator = EmDenoiser(config.channels), EmNet(1, config.channels), EmGenerator(config.channels)
    judges = discriminator(config.channels), discriminator(config.channels)
    players = Players(denoiser, generator, extractor, *judges, add_noise=generator, extract=extractor, unit=config.unit)
    betas = (0.5, 0.99)
    optimizers = Optimizers(
        discriminators=torch.optim.Adam(list(parameters(*judges)), config.discriminator_lr, betas),
        translators=torch.optim.Adam(list(parameters(denoiser, generator)), config.lr, betas),
        extractor=Lookahead(torch.optim.Adam(list(parameters(extractor)), config.lr, betas)),
    )
    options = IsclOptions(cycle_weight=config.cycle_weight, adversarial_weight=config.adversarial_weight)
    started = time.monotonic()
    for iteration in range(config.iterations):
        set_lr(optimizers.translators, linear_lr(config.lr, iteration, config.iterations, 0.05))
        set_lr(optimizers.extractor, linear_lr(config.lr, iteration, config.iterations, 0.05))
        x, y = _patches(noisy, config, rng), _patches(clean, config, rng)
        values = iscl_step(players, options, optimizers, x, y)
        if not all(np.isfinite(v) for v in values.values()):
            raise EmTrainingError(f"a loss was not finite at iteration {iteration}; nothing was kept, lower lr and train again")
        if report and (iteration + 1) % 50 == 0:
            spent = time.monotonic() - started
            report(iteration + 1, values, spent / (iteration + 1) * (config.iterations - iteration - 1))
    return EmModel(denoiser.eval(), extractor.eval())


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """PSNR in dB of images in [-1, 1]."""
    return float(-10 * np.log10(np.mean(((image - truth) / 2.0) ** 2)))
