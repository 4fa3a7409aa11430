"""Fan-beam geometry of a third-generation scanner with a curved (equiangular) detector. Lengths in mm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch

# Linear attenuation of water per mm at the effective energy of a tube voltage.
MU_WATER_PER_MM = {80: 0.0227, 100: 0.0214, 120: 0.0202, 140: 0.0194}


def mu_water(kvp: float) -> float:
    """Attenuation of water in 1/mm, interpolated over tube voltage and held constant outside 80 to 140 kVp."""
    points = sorted(MU_WATER_PER_MM.items())
    kvp = min(max(kvp, points[0][0]), points[-1][0])
    for (k0, m0), (k1, m1) in pairwise(points):
        if kvp <= k1:
            return m0 + (m1 - m0) * (kvp - k0) / (k1 - k0)
    return points[-1][1]


@dataclass(frozen=True)
class FanBeam:
    """Source and detector circle. Default: the geometry of the Mayo scans (LDCT-and-Projection-data).

    oversampling 2 stands for the flying focal spot, which halves the ray spacing: without it no kernel could
    carry noise above the Nyquist frequency of the detector.
    """

    source_to_isocentre: float = 595.0
    source_to_detector: float = 1085.6
    detectors: int = 736
    detector_pitch: float = 1.2858
    views: int = 1152
    oversampling: int = 2

    def __post_init__(self) -> None:
        if self.views % 4:
            raise ValueError("views must be a multiple of 4: the back-projector uses the quarter-turn symmetry")

    @property
    def channels(self) -> int:
        return self.detectors * self.oversampling

    @property
    def channel_angle(self) -> float:
        """Angle between neighbouring rays, radians."""
        return self.detector_pitch / self.source_to_detector / self.oversampling

    @property
    def detector_nyquist(self) -> float:
        """Nyquist frequency of the detector at the isocentre, cycles per mm: the unit of kernel cut-offs."""
        return 0.5 / (self.detector_pitch * self.source_to_isocentre / self.source_to_detector)

    @property
    def field_radius(self) -> float:
        """Radius of the fully measured field, mm."""
        return self.source_to_isocentre * math.sin(self.channel_angle * self.channels / 2)

    def fan_angles(self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """[channels] angle of each ray from the central ray, radians."""
        index = torch.arange(self.channels, device=device, dtype=dtype)
        return (index - (self.channels - 1) / 2) * self.channel_angle

    def view_angles(self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """[views] source angles over a full turn, radians; 0 puts the source at +x."""
        return torch.arange(self.views, device=device, dtype=dtype) * (2 * math.pi / self.views)
