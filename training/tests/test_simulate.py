"""The low-dose simulator: geometry, units, noise level, noise texture, HU."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from iscl.simulate import (
    Exposure,
    FanBeam,
    Kernel,
    Simulator,
    added_sd,
    fbp,
    filter_frequencies,
    line_integrals,
    log_noise_variance,
    matched_kernel,
    mu_water,
    nps_mean_frequency,
    random_kernel,
)
from iscl.simulate.kernels import SHAPES, expected_mean_frequency

# A small scanner: the real distances, coarser detector and fewer views.
FAN = FanBeam(detectors=368, detector_pitch=2.5716, views=360, oversampling=2)
SIZE, PIXEL = 192, 1.8


def disc(radius_mm: float, centre=(0.0, 0.0), size=SIZE, pixel=PIXEL) -> torch.Tensor:
    """bool [size, size]; centre in mm, x right and y up."""
    axis = (torch.arange(size) - (size - 1) / 2) * pixel
    return (axis[None, :] - centre[0]) ** 2 + (-axis[:, None] - centre[1]) ** 2 < radius_mm**2


def water(radius_mm: float, **kw) -> torch.Tensor:
    return torch.where(disc(radius_mm, **kw), 0.0, -1000.0)


def exact_disc(fan: FanBeam, radius: float, centre: tuple[float, float]) -> torch.Tensor:
    """[views, channels] chord lengths of a disc in mm."""
    beta = fan.view_angles()[:, None]
    ray = beta + math.pi + fan.fan_angles()[None, :]
    sx = fan.source_to_isocentre * torch.cos(beta) - centre[0]
    sy = fan.source_to_isocentre * torch.sin(beta) - centre[1]
    distance = -torch.sin(ray) * sx + torch.cos(ray) * sy
    return 2 * torch.sqrt((radius**2 - distance**2).clamp(min=0))


@pytest.mark.parametrize("pixel", [0.9, 1.8])
def test_line_integral_through_water_is_mu_times_diameter(pixel):
    # Guards against slips of units: mu per cm, spacing in pixels, diameter for radius.
    hu = water(80.0, pixel=pixel)
    p = Simulator(FAN).integrals(hu, pixel, kvp=120)
    assert mu_water(120) == pytest.approx(0.0202)
    assert float(p[:, FAN.channels // 2].mean()) == pytest.approx(0.0202 * 160.0, rel=0.01)


def test_line_integrals_match_an_off_centre_disc():
    centre, radius = (38.0, -24.0), 70.0
    exact = mu_water(120) * exact_disc(FAN, radius, centre)
    p = line_integrals(mu_water(120) * disc(radius, centre, 384, 0.9).float(), 0.9, FAN)
    assert float((p - exact).abs()[exact > 1].max()) < 0.08 * float(exact.max())
    assert float((p - exact).abs().mean()) < 0.005 * float(exact.max())


def test_reconstruction_gives_back_hu_and_place():
    centre, radius = (38.0, -24.0), 70.0
    data = mu_water(120) * exact_disc(FAN, radius, centre)[None]
    window = Kernel("hann", 0.9).window(filter_frequencies(FAN))[None]
    hu = (fbp(data, FAN, window, SIZE, PIXEL)[0] / mu_water(120) - 1) * 1000
    assert float(hu[disc(radius - 10, centre)].mean()) == pytest.approx(0.0, abs=1.0)
    ring = disc(120.0) & ~disc(radius + 10, centre)
    assert float(hu[ring].mean()) == pytest.approx(-1000.0, abs=3.0)


def test_water_attenuation_follows_the_tube_voltage():
    assert [mu_water(k) for k in (80, 100, 120, 140)] == [0.0227, 0.0214, 0.0202, 0.0194]
    assert mu_water(130) == pytest.approx(0.0198)
    assert mu_water(70) == mu_water(80) and mu_water(150) == mu_water(140)


def test_dose_formula_against_a_hand_computed_case():
    p, n0, ne, a = torch.tensor([[2.0]]), torch.tensor([[1.0e4]]), 9.0, 0.25
    inverse = math.exp(2.0) / 1.0e4
    expected = 3.0 * inverse * (1 + 5.0 * 9.0 * inverse)
    assert float(log_noise_variance(p, n0, ne, a)) == pytest.approx(expected, rel=1e-6)
    for bad in (0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match="dose fraction"):
            log_noise_variance(p, n0, ne, bad)


def noise_fields(kernel: Kernel, dose: float, count: int, seed: int = 0, exposure=None, radius=110.0) -> torch.Tensor:
    simulator = Simulator(FAN)
    generator = torch.Generator().manual_seed(seed)
    return simulator.noise(
        water(radius), PIXEL, [kernel] * count, dose=dose, exposures=[exposure or Exposure()] * count, generator=generator
    )


@pytest.mark.parametrize("dose", [0.5, 0.25, 0.1])
def test_noise_follows_the_dose(dose):
    # An image that carries its own noise, made by the same physics, plus the simulated rest: sd = sd_own / sqrt(dose).
    kernel, exposure = Kernel("hann", 0.8), Exposure(electronic_variance=0.0, photons=4e5)
    inside = disc(60.0)
    half = noise_fields(kernel, 0.5, 6, seed=1, exposure=exposure)
    # At dose 0.5 the added variance is that of the full dose itself, so `half` is a full-dose noise.
    own = float(half[:, inside].std())
    added = noise_fields(kernel, dose, 6, seed=2, exposure=exposure)
    low = (half + added)[:, inside]
    assert float(low.std()) == pytest.approx(own / math.sqrt(dose), rel=0.05)
    assert float(added[:, inside].std()) == pytest.approx(added_sd(own, dose), rel=0.05)
    assert float(low.mean()) == pytest.approx(0.0, abs=0.5)


def test_electronic_noise_matters_where_photons_are_few():
    quantum = noise_fields(Kernel("hann", 0.8), 0.1, 2, exposure=Exposure(photons=3e4, electronic_variance=0.0))
    both = noise_fields(Kernel("hann", 0.8), 0.1, 2, exposure=Exposure(photons=3e4, electronic_variance=30.0))
    inside = disc(40.0)
    assert float(both[:, inside].std()) > 1.1 * float(quantum[:, inside].std())


@pytest.mark.parametrize("shape", SHAPES)
def test_noise_power_spectrum_follows_the_apodisation(shape):
    soft, sharp = Kernel(shape, 0.55), Kernel(shape, 1.2)
    inside = disc(85.0).numpy()
    measured = []
    for kernel in (soft, sharp):
        fields = noise_fields(kernel, 0.25, 3, seed=7).numpy()
        measured.append(np.mean([nps_mean_frequency(f, inside, PIXEL) for f in fields]))
        expected = expected_mean_frequency(kernel, FAN.detector_nyquist, PIXEL)
        assert measured[-1] == pytest.approx(expected, rel=0.15)
    assert measured[1] > 1.1 * measured[0]


def test_radial_spectrum_has_the_shape_of_the_filter():
    # |f| W(f)^2: rises from zero, peaks where the theory says, falls to nothing beyond the cut-off.
    kernel = Kernel("hann", 0.7)
    fields = noise_fields(kernel, 0.25, 6, seed=9).numpy()
    middle = fields[:, 64:128, 64:128]
    middle = middle - middle.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(middle * np.outer(np.hanning(64), np.hanning(64)))) ** 2).mean(axis=0)
    frequency = np.fft.fftfreq(64, PIXEL)
    radius = np.hypot(frequency[:, None], frequency[None])
    edges = np.linspace(0, 0.5 / PIXEL, 17)
    radial = np.array([power[(radius >= a) & (radius < b)].mean() for a, b in pairwise(edges)])
    centre = torch.from_numpy(0.5 * (edges[1:] + edges[:-1]))
    theory = (centre * kernel.window(centre / FAN.detector_nyquist) ** 2).numpy()
    correlation = np.corrcoef(radial, theory)[0, 1]
    assert correlation > 0.95
    assert abs(int(radial.argmax()) - int(theory.argmax())) <= 1
    assert radial[0] < 0.5 * radial.max()


def test_mean_is_kept_and_noise_grows_towards_the_centre():
    fields = noise_fields(Kernel("butterworth", 0.9), 0.25, 6, exposure=Exposure(bowtie=0.0, modulation=0.0))
    assert float(fields[:, disc(100.0)].mean()) == pytest.approx(0.0, abs=0.5)
    rim = disc(108.0) & ~disc(95.0)
    assert float(fields[:, disc(25.0)].std()) > 1.2 * float(fields[:, rim].std())


def test_noise_is_stronger_along_the_longer_path():
    # Two dense rods: the noise between them, along their common line, exceeds that beside it.
    hu = water(110.0)
    for x in (-70.0, 70.0):
        hu[disc(20.0, (x, 0.0))] = 2000.0
    simulator = Simulator(FAN)
    generator = torch.Generator().manual_seed(3)
    fields = simulator.noise(hu, PIXEL, [Kernel("hann", 0.9)] * 4, exposures=[Exposure(modulation=0.0)] * 4, generator=generator)
    between = disc(15.0)
    beside = disc(15.0, (0.0, 70.0))
    assert float(fields[:, between].std()) > 1.3 * float(fields[:, beside].std())


def test_same_seed_same_noise_and_kernels_vary():
    a, b = (noise_fields(Kernel("gauss", 0.9), 0.25, 1, seed=s) for s in (4, 4))
    assert torch.equal(a, b)
    rng = np.random.default_rng(0)
    cutoffs = [random_kernel(rng).cutoff for _ in range(200)]
    assert min(cutoffs) < 0.6 and max(cutoffs) > 1.5 and all(0.3 <= c <= 1.8 for c in cutoffs)


def test_matched_kernel_finds_the_kernel_of_a_noise():
    kernel = Kernel("hann", 0.75)
    frequency = expected_mean_frequency(kernel, FAN.detector_nyquist, PIXEL)
    assert matched_kernel(frequency, FAN.detector_nyquist, PIXEL).cutoff == pytest.approx(0.75, abs=0.05)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="multiple of 4"):
        FanBeam(views=722)
    with pytest.raises(ValueError, match="unknown kernel"):
        Kernel("box", 0.8)
    with pytest.raises(ValueError, match="cut-off"):
        Kernel("hann", 9.0)
    with pytest.raises(ValueError, match="2 kernels but 1 exposures"):
        Simulator(FAN).noise(water(50.0), PIXEL, [Kernel("hann", 0.8)] * 2, exposures=[Exposure()])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_cpu():
    log_noise = torch.randn(1, FAN.views, FAN.channels, generator=torch.Generator().manual_seed(1)) * 1e-3
    kernel = [Kernel("hann", 0.8)]
    cpu = Simulator(FAN).reconstruct_noise(log_noise, kernel, (SIZE, SIZE), PIXEL, mu_water(120))
    gpu = Simulator(FAN, device="cuda").reconstruct_noise(log_noise.cuda(), kernel, (SIZE, SIZE), PIXEL, mu_water(120))
    assert float((cpu - gpu.cpu()).abs().mean()) < 0.01 * float(cpu.std())
