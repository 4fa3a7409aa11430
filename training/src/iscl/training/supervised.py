"""Training with simulated pairs: the warm start of the ct presets, and the mark they are measured against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf

from ..nets import build
from . import checkpoint
from .config import TrainConfig
from .optim import Ema, cosine_lr, set_lr
from .pairs import PairSlice
from .patches import PatchSampler
from .run import half_precision
from .validation import cases, validate


class SupervisedTrainer:
    """L1 between F(y + noise) and y, each patch in units of its own noise (plus 10 HU, so that nearly clean patches
    do not outvote the rest)."""

    def __init__(self, config: TrainConfig, train: list[PairSlice], validation: list[PairSlice]) -> None:
        self.config = config
        self.device = torch.device(config.device)
        self.half_precision = half_precision(config)
        self.net = self._network()
        if config.start_from:
            self.net.load_state_dict(checkpoint.start_weights(Path(config.start_from), config.network))
        self.ema = Ema(self.net, self._network(), config.ema)
        self.optimizer = torch.optim.Adam(self.net.parameters(), config.lr)
        self.sampler = PatchSampler(train, config.patches, config.seed)
        self.cases = cases(validation, config.validation_slices)

    def _network(self) -> torch.nn.Module:
        return build(self.config.network).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not declare this form

    def step(self, iteration: int) -> dict[str, float]:
        config = self.config
        set_lr(self.optimizer, cosine_lr(config.lr, iteration, config.iterations, config.warmup))
        noisy, clean, edges, share = (part.to(self.device) for part in self.sampler.batch_with_edges())
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half_precision):
            loss, error = pair_loss(self.net, noisy, clean, edges, share, config.edge_weight)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update(self.net)
        return {"loss": loss.item(), "bias_hu": error.mean().item(), "gradient": norm.item()}

    def state(self) -> dict[str, Any]:
        return {
            "nets": {"denoiser": self.net.state_dict()},
            "ema": {"denoiser": self.ema.net.state_dict()},
            "kinds": {"denoiser": self.config.network},
            "optimizer": self.optimizer.state_dict(),
            "ema_steps": self.ema.steps,
            "sampler": self.sampler.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["nets"]["denoiser"])
        self.ema.net.load_state_dict(state["ema"]["denoiser"])
        self.ema.steps = state["ema_steps"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.sampler.set_state(state["sampler"])

    def validate(self) -> dict[str, float]:
        return validate(self.ema.net.cpu(), self.cases) if self.device.type == "cpu" else self._validate_on_cpu()

    def _validate_on_cpu(self) -> dict[str, float]:
        copy = build(self.config.network)
        copy.load_state_dict({name: value.cpu() for name, value in self.ema.net.state_dict().items()})
        return validate(copy, self.cases)


def pair_loss(
    denoise: Callable[[Tensor], Tensor], noisy: Tensor, clean: Tensor, edges: Tensor, share: Tensor, edge_weight: float
) -> tuple[Tensor, Tensor]:
    """The loss on a batch of `PatchSampler.batch_with_edges`, and the error in HU (without gradient)."""
    if edge_weight:
        noisy, clean = with_opposite_noise(noisy, clean)
        share = torch.cat([share[: len(share) // 2]] * 2)
    denoised = denoise(noisy).float()
    loss = supervised_loss(denoised, noisy, clean, clean - share * (noisy - clean))
    if edge_weight:
        loss = loss + edge_weight * edge_loss(denoised, noisy, clean, edges[: len(edges) // 2])
    return loss, (denoised - clean).detach()


def with_opposite_noise(noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """The first half of a batch twice: once as it is, once with the noise's sign turned."""
    half = len(noisy) // 2
    noisy, clean = noisy[:half], clean[:half]
    return torch.cat([noisy, 2.0 * clean - noisy]), torch.cat([clean, clean])


def edge_loss(denoised: Tensor, noisy: Tensor, clean: Tensor, edges: Tensor) -> Tensor:
    """Blur of inserted edges, for a batch of `with_opposite_noise` and the edge map [N/2, 1, H, W] of its first half.

    In (F(y + n) + F(y - n)) / 2 - y the noise that F leaves cancels, and what stays is its bias: lost contrast and blur.
    A plain loss trades it against remaining noise and blurs edges of low contrast first. It is weighed on inserted edges only,
    because everywhere else the noise of the clean slice itself would count as detail to be kept. Huber, in the units of
    `supervised_loss`: with an absolute error the identity, whose bias is 0, is where training ends.
    """
    half = len(noisy) // 2
    mean = 0.5 * (denoised[:half] + denoised[half:])
    error = (mean - clean[:half]) / _spread(noisy[:half], clean[:half])
    cost = nnf.smooth_l1_loss(error, torch.zeros_like(error), reduction="none")
    return (edges * cost).sum() / edges.sum().clamp_min(1.0)


def supervised_loss(denoised: Tensor, noisy: Tensor, clean: Tensor, target: Tensor | None = None) -> Tensor:
    """mean over patches of |denoised - target| / (sd(noisy - clean) + 10 HU). All [N, 1, H, W] in HU; the target is `clean`
    unless given."""
    target = clean if target is None else target
    return ((denoised - target).abs() / _spread(noisy, clean)).mean()


def _spread(noisy: Tensor, clean: Tensor) -> Tensor:
    return (noisy - clean).flatten(1).std(dim=1).view(-1, 1, 1, 1) + 10.0
