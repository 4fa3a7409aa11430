"""One iteration of ISCL: three updates in the published order, on networks of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .config import IsclOptions
from .losses import (
    adversarial_loss,
    boosting_loss,
    bypass_loss,
    cycle_loss,
    discriminator_loss,
    extractor_loss,
)
from .optim import Lookahead

Optimizer = torch.optim.Optimizer | Lookahead


@dataclass
class Players:
    """The networks of one run and how they are called.

    denoise(x) is F; add_noise(y, seed) is G; extract(x) is H(x), a noise map; judge_noisy and judge_clean are the
    discriminators. `unit` is what one unit of the consistency losses is in image units (1 for the paper's [-1, 1]).
    """

    denoiser: nn.Module
    generator: nn.Module
    extractor: nn.Module
    judge_noisy: nn.Module
    judge_clean: nn.Module
    add_noise: Callable[[Tensor, Tensor], Tensor]
    extract: Callable[[Tensor], Tensor]
    unit: float = 1.0

    def named(self) -> dict[str, nn.Module]:
        return {
            "denoiser": self.denoiser, "generator": self.generator, "extractor": self.extractor,
            "judge_noisy": self.judge_noisy, "judge_clean": self.judge_clean,
        }


@dataclass
class Optimizers:
    discriminators: Optimizer
    translators: Optimizer
    """F and G together."""
    extractor: Optimizer


@contextmanager
def frozen(*nets: nn.Module) -> Iterator[None]:
    """Inside, gradients pass through the networks and none reaches their weights."""
    parameters = [p for net in nets for p in net.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def discriminator_step(players: Players, options: IsclOptions, optimizer: Optimizer, x: Tensor, y: Tensor) -> dict[str, float]:
    """Update 1, D_X and D_Y; everybody else's products are constants."""
    with torch.no_grad():
        noise = players.extract(x)
        denoised = players.denoiser(x)
        noisy_fake = players.add_noise(y, noise)
    judge_noisy, judge_clean = players.judge_noisy, players.judge_clean
    margin = options.fake_margin
    clean_real, clean_fake = judge_clean(y), judge_clean(denoised)
    loss = discriminator_loss(judge_noisy(x), judge_noisy(noisy_fake), clean_real, clean_fake, margin)
    if options.use_extractor and options.boosting_weight:
        loss = loss + options.boosting_weight * boosting_loss(judge_noisy(y + noise), judge_clean(x - noise), margin)
    _update(optimizer, loss)
    return {"loss_d": loss.item(), "clean_gap": (clean_real.mean() - clean_fake.mean()).item()}


def translator_loss(players: Players, options: IsclOptions, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Update 2's loss for F and G. Call it with H and both discriminators frozen."""
    unit = players.unit
    with torch.no_grad():
        noise = players.extract(x)
    denoised = players.denoiser(x)
    noisy_fake = players.add_noise(y, noise)
    adversarial = adversarial_loss(players.judge_noisy(noisy_fake), players.judge_clean(denoised))
    noisy_again = players.add_noise(denoised, noise)
    clean_again = players.denoiser(noisy_fake)
    cycle = cycle_loss(x, noisy_again, y, clean_again) / unit
    loss = options.adversarial_weight * adversarial + options.cycle_weight * cycle
    values = {"adversarial": adversarial.item(), "cycle": cycle.item()}
    if options.use_extractor:
        bypass = bypass_loss(denoised, x - noise, y, players.denoiser(y + noise)) / unit
        loss = loss + options.cycle_weight * bypass
        values["bypass"] = bypass.item()
    return loss, values


def translator_step(
    players: Players, options: IsclOptions, optimizer: Optimizer, x: Tensor, y: Tensor,
    anchor: Callable[[], Tensor] | None = None,
) -> dict[str, float]:
    """Update 2, F and G together; H and the discriminators are constants. `anchor` adds a loss of F's own."""
    with frozen(players.extractor, players.judge_noisy, players.judge_clean):
        loss, values = translator_loss(players, options, x, y)
        if anchor is not None:
            anchored = anchor()
            values["anchor"] = anchored.item()
            loss = loss + options.anchor_weight * anchored
        _update(optimizer, loss)
    return {"loss_fg": loss.item(), **values}


def extractor_step(players: Players, optimizer: Optimizer, x: Tensor, y: Tensor) -> dict[str, float]:
    """Update 3, H; F and G are constants."""
    with torch.no_grad():
        pseudo_noise = x - players.denoiser(x)
        noisy_fake = players.add_noise(y, pseudo_noise)
    noise = players.extract(x)
    loss = extractor_loss(noise, pseudo_noise, players.extract(noisy_fake), noisy_fake - y) / players.unit
    _update(optimizer, loss)
    return {"loss_h": loss.item(), "noise_sd": noise.detach().std().item()}


def iscl_step(
    players: Players, options: IsclOptions, optimizers: Optimizers, x: Tensor, y: Tensor,
    anchor: Callable[[], Tensor] | None = None, leading: bool = False,
) -> dict[str, float]:
    """One iteration on noisy x and clean y, [N, 1, S, S]: discriminators, then (unless they lead) F and G, then H."""
    values = discriminator_step(players, options, optimizers.discriminators, x, y)
    if leading:
        return values
    values |= translator_step(players, options, optimizers.translators, x, y, anchor)
    if options.use_extractor:
        values |= extractor_step(players, optimizers.extractor, x, y)
    return values


def _update(optimizer: Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
