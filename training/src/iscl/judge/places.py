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
        self._depth, self._score, self._liver = {}, {}, None
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

    def candidates(self, kind: str, depth_px: float, ends: int = 1) -> list[tuple[int, int, int]]:
        """Middles at least depth_px from the next edge, flattest first; ties by place. ends: slices left out at either end."""
        depth = self._depth[kind]
        allowed = np.zeros(depth.shape, bool)
        allowed[ends : len(depth) - ends, HALF:-HALF:_STEP, HALF:-HALF:_STEP] = True
        z, r, c = np.nonzero(allowed & (depth >= depth_px))
        score = np.round(self._score[kind][z, r, c], 2)
        order = np.lexsort((c, r, z, score))
        return [(int(z[i]), int(r[i]), int(c[i])) for i in order]

    def place(self, wanted: list[tuple[Lesion, str, int]], depth_px: float = DEPTH_PX) -> list[Place]:
        """One round of lesions that do not touch each other, at least depth_px from the next edge. wanted: (lesion, soft or lung, how many);
        the lesions take turns, so that none gets the best places alone."""
        placed: list[Place] = []
        spans: list[tuple[int, int, int, int, float]] = []
        queues = []
        for lesion, kind, count in wanted:
            radius = lesion.diameter_mm / 2 / self.material.pixel_mm
            queues.append([iter(self.candidates(kind, max(radius + 4, depth_px))), lesion, kind, count, radius])
        left = [q[3] for q in queues]
        while any(left):
            for number, (queue, lesion, kind, _, radius) in enumerate(queues):
                if not left[number]:
                    continue
                low, high = self.rendered(lesion).slices
                found = None
                for at in queue:
                    if lesion.shape in ("slice", "edge") and not 2 <= at[0] <= len(self.material.stack) - 3:
                        continue
                    span = (at[0] + low, at[0] + high, at[1], at[2], radius)
                    if all(_clear(span, other) for other in spans):
                        found = at
                        break
                if found is None:
                    left[number] = 0
                    continue
                spans.append(span)
                placed.append(Place(lesion, found, self._tissue(kind, found)))
                left[number] -= 1
        return placed

    def sites(self, kind: str, count: int = 120, depth_px: float = DEPTH_PX) -> list[Site]:
        """Flat regions to read noise in; at most a tenth of them in one slice, few pixels shared."""
        chosen: list[Site] = []
        per_slice: dict[int, list[tuple[int, int]]] = {}
        most = max(count // max(len(self.material.stack) - 2, 1) + 2, count // 10)
        for z, r, c in self.candidates(kind, depth_px):
            near = per_slice.setdefault(z, [])
            if len(near) < most and all(abs(r - a) >= HALF + 6 or abs(c - b) >= HALF + 6 for a, b in near):
                near.append((r, c))
                chosen.append(Site((z, r, c), self._tissue(kind, (z, r, c))))
                if len(chosen) == count:
                    break
        return chosen


def _clear(a: tuple[int, int, int, int, float], b: tuple[int, int, int, int, float]) -> bool:
    if max(a[0] - b[1], b[0] - a[1]) > CLEAR_SLICES:
        return True
    return bool(np.hypot(a[2] - b[2], a[3] - b[3]) >= APART_PX + a[4] + b[4])
