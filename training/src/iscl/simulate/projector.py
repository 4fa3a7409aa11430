"""Line integrals of an image, and filtered back-projection of fan-beam data.

Formulas: Kak and Slaney, Principles of Computerized Tomographic Imaging, 1988, section 3.4 (equiangular rays).
Image axes: x to the right (columns), y up (rows run downwards), isocentre at the image centre.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as nnf

from .geometry import FanBeam


def line_integrals(
    mu: torch.Tensor, pixel_mm: float, fan: FanBeam, angles: int = 240, grid: int = 256
) -> torch.Tensor:
    """Line integrals (dimensionless) of an attenuation image along every ray of the fan.

    mu: [H, W] in 1/mm, square pixels of pixel_mm. Returns [views, channels].
    Parallel integrals on a coarse grid (images over `grid` pixels wide are averaged down first), rebinned to the
    fan: ray (beta, gamma) is the parallel ray at angle beta + gamma and distance R sin(gamma). Accurate to about
    1 % behind smooth objects, which is ample for a noise variance.
    """
    height, width = mu.shape
    side = max(height, width)
    padded = nnf.pad(mu, (0, side - width, 0, side - height))[None, None]
    size = min(grid, side)
    if size < side:
        padded = nnf.interpolate(padded, size=(size, size), mode="area")
        pixel_mm = pixel_mm * side / size
    device = mu.device
    # Rotated sampling grids: rows of the sampled image run along the rays.
    theta = torch.arange(angles, device=device) * (math.pi / angles)
    # In grid_sample's units (half the image is 1), stretched to cover the corners.
    reach = math.sqrt(2.0)
    s = t = (torch.arange(size, device=device) - (size - 1) / 2) * (2 * reach / size)
    cos, sin = torch.cos(theta), torch.sin(theta)
    parallel = torch.empty(angles, size, device=device)
    for first in range(0, angles, 16):
        part = slice(first, min(first + 16, angles))
        c, n = cos[part, None, None], sin[part, None, None]
        # Ray at distance s along the normal (-sin, cos) of direction (cos, sin).
        x = -s[None, None, :] * n + t[None, :, None] * c
        y = s[None, None, :] * c + t[None, :, None] * n
        points = torch.stack([x, -y], dim=-1)
        sampled = nnf.grid_sample(padded.expand(points.shape[0], -1, -1, -1), points, align_corners=False)
        parallel[part] = sampled[:, 0].sum(dim=1) * (reach * pixel_mm)
    # A full turn of parallel angles, so that rebinning needs no case for the half turn: p(theta + pi, s) = p(theta, -s).
    turn = torch.cat([parallel, parallel.flip(1), parallel[:1]])
    beta = fan.view_angles(device)[:, None]
    gamma = fan.fan_angles(device)[None, :]
    # The source at angle beta shoots towards beta + pi; the ray's angle is that plus gamma.
    ray_angle = torch.remainder(beta + math.pi + gamma, 2 * math.pi)
    # Signed distance of the isocentre from the ray along the normal of its direction.
    distance = _ray_distance(beta, ray_angle, fan.source_to_isocentre)
    row = ray_angle * (angles / math.pi)
    column = distance / (reach * pixel_mm)
    where = torch.stack([column * (2 / (size - 1)), row * (2 / (2 * angles)) - 1], dim=-1)[None]
    out = nnf.grid_sample(turn[None, None], where, align_corners=True)
    return out[0, 0]


def _ray_distance(beta: torch.Tensor, ray_angle: torch.Tensor, radius: float) -> torch.Tensor:
    source_x, source_y = radius * torch.cos(beta), radius * torch.sin(beta)
    return -torch.sin(ray_angle) * source_x + torch.cos(ray_angle) * source_y


def ramp_response(fan: FanBeam, length: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """[length // 2 + 1] real frequency response of the equiangular ramp filter for transforms of `length`."""
    n = torch.arange(length, device=device, dtype=torch.float64)
    n = torch.where(n > length / 2, n - length, n)
    a = fan.channel_angle
    kernel = torch.zeros(length, device=device, dtype=torch.float64)
    kernel[0] = 1.0 / (8.0 * a * a)
    odd = n.remainder(2) == 1
    kernel[odd] = -0.5 / (math.pi * torch.sin(n[odd] * a)) ** 2
    # The kernel is only defined over the fan; beyond twice its width no output depends on it.
    kernel[n.abs() >= fan.channels] = 0.0
    return torch.fft.rfft(kernel).real.float()


def filter_fan(
    projections: torch.Tensor, fan: FanBeam, windows: torch.Tensor, upsampling: int
) -> torch.Tensor:
    """Weight, ramp-filter, apodise and upsample fan projections.

    projections: [K, views, channels] (log domain). windows: [K, frequencies] apodisation, sampled by
    `filter_frequencies`. Returns [K, views, channels * upsampling].
    """
    length = filter_length(fan)
    gamma = fan.fan_angles(projections.device)
    weighted = projections * (fan.source_to_isocentre * torch.cos(gamma))
    response = ramp_response(fan, length, projections.device)[None, None] * windows[:, None, :]
    spectrum = torch.fft.rfft(weighted, n=length) * (response * fan.channel_angle)
    filtered = torch.fft.irfft(spectrum, n=length * upsampling) * upsampling
    return filtered[..., : fan.channels * upsampling]


def filter_length(fan: FanBeam) -> int:
    return 1 << math.ceil(math.log2(2 * fan.channels))


def filter_frequencies(fan: FanBeam, device: torch.device | str = "cpu") -> torch.Tensor:
    """Frequencies of the filter's bins at the isocentre, in units of the detector's Nyquist frequency."""
    length = filter_length(fan)
    per_mm = torch.fft.rfftfreq(length, d=fan.source_to_isocentre * fan.channel_angle, device=device)
    return (per_mm / fan.detector_nyquist).float()


def back_project(filtered: torch.Tensor, fan: FanBeam, size: int, pixel_mm: float, upsampling: int) -> torch.Tensor:
    """Fan-beam back-projection. filtered: [K, views, channels * upsampling]. Returns [K, size, size] in 1/mm.

    Nearest neighbour on the upsampled rays. A view and the ones a quarter turn on share one index map, because the
    pixel grid maps onto itself; K images share it too.
    """
    count, views, width = filtered.shape
    device = filtered.device
    radius = fan.source_to_isocentre
    quarter = views // 4
    axis = (torch.arange(size, device=device, dtype=torch.float32) - (size - 1) / 2) * pixel_mm
    x = axis[None, :].expand(size, size).reshape(-1)
    y = (-axis)[:, None].expand(size, size).reshape(-1)
    first_channel = -(fan.channels - 1) / 2 * fan.channel_angle
    rays = filtered.permute(1, 2, 0).contiguous()
    totals = [torch.zeros(size * size, count, device=device) for _ in range(4)]
    for view in range(quarter):
        beta = 2 * math.pi * view / views
        c, s = math.cos(beta), math.sin(beta)
        along = radius - (x * c + y * s)
        across = x * s - y * c
        # Angle from the central ray; positive gamma turns the ray counter-clockwise.
        gamma = torch.atan2(across, along)
        index = ((gamma - first_channel) * (upsampling / fan.channel_angle)).round_()
        inside = (index >= 0) & (index <= width - 1)
        weight = (inside / (along * along + across * across)).unsqueeze_(1)
        index = index.clamp_(0, width - 1).long()
        for turn in range(4):
            rows = rays[view + turn * quarter].index_select(0, index)
            totals[turn].addcmul_(rows, weight)
    image = torch.zeros(size, size, count, device=device)
    for turn, total in enumerate(totals):
        image += torch.rot90(total.view(size, size, count), turn, dims=(0, 1))
    return (image * (2 * math.pi / views)).permute(2, 0, 1).contiguous()


def fbp(
    projections: torch.Tensor, fan: FanBeam, windows: torch.Tensor, size: int, pixel_mm: float, upsampling: int = 4
) -> torch.Tensor:
    """Filtered back-projection: [K, views, channels] line integrals to [K, size, size] attenuation in 1/mm."""
    return back_project(filter_fan(projections, fan, windows, upsampling), fan, size, pixel_mm, upsampling)
