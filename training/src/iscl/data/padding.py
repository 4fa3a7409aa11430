"""Which pixels hold no measurement: by what the file says and by what the image shows.

The same rules as src/ct/padding.ts, and the same table of cases (test/fixtures/padding.json).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

AIR_HU = -990.0
"""At most this is no tissue: emphysema and bowel gas stay above."""
BEYOND_AIR_HU, METAL_HU = -1100.0, 3071.0
"""Below and above these nothing is measured: air does not go so low, and metal is cut off there."""
SMALLEST_FILL_BEYOND = 16
"""Pixels beyond air, of one value and joined to the border: so many are no streak."""
SMALLEST_FILL = 32
"""Of images smaller than any CT image: noise may make a region as long as their shorter side."""
LONGEST_OUTLINE = 1.25
"""Of a fill, in units of the outline of the box around it. Air that is cut off at the lowest value has 3 to 100 times as much."""


def find_padding(stored: np.ndarray, declared: tuple[int, int] | None, slope: float, intercept: float) -> np.ndarray:
    """bool [H, W]: pixels that are padding. A declared value is padding where it is no tissue and joined to the border of the image. A
    region of one exact value, declared or not, is padding in a noisy image when it is joined to the border and too large and too smoothly bounded
    for noise.

    stored: integers [H, W]. declared: lowest and highest stored value of Pixel Padding Value and Range Limit.
    """
    mask = np.zeros(stored.shape, bool)
    hu = stored * float(slope) + float(intercept)
    beyond = (hu < BEYOND_AIR_HU) | (hu > METAL_HU)
    large = max(SMALLEST_FILL, min(stored.shape))
    if declared is not None:
        named = (stored >= declared[0]) & (stored <= declared[1])
        _mark(mask, named & beyond, None, 1)
        _mark(mask, named & (hu <= AIR_HU), None, large, LONGEST_OUTLINE)
    _mark(mask, beyond, stored, SMALLEST_FILL_BEYOND)
    without = mask.copy()
    _mark(mask, np.ones(stored.shape, bool), stored, large, LONGEST_OUTLINE)
    # An image without noise is made of such regions, and then they mean nothing. One that is nothing else is blank when it is air.
    noisy = _is_noisy(stored, mask)
    return mask if (hu.flat[0] <= AIR_HU if noisy is None else noisy) else without


def _is_noisy(stored: np.ndarray, mask: np.ndarray) -> bool | None:
    """Whether most pixels outside the padding differ from their neighbour; None where there are none."""
    pairs = ~mask[:, 1:] & ~mask[:, :-1]
    return None if not pairs.any() else bool(2 * ((stored[:, 1:] == stored[:, :-1]) & pairs).sum() <= pairs.sum())


def _mark(mask: np.ndarray, candidates: np.ndarray, values: np.ndarray | None, least: int, longest: float = np.inf) -> None:
    """Mark the regions of candidates (of one value each, when values are given) that are joined to the border by the sides of pixels, hold
    at least `least` pixels, and whose outline is at most `longest` times that of the box around them."""
    free = candidates & ~mask
    if not free.any():
        return
    down, right = free[1:] & free[:-1], free[:, 1:] & free[:, :-1]
    if values is not None:
        down &= values[1:] == values[:-1]
        right &= values[:, 1:] == values[:, :-1]
    index = np.arange(free.size).reshape(free.shape)
    first = np.concatenate([index[:-1][down], index[:, :-1][right]])
    second = np.concatenate([index[1:][down], index[:, 1:][right]])
    joins = sparse.coo_matrix((np.ones(first.size, bool), (first, second)), (free.size, free.size))
    labels = connected_components(joins, directed=False)[1].reshape(free.shape)
    large = np.bincount(labels[free], minlength=labels.max() + 1) >= least
    edge = np.zeros(free.shape, bool)
    edge[[0, -1]] = edge[:, [0, -1]] = True
    for label in np.unique(labels[edge & free]):
        if large[label]:
            region = labels == label
            if _outline(region, mask) <= longest * _box(region):
                mask |= region


def _outline(region: np.ndarray, mask: np.ndarray) -> int:
    """Sides of pixels between the region and what is neither in it nor marked."""
    other = ~region & ~mask
    pairs = ((region[1:], other[:-1]), (region[:-1], other[1:]), (region[:, 1:], other[:, :-1]), (region[:, :-1], other[:, 1:]))
    return sum(int((inside & outside).sum()) for inside, outside in pairs)


def _box(region: np.ndarray) -> int:
    """Outline of the box around the region."""
    return sum(2 * (int(lines[-1] - lines[0]) + 1) for lines in (np.flatnonzero(region.any(axis)) for axis in (0, 1)))
