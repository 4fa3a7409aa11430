"""Ribs, costal cartilage, thoracolumbar spine and sternum: cortical shell, trabecular core."""

from __future__ import annotations

import numpy as np

from .scene import Scene

CORTEX, TRABECULAR, MARROW = 560.0, 205.0, 230.0
DISC, CARTILAGE = 92.0, 105.0
VERTEBRA_MM = 30.0


def paint_ribs(scene: Scene, rng: np.random.Generator) -> None:
    arcs = []
    for side in (-1, 1):
        for k in range(11):
            top = -30.0 + 25.0 * k
            reach = 128.0 if k > 0 else 95.0
            phi = np.radians(np.linspace(17.0, reach, 26))
            x = side * 145.5 * np.sin(phi)
            y = -3.0 + 92.6 * np.cos(phi)
            z = top - 72.0 * (1 - np.cos(phi)) / 1.5 - 26.0 * phi
            arcs.append((np.column_stack([x, y, z]), side, k))
    for path, _, _ in arcs:
        scene.tube(path, 6.6, CORTEX, flatten=0.6)
    for path, _, _ in arcs:
        scene.tube(path[1:-1], 5.1, MARROW, flatten=0.5)
    # Costal cartilage climbs from the bone's end towards the sternum.
    for path, side, k in arcs:
        if k == 0:
            continue
        end = path[-1]
        target = np.array([side * 20.0, -94.0, end[2] + 34.0])
        middle = np.array([0.5 * (end[0] + target[0]) + side * 14, 0.5 * (end[1] + target[1]) - 9.0, 0.6 * end[2] + 0.4 * target[2]])
        scene.tube(np.array([end, middle, target]), 5.6, CARTILAGE, flatten=0.62)


def paint_sternum(scene: Scene, rng: np.random.Generator) -> None:
    limits = (18.0, 1e9)
    scene.cylinder((0, -97), (17, 5.6), CORTEX - 80, z_range=limits)
    scene.cylinder((0, -97), (15.6, 4.2), 150, z_range=limits)
    scene.ellipsoid((0, -97, 18), (9, 3.4, 20), 160)
    scene.speckle(rng, 200, (0, -97, 45), (14, 3.5, 30), (0.7, 1.6), (-50, 70))


def paint_spine(scene: Scene, rng: np.random.Generator) -> None:
    levels = np.arange(-4, 5) * VERTEBRA_MM + 8.0
    for z in levels:
        low, high = z - 12.5, z + 12.5
        # Waist between the endplates.
        for z0, z1, a, b in ((low, low + 5, 22.5, 17.4), (low + 5, high - 5, 21.2, 16.2), (high - 5, high, 22.5, 17.4)):
            scene.cylinder((0, 58), (a, b), CORTEX - 60, z_range=(z0, z1))
        for z0, z1, a, b in ((low + 1.3, low + 5, 21.3, 16.2), (low + 5, high - 5, 20.2, 15.2), (high - 5, high - 1.3, 21.3, 16.2)):
            scene.cylinder((0, 58), (a, b), TRABECULAR, z_range=(z0, z1))
        scene.speckle(rng, 560, (0, 58, z), (19, 14, 10.5), (0.6, 1.5), (-60, 60), (1.0, 1.0, 1.4))
        disc = (high, high + VERTEBRA_MM - 25.0)
        scene.cylinder((0, 58), (22.3, 17.0), DISC, z_range=disc)
        scene.cylinder((0, 60), (12, 8.5), DISC - 16, z_range=disc)
        for core, shrink, hu in ((False, 0.0, CORTEX), (True, 1.4, MARROW)):
            for side in (-1, 1):
                lamina = np.array([(side * 14, 70, z + 5), (side * 17, 80, z + 3), (side * 15, 90, z - 2), (side * 4, 97, z - 7)], float)
                scene.tube(lamina, 4.8 - shrink, hu)
                process = np.array([(side * 17, 82, z + 3), (side * 27, 87, z + 4), (side * 38, 92, z + 4)], float)
                scene.tube(process, np.array([5.0, 4.2, 4.6]) - shrink, hu)
            spinous = np.array([(0, 96, z - 6), (0, 101, z - 10), (0, 106, z - 14)], float)
            scene.tube(spinous, np.array([3.6, 3.2, 4.2]) - (shrink if core else 0.0), hu)
    # Canal, fat behind, cord with its roots.
    scene.cylinder((0, 81.5), (10.5, 8.8), -60)
    scene.cylinder((0, 80.8), (9.2, 7.4), 16)
    scene.cylinder((0, 80.6), (5.6, 4.4), 40)
