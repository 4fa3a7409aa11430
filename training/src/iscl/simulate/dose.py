"""Noise of a lower dose, added in the projection domain and reconstructed alone.

Yu L. et al., Development and validation of a practical lower-dose-simulation tool for optimizing CT scan
protocols, J Comput Assist Tomogr 36(4), 2012: noise to insert into log data that already carries the noise of the
normal dose, electronic noise included.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from .geometry import FanBeam, mu_water
from .kernels import Kernel
from .projector import back_project, filter_fan, filter_frequencies, line_integrals

# A ray through two hips and a shoulder. Behind more attenuation the detector counts almost nothing, and real scanners
# regularise the logarithm, so the variance is held.
MAX_LINE_INTEGRAL = 8.5


@dataclass(frozen=True)
class Exposure:
    """Tube and detector.

    photons: N0 per ray at normal dose without an object, central ray. electronic_variance: N_e in photons squared.
    bowtie: thickness of the bowtie filter's water equivalent as a share of what a 400 mm cylinder lacks.
    modulation: strength of tube-current modulation, 0 constant to 1 fully compensating (0.5 minimises noise).
    """

    photons: float = 2.0e5
    electronic_variance: float = 10.0
    bowtie: float = 0.35
    modulation: float = 0.5


BOWTIE_RADIUS_MM = 200.0


def photons_per_ray(integrals: torch.Tensor, exposure: Exposure, fan: FanBeam, mu_w: float) -> torch.Tensor:
    """[views, channels] unattenuated photons of every ray: bowtie and tube-current modulation, mean current kept."""
    device = integrals.device
    distance = fan.source_to_isocentre * torch.sin(fan.fan_angles(device)).abs()
    chord = 2 * torch.sqrt((BOWTIE_RADIUS_MM**2 - distance**2).clamp(min=0))
    filtered = torch.exp(-mu_w * exposure.bowtie * (2 * BOWTIE_RADIUS_MM - chord))
    centre = fan.channels // 8
    middle = integrals[:, fan.channels // 2 - centre : fan.channels // 2 + centre].mean(dim=1)
    current = torch.exp(exposure.modulation * (middle - middle.mean()))
    current = current / current.mean()
    return exposure.photons * current[:, None] * filtered[None, :]


def log_noise_variance(
    integrals: torch.Tensor, photons: torch.Tensor, electronic_variance: float, dose: float
) -> torch.Tensor:
    """Variance to add to line integrals so that dose 1 becomes `dose` (a), 0 < a < 1:
    (1-a)/a e^p/N0 (1 + (1+a)/a N_e e^p/N0)."""
    if not 0.0 < dose < 1.0:
        raise ValueError(f"dose fraction {dose} must lie between 0 and 1")
    inverse = torch.exp(integrals.clamp(0.0, MAX_LINE_INTEGRAL)) / photons
    return (1 - dose) / dose * inverse * (1 + (1 + dose) / dose * electronic_variance * inverse)


@dataclass
class Simulator:
    """Low-dose noise of CT slices. Same device throughout; CPU or CUDA."""

    fan: FanBeam = field(default_factory=FanBeam)
    device: torch.device | str = "cpu"
    upsampling: int = 2

    def integrals(self, hu: torch.Tensor, pixel_mm: float, kvp: float = 120.0) -> torch.Tensor:
        """Line integrals of a slice [H, W] in HU: mu = mu_w (1 + HU/1000), HU clamped at -1000.
        Returns [views, channels]."""
        attenuation = mu_water(kvp) * (1 + hu.to(self.device, torch.float32).clamp(min=-1000.0) / 1000.0)
        return line_integrals(attenuation, pixel_mm, self.fan)

    def noise(
        self,
        hu: torch.Tensor,
        pixel_mm: float,
        kernels: list[Kernel],
        *,
        dose: float = 0.25,
        kvp: float = 120.0,
        exposures: list[Exposure] | None = None,
        generator: torch.Generator | None = None,
        integrals: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Noise fields in HU, one per kernel: [K, H, W], zero mean, to be added to `hu`.

        hu: [H, W]; pixel_mm: square pixel size in mm, isocentre at the image centre. exposures: one per kernel.
        """
        exposures = exposures or [Exposure()] * len(kernels)
        if len(exposures) != len(kernels):
            raise ValueError(f"{len(kernels)} kernels but {len(exposures)} exposures")
        mu_w = mu_water(kvp)
        p = self.integrals(hu, pixel_mm, kvp) if integrals is None else integrals
        fields = []
        for exposure in exposures:
            photons = photons_per_ray(p, exposure, self.fan, mu_w)
            variance = log_noise_variance(p, photons, exposure.electronic_variance, dose)
            z = torch.randn(p.shape, generator=generator, device=generator.device if generator else self.device)
            fields.append(variance.sqrt() * z.to(self.device))
        return self.reconstruct_noise(torch.stack(fields), kernels, (hu.shape[0], hu.shape[1]), pixel_mm, mu_w)

    def reconstruct_noise(
        self, log_noise: torch.Tensor, kernels: list[Kernel], shape: tuple[int, int], pixel_mm: float, mu_w: float
    ) -> torch.Tensor:
        """FBP of log-domain noise [K, views, channels], in HU [K, H, W]."""
        frequencies = filter_frequencies(self.fan, self.device)
        windows = torch.stack([k.window(frequencies) for k in kernels])
        filtered = filter_fan(log_noise, self.fan, windows, self.upsampling)
        size = max(shape)
        image = back_project(filtered, self.fan, size, pixel_mm, self.upsampling) * (1000.0 / mu_w)
        return image[:, : shape[0], : shape[1]]


def added_sd(own_sd: float, dose: float) -> float:
    """SD of the noise to add to an image of SD own_sd so that the sum has own_sd / sqrt(dose)."""
    return own_sd * ((1 - dose) / dose) ** 0.5
