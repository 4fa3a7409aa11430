"""`score` and the case loader, on synthetic slices."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from iscl.evaluation import EvaluationError, load_cases, score
from iscl.evaluation.metrics import ABDOMEN, CHEST, psnr
from iscl.evaluation.score import own_kernel_figures, transfer_figures
from iscl.simulate import FanBeam


def write_pair(folder, name, patient, split, seed, kinds=2, lung=False):
    """A body of soft tissue with a fat rim, a bone and (lung=True) a lung, and `kinds` fields of coloured noise."""
    rng = np.random.default_rng(seed)
    size = 192
    y, x = np.mgrid[:size, :size] - size / 2
    radius = np.hypot(y, x)
    hu = np.where(radius < 85, -100.0, -1000.0)
    hu[radius < 65] = 45.0
    hu[np.hypot(y - 40, x) < 12] = 600.0
    if lung:
        hu[np.hypot(y + 20, x) < 40] = -800.0
    noise = np.stack([ndimage.gaussian_filter(rng.normal(0, 60, (size, size)), 0.5 + 0.3 * k) for k in range(kinds)])
    np.savez(
        folder / f"{name}.npz",
        hu=hu.astype(np.int16),
        noise=noise.astype(np.float16),
        cutoff=np.linspace(0.6, 1.5, kinds),
        body=radius < 85,
        spacing=0.7,
        kernel="B30f",
        series=name,
        patient=patient,
        split=split,
        noise_sd=8.0,
    )


@pytest.fixture()
def pairs(tmp_path):
    write_pair(tmp_path, "a1", "A", "validation", 1)
    write_pair(tmp_path, "a2", "A", "validation", 2)
    write_pair(tmp_path, "b1", "B", "validation", 3, lung=True)
    write_pair(tmp_path, "c1", "C", "test", 4)
    return tmp_path


def test_cases_keep_to_their_split_and_take_patients_in_turn(pairs):
    assert [c.name for c in load_cases(pairs, "validation")] == ["a1", "b1", "a2"]
    assert [c.patient for c in load_cases(pairs, "validation", maximum=2)] == ["A", "B"]
    assert [c.name for c in load_cases(pairs, "test")] == ["c1"]
    with pytest.raises(EvaluationError, match="no pairs of split 'train'"):
        load_cases(pairs, "train")


def test_cases_choose_the_window_by_lung(pairs):
    windows = {c.name: c.window for c in load_cases(pairs, "validation")}
    assert windows["a1"] is ABDOMEN and windows["b1"] is CHEST


def test_identity_changes_nothing(pairs):
    result = score(lambda hu: hu, load_cases(pairs, "validation"))
    assert result["psnr_gain"] == 0 and result["ssim_gain"] == 0
    assert result["noise_cut"] == pytest.approx(0)
    assert result["nps_ratio"] == pytest.approx(1)
    assert result["mtf50_high_ratio"] == pytest.approx(1) and result["mtf50_low_ratio"] == pytest.approx(1)
    assert result["bias_worst"] == 0


def test_a_shift_is_reported_as_bias_in_every_tissue(pairs):
    cases = load_cases(pairs, "validation")
    bias = score(lambda hu: hu + 2, cases, transfer=False)["bias"]
    assert set(bias) == {"air", "lung", "fat", "soft", "bone"}
    assert list(bias.values()) == pytest.approx([2.0] * 5, abs=0.01)


def test_a_blur_cuts_noise_gains_psnr_and_pays_in_texture_and_sharpness(pairs):
    result = score(lambda hu: ndimage.gaussian_filter(hu, 0.8), load_cases(pairs, "validation"))
    assert result["noise_cut"] > 0.3
    assert result["nps_ratio"] < 0.9
    assert result["mtf50_high_ratio"] < 0.85 and result["mtf50_low_ratio"] < 0.85


def test_the_reference_itself_has_perfect_figures(pairs):
    cases = load_cases(pairs, "test")
    result = score(lambda _: cases[0].reference, cases, transfer=False)
    assert result["rmse"] == 0 and result["ssim"] == pytest.approx(1)
    # The noise's sample mean is all that is left of the bias.
    assert result["bias_worst"] < 1


def test_a_crop_keeps_the_middle_of_the_body(pairs):
    case = load_cases(pairs, "test")[0]
    part = case.crop(64)
    assert part.reference.shape == part.noisy.shape == part.body.shape == (64, 64)
    np.testing.assert_array_equal(part.reference, case.reference[64:128, 64:128])
    assert case.crop(1000).reference.shape == case.reference.shape


def test_bad_output_is_refused(pairs):
    cases = load_cases(pairs, "test")
    with pytest.raises(EvaluationError, match="NaN"):
        score(lambda hu: hu * np.nan, cases)
    with pytest.raises(EvaluationError, match="returned"):
        score(lambda hu: hu[:-1], cases)
    with pytest.raises(EvaluationError, match="no cases"):
        score(lambda hu: hu, [])


def test_own_kernel_transfer_is_that_of_disc_and_noise_of_field_0(pairs):
    cases = load_cases(pairs, "validation")
    with np.load(pairs / "a2.npz") as pair:
        # The case itself may have another field; its own is the first.
        np.testing.assert_array_equal(cases[2].own.field, pair["noise"][0].astype(np.float32))
    assert cases[2].own.kernel.cutoff == pytest.approx(0.6)
    np.testing.assert_array_equal(cases[2].crop(64).own.field, cases[2].own.field[64:128, 64:128])
    blur = 1.0
    figures = transfer_figures(lambda hu: ndimage.gaussian_filter(hu, blur), cases)
    # The kernel's hann window times the blur's Gaussian falls to one half here:
    frequency = np.linspace(0.0, 0.4, 4001)
    window = 0.5 * (1 + np.cos(np.pi * frequency / (0.6 * FanBeam().detector_nyquist)))
    expected = {}
    for name, transfer in (("_input", window), ("", window * np.exp(-2 * (np.pi * blur * 0.7 * frequency) ** 2))):
        expected[name] = float(frequency[np.argmax(transfer < 0.5)])
    for level in ("high", "low"):
        for name, value in expected.items():
            assert figures[f"mtf50_own_{level}{name}"] == pytest.approx(value, rel=0.02)
        assert figures[f"mtf50_own_{level}_ratio"] == pytest.approx(expected[""] / expected["_input"], rel=0.02)
        # The other disc is sharper, so that the same blur costs it more.
        assert figures[f"mtf50_{level}_ratio"] < figures[f"mtf50_own_{level}_ratio"] - 0.1


def test_own_kernel_figures_are_those_of_the_reference_in_noise_of_field_0(pairs):
    cases = load_cases(pairs, "validation")
    blur = lambda hu: ndimage.gaussian_filter(hu, 0.8)  # noqa: E731
    figures = own_kernel_figures(blur, cases)
    gains = []
    for case in cases:
        with np.load(pairs / f"{case.name}.npz") as pair:
            noisy = pair["hu"].astype(np.float32) + pair["noise"][0].astype(np.float32)
        gains.append(psnr(blur(noisy), case.reference, case.window) - psnr(noisy, case.reference, case.window))
    assert figures["psnr_gain_own"] == pytest.approx(np.mean(gains), abs=1e-4)
    # Field 0 is the finest: the blur takes more of it than of the fields in rotation.
    assert figures["noise_cut_own"] > score(blur, cases, transfer=False)["noise_cut"] > 0.3
    same = own_kernel_figures(lambda hu: hu, cases)
    assert (same["psnr_gain_own"], same["noise_cut_own"]) == (0, 0) and same["nps_ratio_own"] == pytest.approx(1)
    # A blur leaves coarse noise, at equal noise too; half of the noise is the same noise where it is only scaled down.
    assert figures["nps_ratio_own"] < figures["nps_ratio_own_equal"] < 1
    scaled = own_kernel_figures(lambda hu: 40 + 0.3 * (hu - 40), cases)
    assert scaled["nps_ratio_own_equal"] == pytest.approx(1)
    assert np.isnan(same["nps_ratio_own_equal"])
    assert same["anatomy_gain_own"] == pytest.approx(0, abs=0.3) and figures["anatomy_gain_own"] > 0.5
    unknown = own_kernel_figures(blur, [replace(case, own=None) for case in cases])
    assert all(np.isnan(value) for value in unknown.values())


def test_without_cases_there_is_no_transfer():
    assert all(np.isnan(value) for value in transfer_figures(lambda hu: hu, []).values())
