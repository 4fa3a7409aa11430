"""Lookahead, exponential moving average, learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class Lookahead:
    """Lookahead (Zhang et al., NeurIPS 2019) around an optimiser: every k steps the slow weights move by alpha towards
    the fast ones, and the fast ones return to them. torch has none."""

    def __init__(self, inner: torch.optim.Optimizer, k: int = 6, alpha: float = 0.5) -> None:
        self.inner, self.k, self.alpha, self.steps = inner, k, alpha, 0
        self.slow = [[p.detach().clone() for p in group["params"]] for group in inner.param_groups]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return self.inner.param_groups

    def zero_grad(self) -> None:
        self.inner.zero_grad()

    @torch.no_grad()
    def step(self) -> None:
        self.inner.step()
        self.steps += 1
        if self.steps % self.k:
            return
        for group, slow_group in zip(self.inner.param_groups, self.slow, strict=True):
            for fast, slow in zip(group["params"], slow_group, strict=True):
                slow.add_(fast - slow, alpha=self.alpha)
                fast.copy_(slow)

    def state_dict(self) -> dict[str, Any]:
        return {"inner": self.inner.state_dict(), "slow": self.slow, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.inner.load_state_dict(state["inner"])
        self.steps = state["steps"]
        for slow_group, saved_group in zip(self.slow, state["slow"], strict=True):
            for slow, saved in zip(slow_group, saved_group, strict=True):
                slow.copy_(saved)


class Ema:
    """Moving average of a network's weights; `net` is the averaged copy. Warms up, so that early averages follow."""

    def __init__(self, source: nn.Module, average: nn.Module, decay: float) -> None:
        self.decay, self.steps, self.net = decay, 0, average.requires_grad_(False).eval()
        self.net.load_state_dict(source.state_dict())

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for mean, value in zip(self.net.parameters(), source.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        for own, buffer in zip(self.net.buffers(), source.buffers(), strict=True):
            own.copy_(buffer)


def set_lr(optimizer: torch.optim.Optimizer | Lookahead, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def cosine_lr(peak: float, iteration: int, total: int, warmup: int) -> float:
    """Linear warm-up, then half a cosine down to 1 % of the peak. `iteration` counts from 0."""
    if iteration < warmup:
        return peak * (iteration + 1) / warmup
    return peak * cosine((iteration - warmup) / max(1, total - warmup))


def cosine(progress: float) -> float:
    """Half a cosine from 1 down to 0.01, as `progress` goes from 0 to 1."""
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def linear_lr(peak: float, iteration: int, total: int, final: float) -> float:
    """Straight from `peak` to `peak * final`; the paper goes from 1e-4 to 1e-7."""
    return peak * (1 - (1 - final) * min(1.0, iteration / max(1, total)))


def parameters(*nets: nn.Module) -> Iterable[nn.Parameter]:
    for net in nets:
        yield from net.parameters()
