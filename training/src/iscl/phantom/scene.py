"""A scene of quadrics in patient space: painted shapes (later ones replace earlier ones) and additive texture.

Coordinates are DICOM's patient axes in mm: x to the patient's left, y to the back, z to the head.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

NO_CLIP = -1


def rotation(degrees_z: float = 0.0, degrees_x: float = 0.0, degrees_y: float = 0.0) -> np.ndarray:
    """Rotation matrix, applied about x, then y, then z."""
    out = np.eye(3)
    for axis, angle in ((0, degrees_x), (1, degrees_y), (2, degrees_z)):
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        step = np.eye(3)
        step[i, i] = step[j, j] = c
        step[i, j], step[j, i] = -s, s
        out = step @ out
    return out


@dataclass
class Quadrics:
    """Growing list of (x - c)^T A (x - c) <= 1 with zlo <= z <= zhi, a value in HU and a clip index."""

    centre: list[np.ndarray] = field(default_factory=list)
    matrix: list[np.ndarray] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    clip: list[int] = field(default_factory=list)
    z_range: list[tuple[float, float]] = field(default_factory=list)
    _arrays: tuple[np.ndarray, np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    def add(
        self, centre: np.ndarray, matrix: np.ndarray, value: float, clip: int, z_range: tuple[float, float]
    ) -> None:
        self.centre.append(np.asarray(centre, float))
        self.matrix.append(matrix)
        self.value.append(float(value))
        self.clip.append(clip)
        self.z_range.append(z_range)
        self._arrays = None

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Centres [M, 3], matrices [M, 3, 3] and the range of heights [M, 2] of each."""
        if self._arrays is None:
            centre, matrix = np.stack(self.centre), np.stack(self.matrix)
            limits = np.array(self.z_range)
            closed = matrix[:, 2, 2] > 0
            half = np.sqrt(np.linalg.inv(matrix[closed])[:, 2, 2])
            limits[closed, 0] = np.maximum(limits[closed, 0], centre[closed, 2] - half)
            limits[closed, 1] = np.minimum(limits[closed, 1], centre[closed, 2] + half)
            self._arrays = centre, matrix, limits
        return self._arrays


EVERYWHERE = (-1e9, 1e9)


@dataclass
class Scene:
    """reach: half length of the scan in mm; tubes are only built that far from z = 0."""

    reach: float = 66.0
    painted: Quadrics = field(default_factory=Quadrics)
    texture: Quadrics = field(default_factory=Quadrics)
    clips: Quadrics = field(default_factory=Quadrics)

    def ellipsoid(
        self,
        centre: tuple[float, float, float],
        semi: tuple[float, float, float],
        hu: float,
        turn: float | np.ndarray = 0.0,
        clip: int = NO_CLIP,
        z_range: tuple[float, float] = EVERYWHERE,
    ) -> None:
        """Paint an ellipsoid; turn is degrees about z, or a rotation matrix."""
        self.painted.add(np.array(centre), _matrix(semi, turn), hu, clip, z_range)

    def cylinder(
        self,
        centre: tuple[float, float],
        semi: tuple[float, float],
        hu: float,
        turn: float = 0.0,
        clip: int = NO_CLIP,
        z_range: tuple[float, float] = EVERYWHERE,
    ) -> None:
        """Paint an elliptic cylinder along z."""
        matrix = _matrix((*semi, 1.0), turn)
        matrix[2, :] = matrix[:, 2] = 0.0
        self.painted.add(np.array([*centre, 0.0]), matrix, hu, clip, z_range)

    def clip_cylinder(self, centre: tuple[float, float], semi: tuple[float, float]) -> int:
        """Adds a region that can clip later shapes; returns its index."""
        matrix = _matrix((*semi, 1.0), 0.0)
        matrix[2, :] = matrix[:, 2] = 0.0
        self.clips.add(np.array([*centre, 0.0]), matrix, 0.0, NO_CLIP, EVERYWHERE)
        return len(self.clips.value) - 1

    def clip_ellipsoid(self, centre: tuple[float, float, float], semi: tuple[float, float, float]) -> int:
        self.clips.add(np.array(centre), _matrix(semi, 0.0), 0.0, NO_CLIP, EVERYWHERE)
        return len(self.clips.value) - 1

    def tube(
        self, points: np.ndarray, radii: np.ndarray | float, hu: float, clip: int = NO_CLIP, flatten: float = 1.0
    ) -> None:
        """Paint a smooth tube along a polyline [N, 3]: overlapping ellipsoids, long along the path.

        flatten: thickness in the axial plane's normal to the path as a share of the radius (ribs are flat).
        """
        points = np.asarray(points, float)
        radii = np.broadcast_to(np.asarray(radii, float), (len(points),))
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        position = 0.0
        while position <= along[-1]:
            centre = np.array([np.interp(position, along, points[:, k]) for k in range(3)])
            radius = float(np.interp(position, along, radii))
            here, position = position, position + max(0.7 * radius, 0.5)
            if abs(centre[2]) > self.reach + 2 * radius:
                continue
            ahead = np.array([np.interp(min(here + radius, along[-1]), along, points[:, k]) for k in range(3)])
            behind = np.array([np.interp(max(here - radius, 0.0), along, points[:, k]) for k in range(3)])
            direction = ahead - behind
            direction /= max(np.linalg.norm(direction), 1e-9)
            side = np.cross(direction, [0.0, 0.0, 1.0])
            side = np.array([1.0, 0.0, 0.0]) if np.linalg.norm(side) < 1e-3 else side / np.linalg.norm(side)
            frame = np.stack([direction, side, np.cross(direction, side)], axis=1)
            semi = (1.7 * radius, flatten * radius, radius)
            self.painted.add(centre, frame @ np.diag(1.0 / np.square(semi)) @ frame.T, hu, clip, EVERYWHERE)

    def speckle(
        self,
        rng: np.random.Generator,
        count: int,
        centre: tuple[float, float, float],
        semi: tuple[float, float, float],
        sizes: tuple[float, float],
        hu: tuple[float, float],
        aspect: tuple[float, float, float] = (1.0, 1.0, 1.0),
        shell: float = 0.0,
        turn: float | None = None,
    ) -> None:
        """Add `count` small ellipsoids inside an ellipsoid: additive HU drawn from `hu`, radius from `sizes`.

        shell: inner relative radius of the region they lie in. turn None: random orientation, else degrees about z;
        NaN: tangential to the region.
        """
        for _ in range(count):
            direction = rng.normal(size=3)
            direction /= np.linalg.norm(direction)
            radius = rng.uniform(shell**3, 1.0) ** (1 / 3)
            place = np.array(centre) + direction * radius * np.array(semi)
            size = rng.uniform(*sizes)
            if turn is None:
                frame = rotation(*rng.uniform(0, 360, 3))
            elif np.isnan(turn):
                frame = rotation(np.degrees(np.arctan2(direction[0] * semi[0], -direction[1] * semi[1])) + rng.normal(0, 12))
            else:
                frame = rotation(turn + rng.normal(0, 12))
            self.texture.add(place, _matrix(tuple(size * a for a in aspect), frame), rng.uniform(*hu), NO_CLIP, EVERYWHERE)


def _matrix(semi: tuple[float, ...], turn: float | np.ndarray) -> np.ndarray:
    frame = turn if isinstance(turn, np.ndarray) else rotation(turn)
    return frame @ np.diag(1.0 / np.square(np.asarray(semi, float))) @ frame.T


def sections(quadrics: Quadrics, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Ellipses where a plane of constant z cuts the quadrics.

    Returns ([M, 6] of centre x, y, matrix a11, a12, a22, bounding radius in mm; [M] index of each quadric). The
    ellipse is a11 dx^2 + 2 a12 dx dy + a22 dy^2 <= 1.
    """
    if not quadrics.value:
        return np.zeros((0, 6)), np.zeros(0, np.int64)
    centres, matrices, limits = quadrics.arrays()
    near = np.nonzero((z > limits[:, 0]) & (z < limits[:, 1]))[0]
    centre, matrix = centres[near], matrices[near]
    dz = z - centre[:, 2]
    plane = matrix[:, :2, :2]
    cross = matrix[:, :2, 2]
    inverse = np.linalg.inv(plane)
    shift = -np.einsum("nij,nj->ni", inverse, cross) * dz[:, None]
    level = 1.0 - (matrix[:, 2, 2] - np.einsum("ni,nij,nj->n", cross, inverse, cross)) * dz**2
    keep = level > 1e-6
    scaled = plane[keep] / level[keep, None, None]
    radius = 1.0 / np.sqrt(np.linalg.eigvalsh(scaled)[:, 0])
    where = centre[keep, :2] + shift[keep]
    table = np.column_stack([where, scaled[:, 0, 0], scaled[:, 0, 1], scaled[:, 1, 1], radius])
    return table, near[keep]
