"""Slabs for training, drawn and made noisy on the device.

The target shares no noise with the input. A scan x is anatomy + r, with r its own noise. With n drawn like r (same spectrum, place and
correlation along z), r + a n and r - n / a are uncorrelated for every a > 0 (Recorrupted-to-Recorrupted, Pang et al., CVPR 2021). So
the input is x + a n, the target x - n / a, and what is learnt is the mean of the anatomy given the input: no scan has to be clean, and
the noise of a quiet scan is not learnt as anatomy. Noise of any other colour may be added to the input besides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as nnf

from .config import DrawOptions
from .noise import fields
from .signals import draw_lesions, draw_probes
from .spectrum import FIELD, amplitude_of_spectrum, drawn_amplitude
from .volume import Volume

DRAWN_COLOURS = 64
WIDEST_GAP_MM = 5.0
HARVEST_LIMIT = 3.5
"""Differences of neighbouring slices over this many local standard deviations are anatomy."""
UNPAIRED_DEPTH = 9
"""Slices that a run of the unpaired part has at least."""
LEAST_AMPLITUDE = 0.7
CLEANEST_HU = 14.0
"""Scans under this noise are the clean side of the unpaired part."""


@dataclass(frozen=True)
class SlabBatch:
    """All tensors float32 in HU on the device, [B, depth, S, S] but `noise_sd` [B]: noisy slabs, targets of independent noise, and
    probes, which are in neither. `noise_sd` is the noise of input and target together."""

    noisy: Tensor
    target: Tensor
    probe: Tensor
    noise_sd: Tensor


class SlabSampler:
    """Draws batches from volumes. Random numbers come from one numpy generator and one of the device; `state` holds both."""

    def __init__(self, volumes: list[Volume], options: DrawOptions, depth: int, device: torch.device, seed: int) -> None:
        self.options, self.depth, self.device = options, depth, device
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator(device=device).manual_seed(seed)
        self.volumes = volumes
        widest = int(options.size * max(options.zoom[1], 1.0)) // 2 * 2
        if widest > FIELD:
            raise ValueError(f"patches of {options.size} pixels zoomed {options.zoom[1]} times do not fit noise fields of {FIELD}")
        starts = np.cumsum([0] + [len(v.hu) for v in volumes])
        self.starts, self.counts = starts[:-1], np.array([len(v.hu) for v in volumes])
        self.heights = np.array([v.hu.shape[1] for v in volumes])
        self.widths = np.array([v.hu.shape[2] for v in volumes])
        self.noise_sd = np.array([v.noise_sd for v in volumes])
        self.gap = np.array([v.gap_mm for v in volumes])
        self.pixel = np.array([v.pixel_mm for v in volumes])
        self.correlation = np.array([v.correlation for v in volumes])
        self.slices = torch.empty(int(starts[-1]), int(self.heights.max()), int(self.widths.max()), dtype=torch.int16, device=device)
        self.local = torch.zeros(len(self.slices), self.slices.shape[1] // 8, self.slices.shape[2] // 8, device=device)
        self.slices.fill_(-1024)
        for start, volume in zip(self.starts, volumes, strict=True):
            depth_, height, width = volume.hu.shape
            self.slices[start : start + depth_, :height, :width] = torch.from_numpy(volume.hu).to(device)
            self.local[start : start + depth_, : height // 8, : width // 8] = torch.from_numpy(volume.local_sd.astype(np.float32)).to(device)
        self.places = [np.argwhere(v.body.any(axis=0)) * 8 for v in volumes]
        own = np.stack([amplitude_of_spectrum(v.spectrum) for v in volumes])
        drawn = np.stack([drawn_amplitude(self.rng) for _ in range(DRAWN_COLOURS)])
        self.amplitudes = torch.from_numpy(np.concatenate([own, drawn])).to(device)
        # Volumes with many slices give more, but no patient more than a few times what a single slice gives.
        weights = np.sqrt(np.minimum(self.counts, 16))
        self.all = weights / weights.sum()
        # A single slice repeated would show the discriminators which side it comes from.
        self.clean = _only(weights, (self.noise_sd < CLEANEST_HU) & (self.counts >= UNPAIRED_DEPTH))
        self.noisy = _only(weights, (self.noise_sd >= CLEANEST_HU) & (self.counts >= UNPAIRED_DEPTH))
        self.harvest_from = np.flatnonzero((self.noise_sd > 15.0) & (self.counts >= 12))

    def state(self) -> dict:
        return {"rng": self.rng.bit_generator.state, "generator": self.generator.get_state()}

    def set_state(self, state: dict) -> None:
        self.rng.bit_generator.state = state["rng"]
        # The generators of a CPU and of a GPU have states of different kinds: on the other device a run goes on with other numbers.
        if state["generator"].numel() == self.generator.get_state().numel():
            self.generator.set_state(state["generator"].cpu())

    def batch(self) -> SlabBatch:
        """Pairs of independent noise with lesions in both, and probes apart."""
        rng, options, count, depth = self.rng, self.options, self.options.batch, self.depth
        chosen = rng.choice(len(self.volumes), count, p=self.all)
        levels, stride = self._levels(chosen)
        scan, local, size = self._cut(chosen, levels)
        correlation = np.where(stride > 1, 0.0, self.correlation[chosen])
        own = self._noise(self.amplitudes[torch.from_numpy(chosen).to(self.device)], correlation, levels, size) * local
        sd = self.noise_sd[chosen]
        limits = np.log(np.where((sd < CLEANEST_HU)[:, None], options.quiet_amplitude, options.noisy_amplitude))
        amplitude = np.exp(rng.uniform(limits[:, 0], limits[:, 1]))
        amplitude = np.maximum(np.minimum(amplitude, np.sqrt(np.maximum(options.most_noise**2 - sd**2, 0)) / sd), LEAST_AMPLITUDE)
        extra_sd = np.exp(rng.uniform(np.log(options.extra_sd[0]), np.log(options.extra_sd[1]), count)) * (rng.random(count) < options.extra_share)
        room = np.sqrt(np.maximum(options.most_noise**2 - sd**2 * (1 + amplitude**2), 0.0))
        extra_sd = np.minimum(extra_sd, room)
        extra = self._extra(chosen, levels, size) * self._column(extra_sd)
        a = self._column(amplitude)
        noisy, target = scan + a * own + extra, scan - own / a
        noisy, target = self._zoomed(noisy, size), self._zoomed(target, size)
        pixel = self.pixel[chosen] * (size / options.size)
        per_slice = self._pixel_per_slice(chosen, levels, stride, pixel)
        lesions = draw_lesions(rng, count, depth, options.size, options, per_slice).render(depth, options.size, self.device)
        probe = draw_probes(rng, count, depth, options.size, options, per_slice, pixel).render(depth, options.size, self.device)
        turned = self._turned(torch.stack([noisy + lesions, target + lesions, probe]))
        total = np.sqrt(sd**2 * (2 + amplitude**2 + 1 / amplitude**2) + extra_sd**2)
        return SlabBatch(turned[0], turned[1], turned[2], torch.from_numpy(total.astype(np.float32)).to(self.device))

    def plain(self, side: str) -> tuple[Tensor, Tensor, Tensor]:
        """(slabs as scanned of the "clean" or "noisy" side, faint probes that are not in them, noise [B]): the first two [B, depth, S, S]
        in HU. Raises ValueError when that side has no run of slices."""
        rng, options = self.rng, self.options
        weights = self.clean if side == "clean" else self.noisy
        if weights is None:
            raise ValueError(f"the {side} side is empty: there is no run of {UNPAIRED_DEPTH} slices {'under' if side == 'clean' else 'over'} {CLEANEST_HU:g} HU")
        chosen = rng.choice(len(self.volumes), options.batch, p=weights)
        levels, stride = self._levels(chosen, plain=True)
        scan, _, _ = self._cut(chosen, levels, plain=True)
        per_slice = self._pixel_per_slice(chosen, levels, stride, self.pixel[chosen])
        probe = draw_probes(rng, options.batch, self.depth, options.size, options, per_slice, self.pixel[chosen])
        turned = self._turned(torch.stack([scan, probe.render(self.depth, options.size, self.device)]))
        return turned[0], turned[1], torch.from_numpy(self.noise_sd[chosen].astype(np.float32)).to(self.device)

    def _levels(self, chosen: np.ndarray, plain: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Indices [B, depth] into all slices, and the stride [B]. Past an end the last slice repeats."""
        rng, options, depth = self.rng, self.options, self.depth
        counts, gaps = self.counts[chosen], self.gap[chosen]
        stride = np.ones(len(chosen), int)
        if not plain:
            most = np.where(gaps > 0, np.floor(WIDEST_GAP_MM / np.maximum(gaps, 0.1)), 1).astype(int)
            wanted = rng.integers(2, 6, len(chosen))
            stride = np.where((rng.random(len(chosen)) < options.stride_share) & (most >= 2), np.minimum(wanted, most), 1)
        # A centre anywhere in the run: near its ends the slab reaches past them.
        margin = np.where(plain & (counts >= depth), depth // 2, 0)
        centre = margin + (rng.random(len(chosen)) * (counts - 2 * margin)).astype(int)
        offsets = np.arange(depth) - depth // 2
        levels = np.clip(centre[:, None] + offsets[None, :] * stride[:, None], 0, counts[:, None] - 1)
        if not plain:
            repeated = rng.random(len(chosen)) < options.repeat_share
            levels = np.where(repeated[:, None], centre[:, None], levels)
        levels = levels + self.starts[chosen][:, None]
        if not plain and depth > 1:
            for index in np.flatnonzero(rng.random(len(chosen)) < options.stranger_share):
                levels[index, rng.choice((0, depth - 1))] = rng.integers(len(self.slices))
        return levels, stride

    def _cut(self, chosen: np.ndarray, levels: np.ndarray, plain: bool = False) -> tuple[Tensor, Tensor, int]:
        """(scan, local noise) [B, depth, s, s], s the side before the zoom, one zoom a batch."""
        rng, options = self.rng, self.options
        size = options.size
        if not plain and rng.random() < options.zoom_share:
            size = int(options.size * rng.uniform(*options.zoom)) // 2 * 2
        tops, lefts = [], []
        for volume in chosen:
            places = self.places[volume]
            row, column = places[rng.integers(len(places))] if len(places) else (0, 0)
            tops.append(np.clip(row - rng.integers(size), 0, self.heights[volume] - size))
            lefts.append(np.clip(column - rng.integers(size), 0, self.widths[volume] - size))
        rows = torch.from_numpy(np.array(tops)[:, None] + np.arange(size)).to(self.device).clamp_(0, self.slices.shape[1] - 1)
        columns = torch.from_numpy(np.array(lefts)[:, None] + np.arange(size)).to(self.device).clamp_(0, self.slices.shape[2] - 1)
        index = torch.from_numpy(levels).to(self.device)[:, :, None, None]
        scan = self.slices[index, rows[:, None, :, None], columns[:, None, None, :]].float()
        coarse_rows = (rows // 8).clamp_(max=self.local.shape[1] - 1)
        coarse_columns = (columns // 8).clamp_(max=self.local.shape[2] - 1)
        local = self.local[index, coarse_rows[:, None, :, None], coarse_columns[:, None, None, :]]
        local = nnf.avg_pool2d(nnf.pad(local, (4, 4, 4, 4), mode="replicate"), 9, 1)
        return scan, local, size

    def _noise(self, amplitudes: Tensor, correlation: np.ndarray, levels: np.ndarray, size: int) -> Tensor:
        """Unit noise [B, depth, size, size]; slices that repeat have the same noise."""
        made = fields(amplitudes, torch.from_numpy(correlation.astype(np.float32)).to(self.device), self.depth, self.generator)
        return _repeat_like(made[:, :, :size, :size], levels)

    def _extra(self, chosen: np.ndarray, levels: np.ndarray, size: int) -> Tensor:
        """Unit noise of another colour, a little stronger here than there."""
        rng, count = self.rng, len(chosen)
        colours = torch.from_numpy(rng.integers(0, len(self.amplitudes), count)).to(self.device)
        noise = self._noise(self.amplitudes[colours], rng.uniform(0.0, 0.5, count), levels, size)
        coarse = torch.randn(count, 1, 4, 4, generator=self.generator, device=self.device) * 0.25
        noise = noise * torch.exp(nnf.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True))
        taken = rng.random(count) < self.options.harvested_share
        if taken.any() and len(self.harvest_from):
            real = _repeat_like(self._harvest(rng.choice(self.harvest_from, count), size), levels)
            noise = torch.where(torch.from_numpy(taken).to(self.device).view(-1, 1, 1, 1), real, noise)
        return noise

    def _harvest(self, chosen: np.ndarray, size: int) -> Tensor:
        """Unit noise from differences of neighbouring slices, freed of their correlation and of what is anatomy."""
        first = np.stack([self.rng.integers(0, self.counts[v] - 1, self.depth) + self.starts[v] for v in chosen])
        levels = np.concatenate([first, first + 1], axis=1)
        rows = torch.from_numpy(np.array([self.rng.integers(0, self.heights[v] - size + 1) for v in chosen])[:, None] + np.arange(size)).to(self.device)
        columns = torch.from_numpy(np.array([self.rng.integers(0, self.widths[v] - size + 1) for v in chosen])[:, None] + np.arange(size)).to(self.device)
        index = torch.from_numpy(levels).to(self.device)[:, :, None, None]
        scan = self.slices[index, rows[:, None, :, None], columns[:, None, None, :]].float()
        local = self.local[index[:, : self.depth], (rows // 8)[:, None, :, None].clamp(max=self.local.shape[1] - 1),
                           (columns // 8)[:, None, None, :].clamp(max=self.local.shape[2] - 1)]
        scale = self._column(np.sqrt(2.0 * (1.0 - self.correlation[chosen])))
        difference = (scan[:, : self.depth] - scan[:, self.depth :]) / scale / local.clamp_min(1.0)
        difference = difference - nnf.avg_pool2d(nnf.pad(difference, (16,) * 4, mode="reflect"), 33, 1)
        other = torch.randn(difference.shape, generator=self.generator, device=self.device)
        return torch.where(difference.abs() < HARVEST_LIMIT, difference, other)

    def _zoomed(self, cut: Tensor, size: int) -> Tensor:
        if size == self.options.size:
            return cut
        return nnf.interpolate(cut, size=(self.options.size,) * 2, mode="bilinear", align_corners=False)

    def _turned(self, stacked: Tensor) -> Tensor:
        """One turn and flip for the whole batch, and a flip along z."""
        rng = self.rng
        turned = torch.rot90(stacked, int(rng.integers(4)), dims=(-2, -1))
        if rng.random() < 0.5:
            turned = torch.flip(turned, dims=(-1,))
        return torch.flip(turned, dims=(2,)) if rng.random() < 0.5 else turned

    def _pixel_per_slice(self, chosen: np.ndarray, levels: np.ndarray, stride: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        single = (levels == levels[:, :1]).all(axis=1)
        return np.where(single, 1e6, np.maximum(self.gap[chosen] * stride, 0.3) / pixel)

    def _column(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(self.device).view(-1, 1, 1, 1)


def _only(weights: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    return weights * mask / (weights * mask).sum() if mask.any() else None


def _repeat_like(noise: Tensor, levels: np.ndarray) -> Tensor:
    first = np.stack([[int(np.flatnonzero(row == value)[0]) for value in row] for row in levels])
    if (first == np.arange(levels.shape[1])).all():
        return noise
    index = torch.from_numpy(first).to(noise.device)[:, :, None, None]
    return noise.gather(1, index.expand(-1, -1, *noise.shape[2:]))
