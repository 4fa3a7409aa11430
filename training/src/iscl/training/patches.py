"""Patches for training: positions inside the body, kernel and dose drawn anew, augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as nnf

from ..data import CLEAN_LIMIT_HU
from .pairs import PairsError, PairSlice

ZOOM = (0.75, 1.35)
OWN_ZOOM = (0.75, 2.0)
"""Wider for noise of the own kernel: on twice the pixel size a soft kernel is as sharp, in pixels, as a sharp one."""

LEAST_INDEPENDENT = 0.6
"""Least amplitude with an independent target, whose own noise grows with the inverse of it: 1.4 times r's here."""

MOST_ADDED_HU = 110.0
"""Most noise added to a slice over the clean limit: a low-dose scan that is worse is not read."""


@dataclass(frozen=True)
class PatchOptions:
    size: int = 96
    """Side of a patch, pixels."""
    batch: int = 8
    amplitude: tuple[float, float] = (0.3, 3.0)
    """Noise relative to quarter dose, log-uniform."""
    nearly_clean: float = 0.1
    """Share of patches with an amplitude of 0 to 0.3: a good slice has to stay as it is."""
    foreign_noise: float = 0.3
    """Share whose noise comes from another slice: the anatomy must not give the noise away."""
    own_kernel: float = 0.0
    """Share with the noise of the slice's own kernel and nothing else done to it but OWN_ZOOM, for image and noise alike: anatomy,
    its own noise and the added one are then as sharp as each other, as in a scan. Sharp noise on soft anatomy, which the
    other shares bring, teaches that whatever is fine is noise."""
    independent_target: bool = False
    """On `own_kernel` patches, the target is freed of the slice's own noise: see `PatchSampler.batch_with_edges`. All patches of a
    slice over the clean limit are such patches, because its noise may not become a target."""
    mixed_kernels: float = 0.3
    """Share whose noise is a mixture of two kernels."""
    recoloured: float = 0.4
    """Share whose noise is sharpened or softened a little: kernels that no cut-off of ours makes."""
    zoom: float = 0.5
    """Share cut ZOOM times as wide and resampled: fields of view, and with them noise textures, nobody scanned."""
    lesions: float = 0.6
    """Share with one to four inserted ellipses of 5 to 300 HU, in image and target alike: sharp edges of low contrast
    are rare in anatomy and are what a denoiser blurs first."""


class PatchSampler:
    """Draws batches (noisy, clean), both float32 [N, 1, S, S] in HU.

    All randomness comes from one numpy generator; `state()` and `set_state()` make a resumed run continue exactly.
    """

    def __init__(self, pairs: list[PairSlice], options: PatchOptions, seed: int) -> None:
        self.pairs, self.options = pairs, options
        self.rng = np.random.default_rng(seed)
        self._body = [np.flatnonzero(pair.body) for pair in pairs]
        for pair, body in zip(pairs, self._body, strict=True):
            if body.size == 0:
                raise PairsError(f"{pair.name} has an empty body mask")
            if min(pair.hu.shape) < options.size:
                raise PairsError(f"{pair.name} is smaller than a patch of {options.size} pixels")
        self._noisy = [pair.noise_sd >= CLEAN_LIMIT_HU and len(pair.noise) > 0 for pair in pairs]
        if any(self._noisy) and not options.independent_target:
            raise PairsError(f"{pairs[self._noisy.index(True)].name} is over the clean limit of {CLEAN_LIMIT_HU:g} HU: its noise would "
                             "become a target. Only configurations with patches.independent_target take such slices")
        sides = sorted((min(pair.hu.shape), pair.name) for pair in pairs)
        widest = round(options.size * ZOOM[1]) if options.zoom else options.size
        # Noise from another slice has to cover the patch: found here, not after hours.
        if sides and options.foreign_noise and sides[0][0] < min(widest, sides[-1][0]):
            raise PairsError(f"{sides[0][1]} is {sides[0][0]} pixels wide, foreign noise for zoomed patches needs {widest}")

    def state(self) -> dict[str, object]:
        return dict(self.rng.bit_generator.state)

    def set_state(self, state: dict[str, object]) -> None:
        self.rng.bit_generator.state = state

    def batch(self) -> tuple[Tensor, Tensor]:
        noisy, clean, _, _ = self.batch_with_edges()
        return noisy, clean

    def batch_with_edges(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(noisy, clean, edges, share): edges is 1 on the edges of inserted lesions, 0 away from them and on slices over the clean limit;
        share [N, 1, 1, 1] is what has to be taken off the target, times (noisy - clean).

        A clean slice is anatomy + r, with r the noise of its own dose a. A network that is asked for it learns to leave r, and with it
        the noise of every scan as quiet as that. Where the added noise n has r's kernel and place, its variance is A^2 (1 - a) / a times
        r's (A: amplitude), so r - share n with share = a / ((1 - a) A^2) is uncorrelated with r + n: the noise of input and target is
        then independent, and what is learnt is the anatomy (Recorrupted-to-Recorrupted, Pang et al., CVPR 2021).
        """
        parts = zip(*(self._patch() for _ in range(self.options.batch)), strict=True)
        noisy, clean, edges, share = (torch.stack(part) for part in parts)
        return noisy, clean, edges, share

    def plain(self) -> Tensor:
        """Slices as they are, turned and flipped: float32 [N, 1, S, S] in HU, for the unpaired method."""
        patches = []
        for _ in range(self.options.batch):
            index = int(self.rng.integers(len(self.pairs)))
            pair = self.pairs[index]
            hu = pair.hu[self._window(pair, index, self.options.size)].astype(np.float32)
            patches.append(_turn(torch.from_numpy(hu)[None], int(self.rng.integers(4)), bool(self.rng.integers(2))))
        return torch.stack(patches)

    def _window(self, pair: PairSlice, index: int, size: int) -> tuple[slice, slice]:
        """A window of `size` pixels around a random pixel of the body, moved inside the slice."""
        height, width = pair.hu.shape
        row, column = divmod(int(self.rng.choice(self._body[index])), width)
        top = int(np.clip(row - self.rng.integers(size), 0, height - size))
        left = int(np.clip(column - self.rng.integers(size), 0, width - size))
        return slice(top, top + size), slice(left, left + size)

    def _patch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rng, options = self.rng, self.options
        index = int(rng.integers(len(self.pairs)))
        pair = self.pairs[index]
        size = options.size
        # Without the option, no random number is spent on it: runs of earlier configurations stay as they were.
        own = self._noisy[index] or (bool(options.own_kernel) and rng.random() < options.own_kernel)
        if rng.random() < options.zoom:
            size = min(round(options.size * rng.uniform(*(OWN_ZOOM if own else ZOOM))), *pair.hu.shape)
        window = self._window(pair, index, size)
        clean = torch.from_numpy(pair.hu[window].astype(np.float32))[None, None]
        noise = self._own_noise(pair, window) if own else self._noise(pair, index, window, size)
        if size != options.size:
            both = torch.cat([clean, noise])
            both = nnf.interpolate(both, size=(options.size, options.size), mode="bilinear", align_corners=False)
            clean, noise = both[:1], both[1:]
        if not own and rng.random() < options.recoloured:
            noise = _recolour(noise, float(rng.uniform(-0.6, 0.8)), int(rng.choice((3, 5))))
        independent = own and options.independent_target
        amplitude = self._amplitude(LEAST_INDEPENDENT if independent else None)
        if self._noisy[index]:
            quarter = pair.noise_sd * float(np.sqrt((1.0 - pair.dose) / pair.dose))
            amplitude = max(min(amplitude, MOST_ADDED_HU / quarter), LEAST_INDEPENDENT)
        noise = noise * amplitude
        share = pair.dose / (1.0 - pair.dose) / amplitude**2 if independent else 0.0
        clean, edges = clean[0], torch.zeros_like(clean[0])
        if rng.random() < options.lesions:
            clean, edges = self._insert_lesions(clean)
        if self._noisy[index]:
            # The bias on edges is measured against the slice as it is, and here that would ask for its noise.
            edges = torch.zeros_like(edges)
        noisy = clean + noise[0]
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        noisy, clean, edges = (_turn(part, turns, flip) for part in (noisy, clean, edges))
        return noisy, clean, edges, torch.full((1, 1, 1), share)

    def _own_noise(self, pair: PairSlice, window: tuple[slice, slice]) -> Tensor:
        """Field 0 of a pair, which has the slice's own kernel, where it belongs; with either sign."""
        return torch.from_numpy(pair.noise[0][window].astype(np.float32))[None, None] * float(self.rng.choice((-1, 1)))

    def _noise(self, pair: PairSlice, index: int, window: tuple[slice, slice], size: int) -> Tensor:
        rng = self.rng
        foreign = rng.random() < self.options.foreign_noise
        if foreign:
            index = int(rng.integers(len(self.pairs)))
            pair = self.pairs[index]
            window = self._window(pair, index, min(size, *pair.hu.shape))
        kernels = pair.noise.shape[0]
        first = int(rng.integers(kernels))
        noise = pair.noise[first][window].astype(np.float32)
        if kernels > 1 and rng.random() < self.options.mixed_kernels:
            other = pair.noise[(first + int(rng.integers(1, kernels))) % kernels][window].astype(np.float32)
            share = float(rng.uniform(0.0, 1.0))
            noise = float(np.sqrt(share)) * noise + float(np.sqrt(1.0 - share)) * other
        if rng.random() < 0.5:
            noise = -noise
        tensor = torch.from_numpy(np.ascontiguousarray(noise))[None]
        if foreign:
            tensor = _turn(tensor, int(rng.integers(4)), bool(rng.integers(2)))
        return tensor[None]

    def _amplitude(self, least: float | None = None) -> float:
        rng, (low, high) = self.rng, self.options.amplitude
        if least is not None:
            return float(np.exp(rng.uniform(np.log(max(low, least)), np.log(max(high, least)))))
        if rng.random() < self.options.nearly_clean:
            return float(rng.uniform(0.0, low))
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def _insert_lesions(self, clean: Tensor) -> tuple[Tensor, Tensor]:
        rng, size = self.rng, self.options.size
        edges = torch.zeros_like(clean)
        rows = torch.arange(size, dtype=torch.float32)[:, None]
        columns = torch.arange(size, dtype=torch.float32)[None, :]
        for _ in range(int(rng.integers(1, 5))):
            centre_row, centre_column = rng.uniform(0, size, 2)
            radius, aspect, angle = rng.uniform(1.5, 14.0), rng.uniform(0.6, 1.0), rng.uniform(0, np.pi)
            contrast = float(rng.choice((-1, 1)) * np.exp(rng.uniform(np.log(5.0), np.log(300.0))))
            edge = float(rng.uniform(0.25, 1.0))
            along = (rows - centre_row) * np.cos(angle) + (columns - centre_column) * np.sin(angle)
            across = (columns - centre_column) * np.cos(angle) - (rows - centre_row) * np.sin(angle)
            distance = torch.sqrt(along**2 + (across / aspect) ** 2)
            clean = clean + contrast * torch.sigmoid((radius - distance) / edge)
            near = torch.sigmoid((radius - distance) / (edge + 0.5))
            edges = torch.maximum(edges, 4.0 * near * (1.0 - near))
        return clean, edges


def _turn(image: Tensor, turns: int, flip: bool) -> Tensor:
    image = torch.rot90(image, turns, dims=(-2, -1))
    return torch.flip(image, dims=(-1,)) if flip else image


def _recolour(noise: Tensor, gain: float, width: int) -> Tensor:
    """noise + gain (noise - box blur), at unchanged SD: gain > 0 sharpens, < 0 softens."""
    pad = width // 2
    blurred = nnf.avg_pool2d(nnf.pad(noise, (pad,) * 4, mode="reflect"), width, 1)
    coloured = noise + gain * (noise - blurred)
    return coloured * (noise.std() / coloured.std().clamp_min(1e-6))
