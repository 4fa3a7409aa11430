"""Ellipsoids with soft edges: lesions for the anatomy and faint probes, rendered on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .config import DrawOptions

MOST = 4
"""Ellipsoids of a slab at most."""

WHOLE = 1e6
"""Radius along z, in slices, of a signal that is the same in every slice."""


@dataclass(frozen=True)
class Ellipsoids:
    """One row a slab, one column an ellipsoid; places and radii in pixels (z in slices), contrast in HU."""

    place: np.ndarray
    radius: np.ndarray
    angle: np.ndarray
    contrast: np.ndarray
    edge: np.ndarray

    def render(self, depth: int, size: int, device: torch.device) -> Tensor:
        """[B, depth, size, size] in HU."""
        def on_device(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(device)

        place, radius = on_device(self.place), on_device(self.radius)
        angle, edge = on_device(self.angle)[:, :, None, None], on_device(self.edge)
        axis = torch.arange(size, dtype=torch.float32, device=device)
        rows = axis[None, None, :, None] - place[:, :, 1, None, None]
        columns = axis[None, None, None, :] - place[:, :, 2, None, None]
        along, across = rows * torch.cos(angle) + columns * torch.sin(angle), columns * torch.cos(angle) - rows * torch.sin(angle)
        flat = (along / radius[:, :, 1, None, None]) ** 2 + (across / radius[:, :, 2, None, None]) ** 2
        levels = torch.arange(depth, dtype=torch.float32, device=device)
        height = ((levels[None, None, :] - place[:, :, 0, None]) / radius[:, :, 0, None]) ** 2
        distance = torch.sqrt(flat[:, :, None] + height[:, :, :, None, None] + 1e-6)
        scale = (torch.sqrt(radius[:, :, 1] * radius[:, :, 2]) / edge)[:, :, None, None, None]
        profile = torch.sigmoid((1.0 - distance) * scale)
        return (on_device(self.contrast)[:, :, None, None, None] * profile).sum(dim=1)


def draw_lesions(rng: np.random.Generator, count: int, depth: int, size: int, options: DrawOptions, pixel_per_slice: np.ndarray) -> Ellipsoids:
    """Up to four a slab, of 1.5 to 14 pixels; `pixel_per_slice` [count]: a slice's distance in pixels (1e6: the slab is one slice)."""
    shape = (count, MOST)
    radius = np.exp(rng.uniform(np.log(1.5), np.log(14.0), shape))
    contrast = _contrast(rng, shape, options.lesion_contrast)
    present = (rng.random(shape) < 0.6) & (rng.random((count, 1)) < options.lesions)
    return _ellipsoids(rng, shape, depth, size, radius, contrast * present, rng.uniform(0.6, 1.0, shape), pixel_per_slice, rng.uniform(0.25, 1.0, shape))


def draw_probes(rng: np.random.Generator, count: int, depth: int, size: int, options: DrawOptions, pixel_per_slice: np.ndarray,
                pixel_mm: np.ndarray) -> Ellipsoids:
    """Two to four faint, nearly round probes a slab; a fifth of them lie in one slice alone, a fifth run through all of them."""
    shape = (count, MOST)
    low, high = options.probe_radius_mm
    radius = np.exp(rng.uniform(np.log(low), np.log(high), shape)) / pixel_mm[:, None]
    present = np.arange(MOST)[None, :] < rng.integers(2, MOST + 1, (count, 1))
    return _ellipsoids(rng, shape, depth, size, radius, _contrast(rng, shape, options.probe_contrast) * present, rng.uniform(0.8, 1.0, shape),
                       pixel_per_slice, np.full(shape, 0.35))


def _contrast(rng: np.random.Generator, shape: tuple[int, int], limits: tuple[float, float]) -> np.ndarray:
    return rng.choice((-1.0, 1.0), shape) * np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]), shape))


def _ellipsoids(rng: np.random.Generator, shape: tuple[int, int], depth: int, size: int, radius: np.ndarray, contrast: np.ndarray,
                aspect: np.ndarray, pixel_per_slice: np.ndarray, edge: np.ndarray) -> Ellipsoids:
    in_z = radius / pixel_per_slice[:, None]
    kind = rng.random(shape)
    in_z = np.where(kind < 0.2, 0.6, np.where(kind < 0.4, WHOLE, np.maximum(in_z, 0.6)))
    # A slab that is one slice repeated holds the same signal in each copy.
    in_z = np.where(pixel_per_slice[:, None] > 1e5, WHOLE, in_z)
    level = np.where(kind < 0.2, rng.integers(0, depth, shape), rng.uniform(0, depth - 1, shape))
    place = np.stack([level, rng.uniform(0, size, shape), rng.uniform(0, size, shape)], axis=-1)
    return Ellipsoids(place, np.stack([in_z, radius, radius * aspect], axis=-1), rng.uniform(0, np.pi, shape), contrast, edge)
