"""Where lesions are put and noise is read: uniform tissue, found the same way every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .material import Material, gradient
from .signals import Lesion, Rendered, render

SOFT, LIVER, LUNG = "soft", "liver-like", "lung"
FLAT_HU_PER_PX = 6.0
RANGES = {SOFT: (0.0, 150.0), LUNG: (-950.0, -700.0)}
GUIDE_MM = 7.0
"""Anatomy is looked for in a mean over so many mm along z, three to seven slices."""
PARENCHYMA_MM = 15.0
"""Soft tissue at least so far from its nearest edge counts as liver-like: parenchyma by its size and HU, no segmentation."""
DEPTH_PX = 14.0
"""Least distance from a place to the next edge: lesions and noise are read where the anatomy is flat, both alike."""
APART_PX = 24
"""Least distance in the plane between two lesions' rims, unless CLEAR_SLICES lie between them: one must not change what a denoiser makes of
another (tested on a shipped U-Net)."""
CLEAR_SLICES = 4
HALF = 18
"""Half the side of the region an observer looks at, pixels."""
_STEP = 2


@dataclass(frozen=True)
class Place:
    """A lesion in a stack: its middle (slice, row, column), and the tissue around it."""

    lesion: Lesion
    at: tuple[int, int, int]
    tissue: str


@dataclass(frozen=True)
class Site:
    at: tuple[int, int, int]
    tissue: str


class Finder:
    """Candidates of one stack, flattest first."""

    def __init__(self, material: Material):
        self.material = material
        self._rendered: dict[Lesion, Rendered] = {}
        guide = material.guide(int(np.clip(round(GUIDE_MM / material.gap_mm), 3, 7)))
        steep = gradient(guide)
        inside = ndimage.binary_erosion(material.body, np.ones((1, 3, 3)), iterations=4)
        self._depth: dict[str, np.ndarray] = {}
        self._score: dict[str, np.ndarray] = {}
        worst = ndimage.maximum_filter(steep, (1, 2 * HALF + 1 - 8, 2 * HALF + 1 - 8))
        for tissue, (low, high) in RANGES.items():
            flat = inside & (guide > low) & (guide < high) & (steep < FLAT_HU_PER_PX)
            flat[:, [0, -1]] = flat[:, :, [0, -1]] = False
            self._depth[tissue] = np.stack([ndimage.distance_transform_edt(image) for image in flat])
            self._score[tissue] = worst
        deep = self._depth[SOFT] * material.pixel_mm >= PARENCHYMA_MM
        # What lies within reach of such a middle belongs to the same parenchyma.
        far = np.stack([ndimage.distance_transform_edt(~image) if image.any() else np.full(image.shape, np.inf) for image in deep])
        self._liver = (far * material.pixel_mm < PARENCHYMA_MM) & (guide > 40.0)

    def rendered(self, lesion: Lesion) -> Rendered:
        """The lesion for this stack's spacing, without its contrast."""
        key = Lesion(lesion.shape, lesion.diameter_mm, 1.0)
        if key not in self._rendered:
            m = self.material
            self._rendered[key] = render(key, m.pixel_mm, m.gap_mm, m.thickness_mm)
        return self._rendered[key]

    def all_rendered(self) -> dict[Lesion, Rendered]:
        return dict(self._rendered)

    def _tissue(self, kind: str, at: tuple[int, int, int]) -> str:
        return LIVER if kind == SOFT and self._liver[at] else kind

    def candidates(self, kind: str, depth_px: float, ends: int = 1) -> np.ndarray:
        """Middles [n, 3] at least depth_px from the next edge, flattest first; ties by place. ends: slices left out at either end."""
        depth = self._depth[kind]
        allowed = np.zeros(depth.shape, bool)
        allowed[ends : len(depth) - ends, HALF:-HALF:_STEP, HALF:-HALF:_STEP] = True
        z, r, c = np.nonzero(allowed & (depth >= depth_px))
        order = np.lexsort((c, r, z, np.round(self._score[kind][z, r, c], 2)))
        return np.stack([z, r, c], axis=1)[order]

    def place(self, wanted: list[tuple[Lesion, str, int]], depth_px: float = DEPTH_PX) -> list[Place]:
        """One round of lesions that do not touch each other, at least depth_px from the next edge. wanted: (lesion, soft or lung, how
        many); the lesions take turns, so that none gets the best places alone."""
        placed: list[Place] = []
        queues = []
        for lesion, kind, count in wanted:
            radius = lesion.diameter_mm / 2 / self.material.pixel_mm
            # A lesion in one slice needs two on either side, to see what leaks.
            ends = 2 if lesion.shape in ("slice", "edge") else 1
            queues.append(
                _Queue(lesion, kind, count, radius, self.rendered(lesion).slices, self.candidates(kind, max(radius + 4, depth_px), ends))
            )
        while any(queue.left for queue in queues):
            for queue in queues:
                found = queue.take()
                if found is None:
                    continue
                placed.append(Place(queue.lesion, found, self._tissue(queue.kind, found)))
                for other in queues:
                    other.keep_clear(found, queue)
        return placed

    def sites(self, kind: str, count: int = 120, depth_px: float = DEPTH_PX) -> list[Site]:
        """Flat regions to read noise in; few in one slice, few pixels shared."""
        chosen: list[Site] = []
        most = max(count // max(len(self.material.stack) - 2, 1) + 2, count // 10)
        left = self.candidates(kind, depth_px)
        used: dict[int, int] = {}
        while len(left) and len(chosen) < count:
            at = (int(left[0, 0]), int(left[0, 1]), int(left[0, 2]))
            chosen.append(Site(at, self._tissue(kind, at)))
            used[at[0]] = used.get(at[0], 0) + 1
            near = (np.abs(left[:, 1] - at[1]) < HALF + 6) & (np.abs(left[:, 2] - at[2]) < HALF + 6)
            left = left[~((left[:, 0] == at[0]) & (near | (used[at[0]] >= most)))]
        return chosen


@dataclass
class _Queue:
    """Candidates of one lesion that are still free, flattest first."""

    lesion: Lesion
    kind: str
    left: int
    radius_px: float
    slices: tuple[int, int]
    free: np.ndarray

    def take(self) -> tuple[int, int, int] | None:
        if not self.left or not len(self.free):
            self.left = 0
            return None
        self.left -= 1
        return int(self.free[0, 0]), int(self.free[0, 1]), int(self.free[0, 2])

    def keep_clear(self, at: tuple[int, int, int], other: _Queue) -> None:
        """Drop candidates within reach of a lesion placed from `other`."""
        first, last = at[0] + other.slices[0], at[0] + other.slices[1]
        gap = np.maximum(self.free[:, 0] + self.slices[0] - last, first - self.free[:, 0] - self.slices[1])
        distance = np.hypot(self.free[:, 1] - at[1], self.free[:, 2] - at[2])
        self.free = self.free[(gap > CLEAR_SLICES) | (distance >= APART_PX + self.radius_px + other.radius_px)]
