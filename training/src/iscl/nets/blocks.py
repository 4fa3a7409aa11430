"""Building blocks shared by the networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf


class BatchInstanceNorm(nn.Module):
    """Batch-instance normalisation (Nam and Kim, NeurIPS 2018), as ISCL uses it.

    y = gamma (rho BN(x) + (1 - rho) IN(x)) + beta, with one rho per channel, clipped to [0, 1] and started at 1.
    BN always uses the statistics of the present batch: there are no running ones. So the output depends on the
    whole slice, and a tile differs from the slice it was cut from; the CT networks therefore do without it.

    Input and output: [N, C, H, W].
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.rho = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        batch_var, batch_mean = torch.var_mean(x, dim=(0, 2, 3), keepdim=True, correction=0)
        inst_var, inst_mean = torch.var_mean(x, dim=(2, 3), keepdim=True, correction=0)
        batch_norm = (x - batch_mean) * torch.rsqrt(batch_var + self.eps)
        inst_norm = (x - inst_mean) * torch.rsqrt(inst_var + self.eps)
        shape = (1, -1, 1, 1)
        rho = self.rho.clamp(0.0, 1.0).view(shape)
        return (rho * batch_norm + (1.0 - rho) * inst_norm) * self.gamma.view(shape) + self.beta.view(shape)


class WideBlur(nn.Module):
    """A blur over about 48 pixels that costs next to nothing: average-pool 16, smooth, interpolate back.

    Taking it out of a residual leaves the local mean of the image alone, whatever the network says: an HU bias over
    an organ cannot arise. Input [N, C, H, W] with H and W multiples of 16.
    """

    STRIDE = 16

    def forward(self, x: Tensor) -> Tensor:
        pooled = nnf.avg_pool2d(x, self.STRIDE)
        pooled = nnf.avg_pool2d(pooled, 3, stride=1, padding=1, count_include_pad=False)
        return nnf.interpolate(pooled, scale_factor=float(self.STRIDE), mode="bilinear", align_corners=False)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Pads the bottom and right edges by repetition so that both sides are multiples of `multiple`.

    Written with tensor sizes alone, so that a traced graph keeps it for every H and W.
    """
    height, width = x.shape[2], x.shape[3]
    pad_bottom = (multiple - height % multiple) % multiple
    pad_right = (multiple - width % multiple) % multiple
    return nnf.pad(x, (0, pad_right, 0, pad_bottom), mode="replicate")
