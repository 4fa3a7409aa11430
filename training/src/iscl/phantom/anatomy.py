"""A chest-abdomen phantom in the portal venous phase: 120 mm around the diaphragm.

All sizes in mm, patient axes (x left, y back, z head), z = 0 at the middle of the scan. Values in HU.
"""

from __future__ import annotations

import numpy as np

from .lungs import paint_lungs
from .scene import Scene, rotation
from .skeleton import paint_ribs, paint_spine, paint_sternum
from .vessels import fork, wandering_path

FAT, MUSCLE, SKIN = -104.0, 58.0, 10.0
BLOOD, LIVER, SPLEEN = 152.0, 108.0, 122.0
BODY_CENTRE_Y = -3.0

# Lesions of the liver: centre, radius, HU against 108 of the parenchyma. The test set reports them one by one.
LIVER_LESIONS = (
    ((-88.0, -28.0, -20.0), 8.0, 78.0),
    ((-60.0, 30.0, -4.0), 5.5, 84.0),
    ((-98.0, 22.0, -6.0), 4.0, 84.0),
    ((-66.0, -2.0, -42.0), 10.0, 96.0),
    ((-34.0, -46.0, -33.0), 6.0, 94.0),
    ((-64.0, -44.0, -8.0), 5.0, 92.0),
    ((-104.0, -8.0, -40.0), 6.5, 8.0),
    ((-84.0, -46.0, -50.0), 7.0, 128.0),
)


def chest_abdomen(seed: int = 1) -> Scene:
    """The phantom. The seed moves texture, vessels and fat strands, not the organs or lesions."""
    rng = np.random.default_rng(seed)
    scene = Scene()
    _table(scene)
    cavity = _wall(scene, rng)
    paint_lungs(scene, rng)
    _mediastinum(scene)
    _omentum(scene, rng)
    _liver(scene, rng, cavity)
    _spleen_and_stomach(scene, rng, cavity)
    _heart(scene, rng)
    _retroperitoneum(scene, rng)
    _bowel(scene, rng)
    _great_vessels(scene)
    paint_ribs(scene, rng)
    paint_spine(scene, rng)
    paint_sternum(scene, rng)
    return scene


def _table(scene: Scene) -> None:
    # A curved carbon shell over foam; the patient lies in it.
    scene.cylinder((0, -130), (310, 262), -180, z_range=(-1e9, 1e9))
    scene.cylinder((0, -130), (308.4, 260.4), -940)
    scene.cylinder((0, -130), (300, 254), -180)
    scene.cylinder((0, -130), (298.8, 252.8), -1000)


def _wall(scene: Scene, rng: np.random.Generator) -> int:
    """Skin, subcutaneous fat, muscle and the fat-filled cavity; returns the clip index of the cavity."""
    outline = [
        ((0, -2), (166, 116), 0.0),
        ((52, -60), (86, 55), 5.0),
        ((-52, -60), (86, 55), -5.0),
        ((52, 58), (92, 58), -3.0),
        ((-52, 58), (92, 58), 3.0),
        ((90, 0), (77, 92), 0.0),
        ((-90, 0), (77, 92), 0.0),
    ]
    for centre, semi, turn in outline:
        scene.cylinder(centre, (semi[0] + 1.7, semi[1] + 1.7), SKIN, turn)
    for centre, semi, turn in outline:
        scene.cylinder(centre, semi, FAT, turn)
    # Breast and gluteal fat aside, connective tissue septa run along the skin.
    scene.speckle(rng, 2600, (0, 0, 0), (165, 113, 75), (3.0, 8.0), (20, 55), (1.0, 0.09, 0.8), 0.93, np.nan)
    scene.speckle(rng, 900, (0, 0, 0), (150, 100, 75), (4.0, 10.0), (-6, 6))
    muscle = [
        ((0, BODY_CENTRE_Y), (154, 100), 0.0, MUSCLE),
        ((126, 30), (22, 50), 20.0, MUSCLE),
        ((-126, 30), (22, 50), -20.0, MUSCLE),
    ]
    for middle, semi_axes, turn, hu in muscle:
        scene.cylinder(middle, semi_axes, hu, turn)
    # Fat planes between the layers of the wall.
    for outer, inner in (((150.2, 96.6), (149.3, 95.9)), ((145.4, 93.0), (144.8, 92.5))):
        scene.cylinder((0, BODY_CENTRE_Y), outer, -40)
        scene.cylinder((0, BODY_CENTRE_Y), inner, MUSCLE)
    for side in (-1, 1):
        scene.cylinder((side * 135, 38), (1.0, 42), FAT, side * 20.0)
        scene.cylinder((side * 33, -95.0), (29, 7.0), MUSCLE - 4, side * 7.0)
        scene.cylinder((side * 31, 86), (27, 18.5), MUSCLE, side * 12.0)
        scene.cylinder((side * 58, 84), (17, 12.5), MUSCLE - 6, side * 24.0)
        scene.cylinder((side * 46, 88), (0.9, 12), FAT + 30, side * 14.0)
        # Fat streaks in the back muscles and a thin latissimus behind them.
        scene.speckle(rng, 420, (side * 36, 86, 0), (34, 15, 75), (1.0, 3.2), (-70, -25), (1.0, 0.24, 3.0))
        scene.speckle(rng, 120, (side * 128, 34, 0), (20, 44, 75), (1.2, 3.5), (-60, -20), (0.25, 1.0, 3.0), turn=side * 14)
    scene.cylinder((0, -98.5), (2.2, 6.0), FAT)
    scene.cylinder((0, BODY_CENTRE_Y), (138, 88), FAT)
    scene.speckle(rng, 700, (0, 0, -30), (120, 70, 60), (3.0, 8.0), (-9, 9))
    return scene.clip_cylinder((0, BODY_CENTRE_Y), (137.6, 87.6))


def _mediastinum(scene: Scene) -> None:
    scene.ellipsoid((10, -30, 60), (46, 66, 95), FAT + 4)
    scene.ellipsoid((4, 40, 60), (30, 34, 150), FAT + 4)


def _liver(scene: Scene, rng: np.random.Generator, cavity: int) -> None:
    parts = [
        ((-66, 2, -40), (80, 82, 64), 6.0),
        ((-86, -14, -66), (58, 66, 72), -12.0),
        ((-40, -44, -28), (66, 38, 44), -8.0),
        ((14, -54, -22), (62, 27, 36), 12.0),
        ((-20, 10, -22), (18, 15, 26), 20.0),
    ]
    for centre, semi, turn in parts:
        scene.ellipsoid(centre, semi, LIVER, turn, cavity)
    region = ((-66, 0, -38), (64, 62, 54))
    inside = scene.clip_ellipsoid((-64, -4, -40), (74, 72, 58))
    scene.speckle(rng, 4200, *region, (1.5, 4.5), (-4, 4))
    scene.speckle(rng, 500, (8, -54, -22), (40, 18, 26), (2.0, 5.0), (-5, 5))
    # Ligament fissure and porta with fat.
    scene.ellipsoid((-12, -44, -38), (2.4, 17, 24), FAT + 40, 20)
    scene.ellipsoid((-26, -6, -48), (15, 5, 12), FAT + 30, -25)
    # Portal tree from the porta, hepatic veins towards the vena cava.
    _tree(scene, rng, np.array([-24.0, -4, -44]), np.array([-1.0, -0.1, 0.1]), 6.2, 32, 6, BLOOD + 6, inside)
    _tree(scene, rng, np.array([-26.0, -8, -42]), np.array([-0.3, -0.9, 0.5]), 4.6, 28, 5, BLOOD + 6, inside)
    _tree(scene, rng, np.array([-26.0, 2, -42]), np.array([-0.7, 0.6, -0.4]), 4.6, 28, 5, BLOOD + 6, inside)
    for direction in ((-0.9, 0.35, -0.35), (-0.75, -0.6, -0.3), (-0.2, -0.95, -0.3)):
        _tree(scene, rng, np.array([-24.0, 20, 6]), np.array(direction), 5.2, 38, 5, BLOOD - 4, inside)
    for lesion, radius, hu in LIVER_LESIONS:
        scene.ellipsoid(lesion, (radius, radius, radius), hu)
    # Peripheral nodular enhancement of the last one.
    x, y, z = LIVER_LESIONS[-1][0]
    for angle in range(0, 360, 72):
        a = np.radians(angle)
        scene.ellipsoid((x + 5.2 * np.cos(a), y + 5.2 * np.sin(a), z), (1.9, 1.5, 3.0), 175, angle)
    # Gallbladder with a thin wall.
    scene.ellipsoid((-46, -52, -56), (15, 19, 24), 70, 25)
    scene.ellipsoid((-46, -52, -56), (13.6, 17.6, 22.6), 9, 25)


def _tree(
    scene: Scene,
    rng: np.random.Generator,
    start: np.ndarray,
    direction: np.ndarray,
    radius: float,
    length: float,
    generations: int,
    hu: float,
    clip: int,
) -> None:
    """A vessel that bends, tapers and forks; Murray's law gives the children's radii."""
    path, direction = wandering_path(rng, start, direction, length, 4, 0.16)
    end = radius * 0.84
    scene.tube(path, np.linspace(radius, end, 5), hu, clip)
    if generations <= 1 or end < 0.6:
        return
    for part, child in fork(rng, direction, 0.35, 0.75, 0.15):
        _tree(scene, rng, path[-1], child, end * part ** (1 / 3) * 0.93, length * rng.uniform(0.7, 0.9), generations - 1, hu, clip)


def _spleen_and_stomach(scene: Scene, rng: np.random.Generator, cavity: int) -> None:
    scene.ellipsoid((112, 34, -26), (27, 47, 46), SPLEEN, 22, cavity)
    scene.ellipsoid((100, 52, -34), (34, 27, 40), SPLEEN, 10, cavity)
    scene.speckle(rng, 500, (110, 38, -28), (18, 30, 34), (2.0, 5.0), (-5, 5))
    # Stomach: rugal wall, fluid, gas in front (the patient lies on the back).
    scene.ellipsoid((66, -14, -38), (45, 43, 45), 82, 20)
    scene.ellipsoid((40, -38, -56), (40, 26, 26), 82, -12)
    scene.ellipsoid((66, -14, -38), (40.5, 38.5, 40.5), 18, 20)
    scene.ellipsoid((40, -38, -56), (35.5, 21.5, 21.5), 18, -12)
    for _ in range(70):
        # Rugal folds: patches of wall that lean into the lumen.
        u = rng.normal(size=3)
        u /= np.linalg.norm(u)
        place = np.array([66, -14, -38]) + rotation(20) @ (u * 40.5)
        semi = (rng.uniform(2, 4), rng.uniform(4, 9), rng.uniform(4, 12))
        scene.ellipsoid(tuple(place), semi, 76, np.degrees(np.arctan2(u[1], u[0])) + 20)
    scene.speckle(rng, 240, (62, 4, -42), (26, 16, 26), (1.5, 4.0), (-12, 26))
    # A huge circle whose rim is the fluid level.
    level = scene.clip_cylinder((0, -4031.0), (4000, 4000))
    scene.ellipsoid((66, -14, -38), (39.5, 37.5, 39.5), -985, 20, level)
    scene.ellipsoid((40, -38, -56), (35, 21, 21), -985, -12, level)


def _heart(scene: Scene, rng: np.random.Generator) -> None:
    scene.ellipsoid((24, -38, 54), (62, 48, 56), FAT + 8, 20)
    scene.ellipsoid((25, -38, 55), (58, 44, 53), 50, 20)
    scene.ellipsoid((25, -38, 55), (57.2, 43.2, 52.2), FAT + 12, 20)
    muscle, blood = 112.0, BLOOD + 6
    scene.ellipsoid((-20, -30, 54), (25, 29, 36), blood - 4, 10)
    scene.ellipsoid((6, -56, 46), (40, 25, 38), muscle - 10, 24)
    scene.ellipsoid((6, -57, 47), (36.5, 21, 35), blood, 24)
    scene.ellipsoid((12, -6, 64), (32, 20, 26), blood, 12)
    scene.ellipsoid((42, -34, 42), (41, 30, 45), muscle, 38)
    scene.ellipsoid((39, -32, 45), (29, 18.5, 36), blood + 4, 38)
    for x, y, z, r in ((50, -30, 36, 5.0), (40, -45, 34, 4.2), (33, -18, 30, 4.0), (54, -40, 30, 4.6)):
        scene.ellipsoid((x, y, z), (r, r * 0.8, 13), muscle)
    for _ in range(26):
        a = rng.uniform(0, 2 * np.pi)
        scene.ellipsoid(
            (39 + 26 * np.cos(a), -32 + 17 * np.sin(a), rng.uniform(15, 72)), (3.5, 1.6, 6), muscle, rng.uniform(0, 180)
        )
    # Grooves with coronary vessels; one calcified.
    for points, radius in (
        ([(-2, -66, 84), (8, -72, 60), (20, -72, 36), (36, -64, 14)], 1.4),
        ([(-12, -50, 80), (-20, -56, 60), (-14, -60, 40), (-2, -60, 20)], 1.5),
        ([(40, -2, 70), (58, -8, 56), (66, -14, 38)], 1.3),
    ):
        scene.tube(np.array(points, float), radius * 2.1, FAT + 30)
        scene.tube(np.array(points, float), radius, blood + 20)
    scene.ellipsoid((15, -72, 46), (2.4, 1.2, 3.6), 620, 20)


def _retroperitoneum(scene: Scene, rng: np.random.Generator) -> None:
    for side, x, y, z in ((-1, -60, 50, -74), (1, 60, 48, -62)):
        turn = side * 22
        scene.ellipsoid((x, y, z), (38, 36, 62), FAT + 2, turn)
        scene.ellipsoid((x, y, z), (28, 25, 54), 186, turn)
        frame = rotation(turn)
        for level in np.arange(-40, 41, 13):
            for angle in range(0, 360, 60):
                a = np.radians(angle + level * 2)
                offset = frame @ np.array([14.5 * np.cos(a), 12 * np.sin(a), level + rng.normal(0, 1)])
                scene.ellipsoid(tuple(np.array([x, y, z]) + offset), (5.6, 4.6, 5.4), 140 + rng.normal(0, 4), np.degrees(a) + turn)
        scene.ellipsoid(tuple(np.array([x, y, z]) + frame @ np.array([-side * 10, -2, 0])), (17, 9, 32), FAT + 18, turn)
        scene.ellipsoid(tuple(np.array([x, y, z]) + frame @ np.array([-side * 9, 0, 0])), (6, 4.5, 24), 12, turn)
        scene.tube(
            np.array([(x - side * 12, y - 8, z + 4), (x - side * 28, y - 16, z + 6), (side * 20, 28, z + 8)], float), 4.0, BLOOD
        )
        # Adrenal: three thin limbs.
        for dx, dy in ((-7, 10), (7, 12), (0, -6)):
            course = [(side * 34, 36, -22), (side * 34 + dx, 36 + dy, -30), (side * 34 + dx * 1.4, 36 + dy * 1.4, -40)]
            scene.tube(np.array(course, float), 2.1, 66)
        # Psoas and crus.
        scene.ellipsoid((side * 33, 64, -95), (15, 14, 62), MUSCLE, side * 10)
        scene.ellipsoid((side * 9 + 4, 35, -30), (4.5, 15, 62), MUSCLE + 4, side * -28)
    # Pancreas: lobulated, along the splenic vein.
    gland = np.array([(82, 30, -30), (52, 14, -40), (24, 0, -47), (-4, -6, -54), (-22, 4, -64)], float)
    scene.tube(gland + np.array([0, 9, 0.0]), 4.2, BLOOD + 4)
    scene.tube(gland, np.array([8, 9.5, 10, 11, 13.0]), 98)
    for _ in range(260):
        t = rng.uniform(0, 4)
        i = min(int(t), 3)
        base = gland[i] + (gland[i + 1] - gland[i]) * (t - i)
        place = base + rng.normal(0, 6.0, 3)
        scene.texture.add(place, np.diag(1.0 / np.square(rng.uniform(0.9, 3.0, 3))), rng.uniform(-75, -20), -1, (-1e9, 1e9))


def _bowel(scene: Scene, rng: np.random.Generator) -> None:
    # Transverse colon and splenic flexure: haustra, gas above, stool below.
    course = [
        *[(-72, -62, -62), (-48, -66, -60), (-24, -70, -62), (0, -71, -64), (26, -68, -62), (50, -64, -58)],
        *[(104, -40, -56), (114, -18, -50), (108, -2, -44)],
    ]
    level = scene.clip_cylinder((0, -4062.0), (4000, 4000))
    side_level = scene.clip_cylinder((0, -4022.0), (4000, 4000))
    dense = np.linspace(0, len(course) - 1, 60)
    path = np.column_stack([np.interp(dense, range(len(course)), np.array(course, float)[:, k]) for k in range(3)])
    haustra = 13.5 + 2.4 * np.sin(dense * 5.2) * np.abs(np.sin(dense * 2.6)) + rng.normal(0, 0.3, 60)
    scene.tube(path, haustra, 70)
    scene.tube(path, haustra - 1.9, 24)
    left = path[:, 0] > 78
    scene.tube(path[~left], haustra[~left] - 2.1, -975, level)
    scene.tube(path[left], haustra[left] - 2.1, -975, side_level)
    for x, y, z in path[::2]:
        scene.speckle(rng, 14, (x, y + 4, z), (10, 6, 9), (0.8, 2.2), (-200, 60))
    # Jejunum: wall, folds, fluid.
    for _ in range(16):
        place = np.array([rng.uniform(20, 100), rng.uniform(-48, 12), rng.uniform(-92, -76)])
        turn = rng.uniform(0, 180)
        semi = np.array([rng.uniform(13, 19), rng.uniform(9, 12), rng.uniform(12, 16)])
        scene.ellipsoid(tuple(place), tuple(semi), 108, turn)
        scene.ellipsoid(tuple(place), tuple(semi - 2.6), 30, turn)


def _omentum(scene: Scene, rng: np.random.Generator) -> None:
    """Fine vessels in the abdominal fat; the organs are painted over them."""
    for _ in range(260):
        start = np.array([rng.uniform(-110, 120), rng.uniform(-76, 50), rng.uniform(-74, 0)])
        if (start[0] / 128) ** 2 + (start[1] / 78) ** 2 > 0.9:
            continue
        direction = rng.normal(size=3)
        points = start + np.outer(np.linspace(0, rng.uniform(8, 24), 4), direction / np.linalg.norm(direction))
        points += rng.normal(0, 1.0, points.shape)
        scene.tube(points, rng.uniform(0.7, 1.5), 85)


def _great_vessels(scene: Scene) -> None:
    aorta = np.array([(20, 34, 90), (18, 36, 50), (14, 37, 0), (9, 38, -50), (6, 38, -90)], float)
    scene.tube(aorta, 13.6, 60)
    scene.tube(aorta, 12.6, BLOOD + 8)
    for x, y, z in ((28.5, 41, 22), (6, 47, -12), (19, 29, -42)):
        scene.ellipsoid((x, y, z), (1.4, 2.6, 3.0), 680, 40)
    cava = np.array([(-20, -4, 70), (-22, 8, 34), (-24, 18, 8), (-22, 22, -30), (-20, 24, -90)], float)
    scene.tube(cava, np.array([13, 13, 13.5, 12, 11.5]), BLOOD - 6)
    gullet = np.array([(4, 14, 90), (5, 16, 50), (14, 10, 18), (32, 0, 2), (48, -6, -14)], float)
    scene.tube(gullet, 8.0, 62)
    scene.tube(gullet[:3] + np.array([1.0, 0, 0]), 1.9, -700)
    scene.tube(np.array([(-5, 44, 90), (-4, 45, 0), (-3, 46, -40)], float), 3.2, BLOOD - 12)
    # Coeliac trunk, superior mesenteric artery, splenic vein's end, portal vein.
    scene.tube(np.array([(8, 26, -30), (6, 14, -29), (-6, 6, -32)], float), 3.4, BLOOD + 8)
    scene.tube(np.array([(7, 26, -44), (5, 15, -50), (4, 9, -70), (3, 8, -90)], float), 3.6, BLOOD + 8)
    scene.tube(np.array([(2, 6, -52), (-10, 4, -48), (-24, -4, -44)], float), 6.6, BLOOD + 6)
