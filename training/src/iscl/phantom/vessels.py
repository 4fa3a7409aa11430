"""Parts of branching vessels: a wandering path, and its fork."""

from __future__ import annotations

import numpy as np


def wandering_path(
    rng: np.random.Generator, start: np.ndarray, direction: np.ndarray, length: float, steps: int, wander: float
) -> tuple[np.ndarray, np.ndarray]:
    """A path of `steps` straight pieces, `length` mm together: its points [steps + 1, 3] in mm and its last direction.

    wander: SD of what is added to each component of the unit direction before a piece.
    """
    direction = direction / np.linalg.norm(direction)
    points = [start]
    for _ in range(steps):
        direction = direction + rng.normal(0, wander, 3)
        direction /= np.linalg.norm(direction)
        points.append(points[-1] + direction * length / steps)
    return np.array(points), direction


def fork(
    rng: np.random.Generator, direction: np.ndarray, smallest: float, opening: float, least: float
) -> tuple[tuple[float, np.ndarray], tuple[float, np.ndarray]]:
    """Two children, each its share of the flow and its direction; the smaller child turns away further.

    smallest: least share of a child. A child of share s leaves at a slope of opening (1 - s) + least.
    """
    share = float(rng.uniform(smallest, 1 - smallest))
    across = np.cross(direction, rng.normal(size=3))
    across /= np.linalg.norm(across)

    def child(part: float, sign: float) -> tuple[float, np.ndarray]:
        return part, direction + sign * (opening * (1 - part) + least) * across

    return child(share, 1.0), child(1 - share, -1.0)
