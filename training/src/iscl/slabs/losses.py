"""What a slab run asks for."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as nnf

QUIET_HU = 10.0
"""Added to the noise by which an error is divided, so that quiet slabs do not outvote the rest."""


def pair_loss(denoised: Tensor, target: Tensor, noise_sd: Tensor) -> Tensor:
    """Huber loss in units of the noise of input and target: within one unit the mean of the anatomy, where an absolute error would give
    the median and with it leave out what is faint; beyond, an edge of bone counts no more than its size. [B, m, H, W] in HU, noise_sd [B]."""
    error = (denoised - target) / (noise_sd + QUIET_HU).view(-1, 1, 1, 1)
    return nnf.smooth_l1_loss(error, torch.zeros_like(error))


def signal_loss(with_probe: Tensor, without_probe: Tensor, probe: Tensor) -> Tensor:
    """How much of a probe's energy is missing or misplaced: |(F(x + p) - F(x - p)) / 2 - p|^2 / |p|^2, the mean over slabs, where
    `with_probe` is F(x + p) and `without_probe` F(x - p). [B, m, H, W] in HU. Needs no clean image."""
    made = 0.5 * (with_probe - without_probe)
    energy = (probe**2).flatten(1).sum(dim=1)
    missing = ((made - probe) ** 2).flatten(1).sum(dim=1)
    present = (energy > 1.0).float()
    return (present * missing / (energy + 1.0)).sum() / present.sum().clamp_min(1.0)
