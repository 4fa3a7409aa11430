"""Model observers on signals and noise whose detectability is known."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from iscl.evaluation import EvaluationError
from iscl.evaluation import detectability as lcd

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "phantom" / "sim-lcd-ct" / "fbp"


def white_phantom(sd, count=40, seed=1):
    rng = np.random.default_rng(seed)
    shape = (256, 256)
    signal = sum(lcd.insert_signal(i, i.angle, shape) for i in lcd.INSERTS)
    absent = rng.normal(0, sd, (count, *shape)).astype(np.float32)
    present = (rng.normal(0, sd, (count, *shape)) + signal).astype(np.float32)
    return {100: (present, absent)}


def test_white_noise_gives_the_signal_energy_over_the_noise():
    figures, _ = lcd.detectability(lambda hu: hu, white_phantom(30.0))
    for insert in lcd.INSERTS:
        energy = np.sqrt((lcd.insert_signal(insert, insert.angle, (256, 256)) ** 2).sum()) / 30.0
        seen = figures[100]["inserts"][insert.name]
        # In white noise the matched filter is ideal; the channels lose a little of a disc's sharp edge.
        assert seen["npw"] == pytest.approx(energy, rel=0.12)
        assert 0.85 * energy < seen["cho"] < 1.1 * energy


def test_auc_follows_the_dprime():
    strong, _ = lcd.detectability(lambda hu: hu, white_phantom(12.0))
    weak, _ = lcd.detectability(lambda hu: hu, white_phantom(400.0))
    assert strong[100]["auc"] > 0.95
    assert weak[100]["auc"] == pytest.approx(0.5, abs=0.12)


def test_a_scale_leaves_detectability_alone_and_erased_contrast_loses_it():
    phantom = white_phantom(30.0, count=12)
    _, reference = lcd.detectability(lambda hu: hu, phantom)
    scaled, _ = lcd.detectability(lambda hu: 0.25 * hu, phantom, reference, resamples=20)
    assert scaled[100]["cho_ratio"] == pytest.approx(1, abs=1e-3)
    assert scaled[100]["npw_ratio"] == pytest.approx(1, abs=1e-3)

    # Keeps the noise's fine part and halves everything coarse, which is where the inserts are.
    def erase(hu):
        return hu - 0.5 * ndimage.gaussian_filter(hu, 1.0) - 0.4 * ndimage.median_filter(hu, 7)

    erased, _ = lcd.detectability(erase, phantom, reference, resamples=20)
    assert erased[100]["npw_ratio"] < 0.9


def test_a_matched_blur_helps_the_observer_that_cannot_prewhiten():
    phantom = {100: white_phantom(30.0, count=12)[100]}
    f = np.fft.fftfreq(256)
    high_pass = np.hypot(f[:, None], f[None, :]) + 0.02
    blue = {k: tuple(np.fft.ifft2(np.fft.fft2(v) * high_pass).real.astype(np.float32) for v in pair)
            for k, pair in phantom.items()}
    _, reference = lcd.detectability(lambda hu: hu, blue)
    figures, _ = lcd.detectability(lambda hu: ndimage.gaussian_filter(hu, 1.5), blue, reference, resamples=20)
    assert figures[100]["npw_ratio"] > 1.2
    assert figures[100]["cho_ratio"] == pytest.approx(1, abs=0.15)


def test_bootstrap_interval_holds_the_estimate():
    phantom = white_phantom(30.0, count=12)
    _, reference = lcd.detectability(lambda hu: hu, phantom)
    seen = lcd.detectability(lambda hu: ndimage.median_filter(hu, 3), phantom, reference, resamples=100)[0][100]
    assert seen["cho_ratio_low"] < seen["cho_ratio"] < seen["cho_ratio_high"]


def test_area_under_curve_counts_pairs():
    assert lcd.area_under_curve(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert lcd.area_under_curve(np.array([1.0]), np.array([0.0, 1.0, 2.0, 3.0])) == pytest.approx(1.5 / 4)


@pytest.mark.parametrize("count", [5, 10])
def test_few_images_do_not_raise_the_dprime(count):
    insert, rng, sd = lcd.INSERTS[2], np.random.default_rng(2), 30.0
    signal = 3 * lcd.region(lcd.insert_signal(insert, insert.angle, (256, 256)), insert.angle).ravel()
    channels = lcd.laguerre_gauss_channels(1.5 * insert.diameter_px + 4.0, insert.angle)
    seen = channels @ signal
    true_cho = seen @ np.linalg.solve(sd**2 * channels @ channels.T, seen)
    true_npw = signal @ signal / sd**2
    cho, npw = [], []
    for _ in range(60):
        absent = rng.normal(0, sd, (count, len(lcd.RING_ANGLES), signal.size))
        figures = lcd.InsertSamples.measure(insert, np.tile(signal, (count, 1)), absent, absent[:, 0] + signal).observe()
        cho.append(figures["cho"] ** 2)
        npw.append(figures["npw"] ** -2)
    # Without the correction: d'^2 of the CHO 1.57 and 1.17 times too large, that of the NPW 1.26 and 1.09 times.
    assert np.mean(cho) == pytest.approx(true_cho, rel=0.08)
    assert 1 / np.mean(npw) == pytest.approx(true_npw, rel=0.06)


def test_hotelling_matches_a_hand_computed_case():
    # Two independent channels of variance 1 and 4: d'^2 = 1/1 + 4/4.
    absent = np.array([[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]]) * np.sqrt(3 / 4)
    dprime, template = lcd.hotelling(np.array([1.0, 2.0]), absent)
    assert dprime == pytest.approx(np.sqrt(2))
    assert template == pytest.approx([1.0, 0.5])


@pytest.mark.parametrize("big", [False, True])
def test_mhd_lists_are_read_in_both_byte_orders(tmp_path, big):
    values = np.arange(2 * 6).reshape(2, 2, 3)
    for n, image in enumerate(values, start=1):
        image.astype(">i2" if big else "<i2").tofile(tmp_path / f"s_{n:03d}.raw")
    (tmp_path / "s.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 3 2 2\nElementType = MET_SHORT\n"
        f"ElementByteOrderMSB = {big}\nElementDataFile = s_%03d.raw 1 2 1"
    )
    np.testing.assert_array_equal(lcd.read_mhd(tmp_path / "s.mhd"), values - 1000.0)


def test_mhd_faults_are_named(tmp_path):
    with pytest.raises(EvaluationError, match="does not exist"):
        lcd.read_mhd(tmp_path / "none.mhd")
    (tmp_path / "s.mhd").write_text("DimSize = 3 2\nElementType = MET_FLOAT\nElementDataFile = s.raw")
    with pytest.raises(EvaluationError, match="MET_FLOAT"):
        lcd.read_mhd(tmp_path / "s.mhd")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the MITA-LCD phantom in ../shared/data")
def test_real_phantom_detectability_grows_with_dose_and_survives_a_linear_blur():
    phantom = {dose: lcd.load_phantom(SHARED, dose) for dose in lcd.DOSES}
    assert abs(float(np.mean(phantom[100][1][:, 118:138, 118:138]))) < 3
    figures, reference = lcd.detectability(lambda hu: hu, phantom)
    assert figures[10]["cho"] < figures[55]["cho"] < figures[100]["cho"]
    # Noise falls as 1/sqrt(dose), so d' rises as sqrt(dose).
    assert figures[100]["cho"] / figures[10]["cho"] == pytest.approx(np.sqrt(10), rel=0.2)
    blurred, _ = lcd.detectability(lambda hu: ndimage.gaussian_filter(hu, 1.0), phantom, reference, resamples=20)
    for dose in lcd.DOSES:
        assert blurred[dose]["cho_ratio"] == pytest.approx(1, abs=0.03)
