"""Metrics on cases with known answers."""

from functools import partial

import numpy as np
import pytest
from scipy import ndimage

from iscl.evaluation import metrics, mtf
from iscl.evaluation.metrics import ABDOMEN, CHEST
from iscl.evaluation.nps import noise_power_spectrum, pooled_spectrum
from iscl.simulate import FanBeam, Kernel


def test_windows_span_their_width():
    assert ABDOMEN.scale(np.array([-150.0, 50.0, 250.0])).tolist() == [0.0, 0.5, 1.0]
    assert CHEST.scale(np.array([-2000.0, -1350.0, -600.0, 150.0, 900.0])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_psnr_of_a_constant_offset_is_its_share_of_the_window():
    reference = np.full((32, 32), 40.0)
    # 40 HU of 400 is 0.1: 20 dB. A std/mean mix-up (+20.7 HU) would give another figure.
    assert metrics.psnr(reference + 40, reference, ABDOMEN) == pytest.approx(20.0)
    assert metrics.psnr(reference + 40, reference, CHEST) == pytest.approx(20 * np.log10(1500 / 40))
    assert metrics.psnr(reference, reference, ABDOMEN) == float("inf")


def test_psnr_ignores_what_the_window_hides():
    reference = np.full((32, 32), 500.0)
    assert metrics.psnr(reference + 300, reference, ABDOMEN) == float("inf")


def test_ssim_of_constant_images_matches_its_formula():
    reference, image = np.full((32, 32), -150.0 + 400 * 0.4), np.full((32, 32), -150.0 + 400 * 0.6)
    # Without variance only the luminance term is left: (2 ab + C1) / (a^2 + b^2 + C1), C1 = 0.01^2.
    expected = (2 * 0.4 * 0.6 + 1e-4) / (0.4**2 + 0.6**2 + 1e-4)
    assert metrics.ssim(image, reference, ABDOMEN) == pytest.approx(expected, abs=1e-6)
    assert metrics.ssim(reference, reference, ABDOMEN) == pytest.approx(1.0)


def test_rmse_is_in_hu_and_keeps_to_the_mask():
    reference = np.zeros((8, 8))
    image = reference.copy()
    image[:4] = 3.0
    image[4:] = -500.0
    mask = np.zeros((8, 8), bool)
    mask[:4] = True
    assert metrics.rmse(image, reference, mask) == pytest.approx(3.0)
    with pytest.raises(ValueError, match="empty"):
        metrics.rmse(image, reference, np.zeros((8, 8), bool))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.psnr(np.zeros((4, 4)), np.zeros((4, 5)), ABDOMEN)


def test_tissue_bias_finds_each_tissue_and_its_shift():
    values = {"air": -1000.0, "lung": -800.0, "fat": -100.0, "soft": 40.0, "liver": 110.0, "bone": 600.0}
    reference = np.concatenate([np.full((40, 60), v) for v in values.values()])
    body = np.ones_like(reference, bool)
    body[:40] = False
    shifts = dict(zip(values, (1.0, -2.0, 0.5, 3.0, -0.25, 7.0), strict=True))
    image = np.concatenate([np.full((40, 60), v + shifts[k]) for k, v in values.items()])
    bias = metrics.tissue_bias(image, reference, metrics.tissue_masks(reference, body))
    assert {k: v for k, (v, _) in bias.items()} == pytest.approx(shifts)


def test_tissue_masks_leave_edges_out_so_blur_is_no_bias():
    reference = np.full((64, 64), 40.0)
    reference[:, 32:] = -100.0
    blurred = ndimage.gaussian_filter(reference, 1.0)
    bias = metrics.tissue_bias(blurred, reference, metrics.tissue_masks(reference))
    assert abs(bias["soft"][0]) < 0.1 and abs(bias["fat"][0]) < 0.1


def test_noise_sd_survives_a_slope_but_not_a_smoothing():
    rng = np.random.default_rng(1)
    slope = np.linspace(-60, 60, 128)[None, :] * np.ones((128, 1))
    image = slope + rng.normal(0, 20, (128, 128))
    rois = [(r, c) for r in range(0, 128, 32) for c in range(0, 128, 32)]
    assert metrics.noise_sd(image, rois) == pytest.approx(20, rel=0.03)
    assert metrics.noise_sd(ndimage.gaussian_filter(image, 1), rois) < 7


def test_uniform_rois_avoid_structure_and_do_not_overlap():
    reference = np.full((128, 128), 50.0)
    reference[:, 60:68] = 300.0
    rois = metrics.uniform_rois(reference)
    assert rois
    for i, (r, c) in enumerate(rois):
        assert c + 32 <= 60 or c >= 68
        assert all(abs(r - r2) >= 32 or abs(c - c2) >= 32 for r2, c2 in rois[:i])


def test_detrend_removes_a_second_order_surface():
    y, x = np.mgrid[:24, :24] / 10.0
    assert np.abs(metrics.detrend(3 + 2 * x - y + x * y + y**2)).max() < 1e-9


def test_nps_of_white_noise_is_flat_and_integrates_to_the_variance():
    rng = np.random.default_rng(2)
    spacing, sd = 0.7, 15.0
    spectrum = noise_power_spectrum(rng.normal(0, sd, (300, 32, 32)), spacing)
    # White noise has sd^2 spacing^2 HU^2 mm^2 at every frequency; the detrend takes the lowest bins.
    np.testing.assert_allclose(spectrum.power[3:], sd**2 * spacing**2, rtol=0.05)
    assert spectrum.frequency[-1] == pytest.approx(0.5 / spacing)
    assert spectrum.mean_frequency == pytest.approx(spectrum.frequency.mean(), rel=0.05)


def test_nps_peak_and_mean_find_a_band():
    rng = np.random.default_rng(3)
    spacing, centre = 0.5, 0.4
    f = np.fft.fftfreq(64, spacing)
    radius = np.hypot(f[:, None], f[None, :])
    shape = np.exp(-((radius - centre) ** 2) / (2 * 0.05**2))
    regions = np.stack(
        [np.fft.ifft2(np.fft.fft2(rng.normal(0, 10, (64, 64))) * np.sqrt(shape)).real for _ in range(60)]
    )
    spectrum = noise_power_spectrum(regions, spacing)
    assert spectrum.peak_frequency == pytest.approx(centre, abs=0.04)
    assert spectrum.mean_frequency == pytest.approx(centre, abs=0.02)


def test_smoothing_shifts_the_nps_low():
    rng = np.random.default_rng(4)
    regions = rng.normal(0, 10, (40, 32, 32))
    smooth = np.stack([ndimage.gaussian_filter(r, 1.0, mode="wrap") for r in regions])
    ratio = noise_power_spectrum(smooth, 0.7).mean_frequency / noise_power_spectrum(regions, 0.7).mean_frequency
    assert ratio < 0.6


def test_pooling_spectra_keeps_the_power():
    rng = np.random.default_rng(5)
    spectra = [noise_power_spectrum(rng.normal(0, 10, (200, 32, 32)), spacing) for spacing in (0.5, 0.5)]
    pooled = pooled_spectrum(spectra)
    inside = (pooled.frequency > 0.3) & (pooled.frequency < 0.9)
    np.testing.assert_allclose(pooled.power[inside], 100 * 0.25, rtol=0.1)


@pytest.mark.parametrize("regions", [np.zeros((32, 32)), np.zeros((0, 32, 32)), np.zeros((2, 32, 16))])
def test_nps_refuses_what_is_no_stack_of_squares(regions):
    with pytest.raises(ValueError, match="regions"):
        noise_power_spectrum(regions, 0.7)


@pytest.mark.parametrize("sigma", [0.8, 1.2])
def test_mtf50_of_a_gaussian_edge_has_its_closed_form(sigma):
    spacing = 0.7
    distance, profile = mtf.edge_profile(mtf.disc_phantom(256, 955.0, partial(mtf.gaussian_edge, sigma_px=sigma)))
    measured = mtf.frequency_at(*mtf.mtf_from_profile(distance, profile, spacing))
    expected = np.sqrt(np.log(2) / (2 * np.pi**2)) / (sigma * spacing)
    assert measured == pytest.approx(expected, rel=0.02)


def _noise(count=3, sd=30.0, size=128):
    rng = np.random.default_rng(6)
    return [rng.normal(0, sd, (size, size)) for _ in range(count)]


def test_task_transfer_of_the_identity_is_free_of_noise_and_contrast():
    high = mtf.mtf50(lambda x: x, _noise(), mtf.HIGH_CONTRAST, 0.7)
    low = mtf.mtf50(lambda x: x, _noise(), mtf.LOW_CONTRAST, 0.7)
    assert high == pytest.approx(low, rel=1e-3)


def test_task_transfer_of_a_blur_is_the_blurred_edge():
    blur = 1.0
    measured = mtf.mtf50(lambda x: ndimage.gaussian_filter(x, blur), _noise(), mtf.LOW_CONTRAST, 0.7)
    sigma = np.hypot(mtf.EDGE_SIGMA_PX, blur)
    assert measured == pytest.approx(np.sqrt(np.log(2) / (2 * np.pi**2)) / (sigma * 0.7), rel=0.03)


def test_task_transfer_sees_that_an_edge_keeping_filter_depends_on_contrast():
    from skimage.restoration import denoise_tv_chambolle

    def total_variation(hu):
        return denoise_tv_chambolle(hu / 1000.0, weight=0.12) * 1000.0

    high = mtf.mtf50(total_variation, _noise(), mtf.HIGH_CONTRAST, 0.7)
    low = mtf.mtf50(total_variation, _noise(), mtf.LOW_CONTRAST, 0.7)
    assert low < 0.9 * high


@pytest.mark.parametrize(("cutoff", "spacing"), [(0.6, 0.7), (0.6, 0.5), (1.2, 0.7)])
def test_a_disc_of_a_kernel_has_the_kernels_mtf(cutoff, spacing):
    # A hann window is at one half at half its cut-off, whatever the pixels.
    edge = mtf.kernel_edge(Kernel("hann", cutoff), spacing)
    measured = mtf.mtf50(lambda x: x, _noise(1), mtf.LOW_CONTRAST, spacing, edge)
    assert measured == pytest.approx(0.5 * cutoff * FanBeam().detector_nyquist, rel=0.015)
    assert edge(np.array([0.0, 100.0])) == pytest.approx([1.0, 0.0], abs=0.01)


def test_erased_discs_have_no_mtf50():
    assert np.isnan(mtf.mtf50(lambda x: np.zeros_like(x), _noise(1), mtf.LOW_CONTRAST, 0.7))
    with pytest.raises(mtf.NoEdgeError):
        mtf.task_transfer(lambda x: np.zeros_like(x), _noise(1), mtf.LOW_CONTRAST, 0.7)


def _noisy_reference(seed, shape=(256, 256), sd=10.0, dose=0.25):
    """(anatomy, reference with noise of its own, what the dose fraction adds)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    anatomy = 40 + 60.0 * (np.sin(rows / 15) * np.cos(columns / 21) > 0)
    blur = lambda image: ndimage.gaussian_filter(image, 0.8)  # noqa: E731
    unit = blur(rng.normal(size=shape)).std()
    own, added = (blur(rng.normal(size=shape)) / unit * sd for _ in range(2))
    return anatomy, anatomy + own, added * np.sqrt((1 - dose) / dose)


@pytest.mark.parametrize("dose", [0.1, 0.25, 0.5])
def test_the_error_against_the_anatomy_needs_no_reference_free_of_noise(dose):
    anatomy, reference, noise = _noisy_reference(0, dose=dose)
    everywhere = np.ones(anatomy.shape, bool)
    for denoise in (lambda hu: hu, lambda hu: ndimage.gaussian_filter(hu, 1.0), lambda hu: 0.5 * (hu + ndimage.median_filter(hu, 3))):
        output = denoise(reference + noise)
        before, after = metrics.anatomy_error(output, reference, noise, dose, everywhere)
        assert before == pytest.approx(np.mean((reference + noise - anatomy) ** 2), rel=0.05)
        assert after == pytest.approx(np.mean((output - anatomy) ** 2), rel=0.06)


def test_a_plain_error_prefers_who_leaves_the_references_noise_and_the_error_against_the_anatomy_does_not():
    anatomy, reference, noise = _noisy_reference(1)
    everywhere = np.ones(anatomy.shape, bool)
    # The best guess of the reference leaves a quarter of the noise, the share that the reference has of its power.
    leaving = anatomy + 0.25 * (reference + noise - anatomy)
    assert metrics.rmse(leaving, reference) < 0.9 * metrics.rmse(anatomy, reference)
    before, perfect = metrics.anatomy_error(anatomy, reference, noise, 0.25, everywhere)
    _, left = metrics.anatomy_error(leaving, reference, noise, 0.25, everywhere)
    assert abs(perfect) < 0.02 * before
    assert left == pytest.approx(before / 16, abs=0.02 * before)
