"""Lungs: parenchyma, branching vessels, bronchi, fissures and nodules."""

from __future__ import annotations

import numpy as np

from .scene import Scene
from .vessels import fork, wandering_path

PARENCHYMA, VESSEL = -858.0, 60.0

# Nodules: centre, radius in mm, HU. Solid, part-solid and ground-glass.
NODULES = (
    ((-98.0, -34.0, 44.0), 4.0, 30.0),
    ((-60.0, 58.0, 30.0), 3.0, 30.0),
    ((98.0, 34.0, 46.0), 5.0, 40.0),
    ((84.0, -44.0, 34.0), 2.5, 20.0),
    ((-84.0, 36.0, 50.0), 7.0, -620.0),
    ((92.0, 4.0, 22.0), 6.0, -560.0),
)


def paint_lungs(scene: Scene, rng: np.random.Generator) -> None:
    for side in (-1, 1):
        clip = scene.clip_cylinder((0, -3), (136.6, 86.6))
        for centre, semi in (
            ((side * 74, -4, 90), (70, 90, 122 if side < 0 else 116)),
            ((side * 70, 34, 90), (58, 56, 132)),
        ):
            scene.ellipsoid(centre, semi, PARENCHYMA, 0.0, clip)
        scene.speckle(rng, 2600, (side * 76, 0, 45), (48, 68, 62), (1.2, 4.0), (-26, 34))
        _vessels(scene, rng, side)
        fissure = (side * 76, 6, 44)
        scene.ellipsoid(fissure, (56, 0.5, 46), -700, side * 12.0, clip)
    for (x, y, z), radius, hu in NODULES:
        scene.ellipsoid((x, y, z), (radius, radius * 0.92, radius), hu, 20)
        if hu > -100:
            for _ in range(5):
                a = rng.uniform(0, 2 * np.pi)
                scene.ellipsoid(
                    (x + radius * 1.1 * np.cos(a), y + radius * 1.1 * np.sin(a), z),
                    (radius * 0.7, 0.5, 0.8), -250, np.degrees(a),
                )  # fmt: skip
        else:
            scene.ellipsoid((x, y, z), (radius * 0.32, radius * 0.3, radius * 0.4), -60)


def _vessels(scene: Scene, rng: np.random.Generator, side: int) -> None:
    hilum = np.array([side * 36.0, 4.0, 62.0])
    clip = scene.clip_ellipsoid((side * 74, 4, 84), (61, 78, 112))
    # Trunks fan out over the half space away from the mediastinum.
    for k in range(20):
        turn = np.radians(-75 + 150 * (k + rng.uniform(0.2, 0.8)) / 20)
        tilt = rng.uniform(-1.3, 0.45)
        trunk = np.array([side * np.cos(turn), np.sin(turn), tilt])
        start = hilum + rng.normal(0, 4.0, 3) + np.array([0.0, 8.0 * np.sin(turn), 5.0 * tilt])
        _branch(scene, rng, start, trunk, rng.uniform(2.4, 4.4), rng.uniform(18, 26), 8, clip, k % 4 == 1)


def _branch(
    scene: Scene,
    rng: np.random.Generator,
    start: np.ndarray,
    direction: np.ndarray,
    radius: float,
    length: float,
    generations: int,
    clip: int,
    airway: bool,
) -> None:
    path, direction = wandering_path(rng, start, direction, length, 3, 0.17)
    end = radius * 0.9
    scene.tube(path, np.linspace(radius, end, 4), VESSEL, clip)
    if airway and radius > 1.7:
        aside = np.cross(direction, [0.3, 0.2, 1.0])
        aside = aside / np.linalg.norm(aside) * radius * 1.75
        scene.tube(path + aside, radius * 0.78, -120, clip)
        scene.tube(path + aside, radius * 0.55, -990, clip)
    if generations <= 1 or end < 0.38:
        return
    for part, child in fork(rng, direction, 0.3, 0.85, 0.2):
        size = end * part ** (1 / 2.7)
        _branch(scene, rng, path[-1], child, size, length * rng.uniform(0.74, 0.98), generations - 1, clip, airway and part > 0.5)
