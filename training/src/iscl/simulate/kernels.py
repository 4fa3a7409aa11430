"""Reconstruction kernels as apodisation of the ramp filter, soft to sharp.

The noise power spectrum of filtered back-projection follows |f| W(f)^2, so the window alone sets the texture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

SHAPES = ("hann", "cosine", "butterworth", "gauss")


@dataclass(frozen=True)
class Kernel:
    """Apodisation window W(f).

    cutoff: in units of the detector's Nyquist frequency; where hann and cosine reach 0, butterworth reaches 0.5
    and gauss 0.1. order: of the butterworth. enhancement: height of the edge enhancement, W is multiplied by
    1 + enhancement (f/cutoff)^2.
    """

    shape: str
    cutoff: float
    order: float = 4.0
    enhancement: float = 0.0

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ValueError(f"unknown kernel shape {self.shape!r}; one of {', '.join(SHAPES)}")
        if not 0.1 <= self.cutoff <= 2.5:
            raise ValueError(f"cut-off {self.cutoff} outside 0.1 to 2.5 of Nyquist")

    def window(self, frequency: torch.Tensor) -> torch.Tensor:
        """W at frequencies >= 0 in units of the detector's Nyquist frequency; W(0) = 1."""
        u = frequency / self.cutoff
        if self.shape == "hann":
            base = torch.where(u < 1, 0.5 * (1 + torch.cos(torch.pi * u)), torch.zeros_like(u))
        elif self.shape == "cosine":
            base = torch.where(u < 1, torch.cos(torch.pi * u / 2), torch.zeros_like(u))
        elif self.shape == "butterworth":
            base = 1.0 / (1.0 + u ** (2 * self.order))
        else:
            base = torch.exp(-2.3026 * u * u)
        return base * (1.0 + self.enhancement * u.clamp(max=1.5) ** 2)


def matched_kernel(mean_frequency: float, detector_nyquist: float, pixel_mm: float) -> Kernel:
    """The hann kernel whose FBP noise has the given mean NPS frequency (cycles/mm) on this pixel grid."""
    cutoffs = np.linspace(0.35, 2.4, 83)
    means = [expected_mean_frequency(Kernel("hann", c), detector_nyquist, pixel_mm) for c in cutoffs]
    return Kernel("hann", float(cutoffs[int(np.argmin(np.abs(np.array(means) - mean_frequency)))]))


def expected_mean_frequency(kernel: Kernel, detector_nyquist: float, pixel_mm: float) -> float:
    """Mean radial frequency (cycles/mm) of |f| W(f)^2 below the pixel grid's Nyquist frequency, as `nps_mean_frequency` sees it."""
    f = torch.linspace(LOWEST_CYCLES, 0.5 / pixel_mm, 512)
    power = f * kernel.window(f / detector_nyquist) ** 2
    # 2-D spectrum, radially averaged: no extra factor f, as usual for a reported 1-D NPS.
    return float((power * f).sum() / power.sum())


LOWEST_CYCLES = 0.06


def nps_mean_frequency(image: np.ndarray, uniform: np.ndarray, pixel_mm: float, size: int = 24) -> float:
    """Mean frequency (cycles/mm) of the radial noise power spectrum over the flattest patches of a slice.

    image: [H, W] HU. uniform: bool [H, W], allowed pixels. Patches of size x size wholly inside, the quarter of
    lowest SD (at least 4), a plane removed from each. NaN when there are none.
    """
    step = size // 2
    patches = []
    for r in range(0, image.shape[0] - size + 1, step):
        for c in range(0, image.shape[1] - size + 1, step):
            if uniform[r : r + size, c : c + size].mean() > 0.98:
                patches.append(image[r : r + size, c : c + size])
    if not patches:
        return float("nan")
    stack = np.stack(patches).astype(np.float64)
    grid = np.linspace(-1, 1, size)
    basis = np.stack([np.ones((size, size)), *np.meshgrid(grid, grid)]).reshape(3, -1)
    flat = stack.reshape(len(stack), -1)
    flat = flat - (flat @ np.linalg.pinv(basis)) @ basis
    order = np.argsort(flat.std(axis=1))[: max(4, len(flat) // 4)]
    residual = flat[order].reshape(-1, size, size)
    window = np.outer(np.hanning(size), np.hanning(size))
    power = (np.abs(np.fft.fft2(residual * window)) ** 2).mean(axis=0)
    frequency = np.fft.fftfreq(size, d=pixel_mm)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    bins = np.linspace(0, 0.5 / pixel_mm, size // 2 + 1)
    index = np.digitize(radius.ravel(), bins) - 1
    radial = np.array([power.ravel()[index == i].mean() if (index == i).any() else 0.0 for i in range(size // 2)])
    centre = 0.5 * (bins[:-1] + bins[1:])
    keep = centre > LOWEST_CYCLES
    return float((radial * centre)[keep].sum() / radial[keep].sum())


def random_kernel(rng: np.random.Generator, low: float = 0.5, high: float = 1.8) -> Kernel:
    """A kernel drawn between soft and sharp; a third of the sharper ones enhance edges."""
    cutoff = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    shape = str(rng.choice(SHAPES, p=[0.35, 0.25, 0.2, 0.2]))
    if shape == "butterworth":
        # Half height instead of zero at the cut-off: keep its band comparable to the others.
        cutoff = max(0.3, 0.7 * cutoff)
    enhancement = float(rng.uniform(0.3, 2.0)) if cutoff > 0.6 and rng.random() < 0.33 else 0.0
    return Kernel(shape, cutoff, order=float(rng.uniform(1.5, 5.0)), enhancement=enhancement)
