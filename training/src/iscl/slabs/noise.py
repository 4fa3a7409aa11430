"""Noise on the device: coloured like a scan's own, like none, or taken from real scans; correlated along z."""

from __future__ import annotations

import torch
from torch import Tensor

from .spectrum import FIELD


def fields(amplitudes: Tensor, correlation: Tensor, depth: int, generator: torch.Generator) -> Tensor:
    """Unit noise [B, depth, 224, 224]: amplitudes [B, 224, 113] on the device, correlation [B] between neighbouring slices."""
    count = len(amplitudes)
    white = torch.randn(count, depth + 2, FIELD, FIELD, generator=generator, device=amplitudes.device)
    coloured = torch.fft.irfft2(torch.fft.rfft2(white) * amplitudes[:, None], s=(FIELD, FIELD))
    share = along_z(correlation).view(-1, 1, 1, 1)
    mixed = coloured[:, 1:-1] + share * (coloured[:, :-2] + coloured[:, 2:])
    return mixed / torch.sqrt(1.0 + 2.0 * share**2)


def along_z(correlation: Tensor) -> Tensor:
    """The weight b of both neighbours that gives slices this correlation: 2 b / (1 + 2 b^2), at most 0.7 at b = 1/sqrt(2)."""
    r = correlation.clamp(0.0, 0.7)
    return torch.where(r < 1e-3, r / 2.0, (1.0 - torch.sqrt((1.0 - 2.0 * r**2).clamp_min(0.0))) / (2.0 * r.clamp_min(1e-3)))
