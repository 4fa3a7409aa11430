"""A CT scan of the phantom: exact projections, quantum and electronic noise, filtered back-projection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..simulate import Exposure, FanBeam, Kernel, fbp, filter_frequencies, mu_water
from ..simulate.dose import photons_per_ray
from .scene import Scene
from .trace import plane_integrals, plane_raster


@dataclass(frozen=True)
class Protocol:
    """photons: N0 per ray at full dose, chosen for 10 to 12 HU in the liver with the default kernel."""

    size: int = 512
    field_mm: float = 400.0
    slices: int = 40
    spacing_mm: float = 3.0
    thickness_mm: float = 3.0
    subslices: int = 6
    kvp: float = 120.0
    milliamps: float = 200.0
    kernel: Kernel = Kernel("hann", 1.2)
    exposure: Exposure = Exposure(photons=1.7e6, electronic_variance=100.0)
    fan: FanBeam = FanBeam()

    @property
    def pixel_mm(self) -> float:
        return self.field_mm / self.size

    def heights(self) -> np.ndarray:
        """z of each slice's middle, mm, from the head down."""
        return ((self.slices - 1) / 2 - np.arange(self.slices)) * self.spacing_mm

    def subheights(self, z: float) -> np.ndarray:
        offset = (np.arange(self.subslices) + 0.5) / self.subslices - 0.5
        return z + offset * self.thickness_mm


def project(scene: Scene, z: float, protocol: Protocol) -> torch.Tensor:
    """[views, channels] line integrals of the slice at z, averaged over its thickness and the detector's aperture.

    The average is of line integrals, so partial volume is linear (no edge-gradient streaks).
    """
    planes = [plane_integrals(scene, h, protocol.fan, mu_water(protocol.kvp)) for h in protocol.subheights(z)]
    p = np.mean(planes, axis=0)
    padded = np.pad(p, ((0, 0), (1, 1)), mode="edge")
    return torch.from_numpy(0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]).float()


def measure(integrals: torch.Tensor, dose: float, protocol: Protocol, generator: torch.Generator) -> torch.Tensor:
    """Line integrals as measured at a fraction of the full dose: Poisson counts, Gaussian electronics, log."""
    photons = photons_per_ray(integrals, protocol.exposure, protocol.fan, mu_water(protocol.kvp)) * dose
    counts = torch.poisson(photons * torch.exp(-integrals), generator=generator)
    counts += torch.randn(counts.shape, generator=generator) * protocol.exposure.electronic_variance**0.5
    return torch.log(photons / counts.clamp(min=1.0))


def scan_slice(
    scene: Scene, index: int, doses: list[float], protocol: Protocol, seed: int, noiseless: bool = True
) -> np.ndarray:
    """float32 [D, size, size] in HU, one image a dose (independent noise), after the noiseless one if asked for."""
    z = float(protocol.heights()[index])
    integrals = project(scene, z, protocol)
    generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
    measured = [measure(integrals, d, protocol, generator) for d in doses]
    data = torch.stack(([integrals] if noiseless else []) + measured)
    window = protocol.kernel.window(filter_frequencies(protocol.fan))
    image = fbp(data, protocol.fan, window.expand(len(data), -1), protocol.size, protocol.pixel_mm)
    return ((image / mu_water(protocol.kvp) - 1.0) * 1000.0).numpy()


def truth_slice(scene: Scene, index: int, protocol: Protocol) -> np.ndarray:
    """float32 [size, size] in HU: the object itself, averaged over pixel and slice thickness."""
    z = float(protocol.heights()[index])
    planes = [plane_raster(scene, h, protocol.size, protocol.pixel_mm) for h in protocol.subheights(z)]
    return np.mean(planes, axis=0).astype(np.float32)


def outside_field(size: int) -> np.ndarray:
    """bool [size, size]: pixels outside the reconstructed circle."""
    axis = np.arange(size) - (size - 1) / 2
    return np.hypot(axis[:, None], axis[None, :]) > size / 2
