"""Low-dose CT simulated from normal-dose slices: fan beam, dose formula, noise-only reconstruction."""

from .dose import Exposure, Simulator, added_sd, log_noise_variance
from .geometry import FanBeam, mu_water
from .kernels import Kernel, matched_kernel, nps_mean_frequency, random_kernel
from .projector import fbp, filter_frequencies, line_integrals

__all__ = [
    "Exposure",
    "FanBeam",
    "Kernel",
    "Simulator",
    "added_sd",
    "fbp",
    "filter_frequencies",
    "line_integrals",
    "log_noise_variance",
    "matched_kernel",
    "mu_water",
    "nps_mean_frequency",
    "random_kernel",
]
