"""The phantom: exact sections and line integrals, anatomy, scan noise, DICOM, the committed demo study."""

from __future__ import annotations

import argparse
import hashlib
import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iscl.data import measure_noise, read_series
from iscl.phantom import (
    LIVER_LESIONS,
    Protocol,
    Scene,
    chest_abdomen,
    command,
    plane_integrals,
    plane_raster,
    scan_slice,
    truth_slice,
)
from iscl.phantom.scene import rotation, sections
from iscl.phantom.write import instance, series_plan, write_instance
from iscl.simulate import Exposure, FanBeam, Kernel, mu_water

DEMO = Path(__file__).resolve().parents[2] / "server" / "demo"
FAN = FanBeam(detectors=184, detector_pitch=5.1432, views=180, oversampling=2)
SMALL = replace(
    Protocol(), size=96, field_mm=400.0, slices=4, subslices=1, fan=FAN, kernel=Kernel("hann", 1.2),
    exposure=Exposure(photons=1e6, electronic_variance=10.0, bowtie=0.0, modulation=0.0),
)  # fmt: skip
MU = mu_water(120)


def mixed_scene() -> Scene:
    """Overlaps, nesting, a clip and additive texture."""
    scene = Scene()
    scene.cylinder((0, 0), (120, 80), 0.0)
    cavity = scene.clip_cylinder((0, 0), (110, 70))
    scene.ellipsoid((-40, 5, 2), (90, 50, 40), 80.0, 25.0, cavity)
    scene.ellipsoid((30, -10, 0), (40, 30, 30), -850.0, rotation(20, 30, 10))
    scene.tube(np.array([(-80, -20, -10), (0, 0, 0), (60, 30, 12)], float), np.array([9.0, 6.0, 3.0]), 300.0)
    scene.cylinder((50, 30), (15, 12), 700.0, 30.0, z_range=(-3.0, 3.0))
    scene.texture.add(np.array([-50.0, 10.0, 0.0]), np.diag(1 / np.square([12.0, 8.0, 9.0])), 40.0, -1, (-1e9, 1e9))
    return scene


def density(scene: Scene, points: np.ndarray) -> np.ndarray:
    """mu at points [N, 3] straight from the definition, shape by shape in three dimensions."""

    def inside(quadrics, k):
        offset = points - quadrics.centre[k]
        low, high = quadrics.z_range[k]
        value = np.einsum("ni,ij,nj->n", offset, quadrics.matrix[k], offset)
        return (value <= 1) & (points[:, 2] >= low) & (points[:, 2] <= high)

    hu = np.full(len(points), -1000.0)
    for k in range(len(scene.painted.value)):
        hit = inside(scene.painted, k)
        if scene.painted.clip[k] >= 0:
            hit &= inside(scene.clips, scene.painted.clip[k])
        hu[hit] = scene.painted.value[k]
    for k in range(len(scene.texture.value)):
        hu[inside(scene.texture, k)] += scene.texture.value[k]
    return MU * (1 + hu / 1000)


def test_sections_lie_on_the_quadric():
    scene = Scene()
    turn = rotation(30, 40, 20)
    scene.ellipsoid((5, -8, 3), (30, 20, 12), 0.0, turn)
    for z in (-4.0, 3.0, 9.0):
        (table,), _ = sections(scene.painted, z)
        cx, cy, a11, a12, a22, _ = table
        for angle in np.linspace(0, 2 * np.pi, 9):
            d = np.array([np.cos(angle), np.sin(angle)])
            d /= math.sqrt(a11 * d[0] ** 2 + 2 * a12 * d[0] * d[1] + a22 * d[1] ** 2)
            offset = np.array([cx + d[0], cy + d[1], z]) - scene.painted.centre[0]
            assert offset @ scene.painted.matrix[0] @ offset == pytest.approx(1.0, abs=1e-9)
    assert len(sections(scene.painted, 60.0)[0]) == 0


def test_projection_agrees_with_numeric_integration():
    scene, z = mixed_scene(), 1.0
    p = plane_integrals(scene, z, FAN, MU)
    t = np.arange(300, 900, 0.1)
    for view in (0, 23, 71, 134):
        beta = 2 * math.pi * view / FAN.views
        for channel in (110, 150, 184, 222, 260):
            ray = beta + math.pi + (channel - (FAN.channels - 1) / 2) * FAN.channel_angle
            x = FAN.source_to_isocentre * math.cos(beta) + t * math.cos(ray)
            y = FAN.source_to_isocentre * math.sin(beta) + t * math.sin(ray)
            # The projector's y points up, the patient's down.
            numeric = density(scene, np.column_stack([x, -y, np.full_like(t, z)])).sum() * 0.1
            assert p[view, channel] == pytest.approx(numeric, abs=0.006)


def test_raster_agrees_with_the_definition():
    scene, z, size, pixel = mixed_scene(), 1.0, 64, 4.0
    axis = (np.arange(size) - (size - 1) / 2) * pixel
    x, y = np.meshgrid(axis, axis)
    expected = (density(scene, np.column_stack([x.ravel(), y.ravel(), np.full(x.size, z)])) / MU - 1) * 1000
    np.testing.assert_allclose(plane_raster(scene, z, size, pixel, 1), expected.reshape(size, size), atol=0.01)


@pytest.fixture(scope="module")
def anatomy() -> Scene:
    return chest_abdomen(1)


def test_anatomy_has_its_tissues_in_place(anatomy):
    def at(x, y, z, half=3):
        image = plane_raster(anatomy, z, 400, 1.0, 1)
        row, column = int(y + 199.5), int(x + 199.5)
        return float(np.median(image[row - half : row + half, column - half : column + half]))

    assert at(-75, 10, -15) == pytest.approx(108, abs=8)
    assert at(18, 36, 50) == pytest.approx(160, abs=10)
    assert at(-90, 40, 40) == pytest.approx(-858, abs=40)
    assert at(0, -107, 10, 1) == pytest.approx(-104, abs=20)
    assert at(0, 58, 8) == pytest.approx(205, abs=45)
    assert at(66, -45, -38) == pytest.approx(-985, abs=5)
    for (x, y, z), radius, hu in LIVER_LESIONS:
        # Soft texture adds up to some 15 HU; the contrast of the weakest lesions is of that order, as in a patient.
        assert at(x, y, z, max(1, int(radius / 3))) == pytest.approx(hu, abs=15)


def test_noise_of_the_scan_follows_the_dose_and_the_mean_stays():
    scene = Scene()
    scene.cylinder((0, 0), (110, 110), 40.0)
    images = np.stack([scan_slice(scene, i, [1.0, 0.25], SMALL, seed=3) for i in range(4)])
    axis = (np.arange(96) - 47.5) * SMALL.pixel_mm
    inside = np.hypot(axis[:, None], axis[None]) < 60
    assert images[:, 0][:, inside].mean() == pytest.approx(40.0, abs=1.0)
    noise = images[:, 1:] - images[:, :1]
    full, quarter = noise[:, 0][:, inside], noise[:, 1][:, inside]
    assert quarter.std() / full.std() == pytest.approx(2.0, rel=0.05)
    # The logarithm of counts is biased by 1 / (2 N): far below the noise with these photons.
    assert abs(quarter.mean()) < 0.5 and abs(full.mean()) < 0.5
    again = scan_slice(scene, 0, [1.0, 0.25], SMALL, seed=3)
    np.testing.assert_array_equal(images[0], again)
    assert not np.array_equal(scan_slice(scene, 0, [1.0, 0.25], SMALL, seed=4)[1], again[1])
    truth = truth_slice(scene, 0, SMALL)
    assert truth[48, 48] == 40.0 and truth[0, 0] == -1000.0


def small_series(folder: Path, dose: float) -> Path:
    scene = mixed_scene()
    for index in range(SMALL.slices):
        image = scan_slice(scene, index, [dose], SMALL, 1)[1]
        write_instance(instance(image, index, series_plan(dose), SMALL, 1), folder)
    return folder


def test_dicom_is_valid_synthetic_and_deterministic(tmp_path):
    first, second = small_series(tmp_path / "a", 0.25), small_series(tmp_path / "b", 0.25)
    digests = [[hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(f.iterdir())] for f in (first, second)]
    assert digests[0] == digests[1] and len(set(digests[0])) == SMALL.slices
    series = read_series(first)
    assert series.patient.startswith("ISCL-PHANTOM")
    assert np.diff([s.position for s in series.slices]) == pytest.approx([3.0] * 3)
    # Stored as rounded HU.
    image = scan_slice(mixed_scene(), 3, [0.25], SMALL, 1)[1]
    middle = (slice(35, 60), slice(30, 70))
    np.testing.assert_array_equal(series.slices[0].hu[middle], np.clip(np.rint(image), -1024, 3071)[middle])


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dciodvfy_has_no_error(tmp_path):
    for dose in (1.0, 0.25):
        for path in small_series(tmp_path / str(dose), dose).iterdir():
            report = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
            assert "Error" not in report.stdout + report.stderr, report.stderr


def command_line(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["phantom", *arguments])
    return args.func(args)


def test_command_refuses_an_impossible_dose_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "chest_abdomen", lambda seed: pytest.fail("built the scene first"))
    with pytest.raises(ValueError, match="dose fractions"):
        command_line("--out", str(tmp_path), "--doses", "0", "1")


def test_command_writes_a_test_set_with_exact_truth(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "chest_abdomen", lambda seed: mixed_scene())
    monkeypatch.setattr(command, "Protocol", lambda: SMALL)
    monkeypatch.setattr(command, "_shared", {})
    assert command_line("--out", str(tmp_path), "--test-set", "--size", "96", "--slices", "2", "--doses", "0.5", "0.1") == 0
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) == 2
    with np.load(files[0]) as data:
        assert data["truth"].shape == data["noiseless"].shape == (96, 96) and data["noisy"].shape == (2, 96, 96)
        error = data["noisy"] - data["noiseless"]
        assert error[1].std() > 1.5 * error[0].std()
        np.testing.assert_array_equal(data["truth"], truth_slice(mixed_scene(), 0, replace(SMALL, slices=2)))


def test_committed_demo_study():
    full, quarter = read_series(DEMO / "full"), read_series(DEMO / "quarter")
    assert sum(p.stat().st_size for p in DEMO.rglob("*") if p.is_file()) <= 12e6
    assert len(full.slices) == len(quarter.slices) == 40
    assert full.slices[0].study_uid == quarter.slices[0].study_uid and full.series_uid != quarter.series_uid
    assert [s.position for s in full.slices] == [s.position for s in quarter.slices]
    # Quarter dose is twice the noise, in the liver 9 to 13 HU at full dose.
    liver = (slice(235, 275), slice(150, 190))
    difference = np.stack([(a.hu - b.hu)[liver] for a, b in zip(full.slices[5:14], quarter.slices[5:14], strict=True)])
    assert abs(difference.mean()) < 0.5
    noise = [np.median([measure_noise(s.hu) for s in series.slices[5:14]]) for series in (full, quarter)]
    assert noise[1] / noise[0] == pytest.approx(2.0, rel=0.15)
    assert 8.0 < noise[0] < 13.0


@pytest.mark.parametrize("arguments", [["--out", "o", "--slices", "0"], ["--out", "o", "--spacing", "0"], ["--demo", "d", "--test-set"]])
def test_command_refuses_settings_it_cannot_honour(arguments, tmp_path, monkeypatch, capsys):
    from iscl.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["phantom", *arguments]) == 2
    assert "--" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
