"""Exact line integrals and rasters of a scene in one axial plane.

A ray meets each ellipse in one interval, in closed form. Painted shapes are handled from the top down: each counts for
the part of its interval that no shape above it covers. Texture adds value times chord.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..simulate import FanBeam
from .scene import Scene, sections

MAX_INTERVALS = 96
AIR_HU = -1000.0


@njit(cache=True)
def _chord(sx, sy, dx, dy, e):  # pragma: no cover - compiled
    px, py = sx - e[0], sy - e[1]
    a = e[2] * dx * dx + 2 * e[3] * dx * dy + e[4] * dy * dy
    b = e[2] * dx * px + e[3] * (dx * py + dy * px) + e[4] * dy * py
    c = e[2] * px * px + 2 * e[3] * px * py + e[4] * py * py - 1.0
    disc = b * b - a * c
    if disc <= 0.0:
        return 0.0, 0.0
    root = math.sqrt(disc)
    return (-b - root) / a, (-b + root) / a


@njit(cache=True)
def _channel_range(sx, sy, towards, ellipse, angle, channels):  # pragma: no cover - compiled
    """First and last channel (exclusive) that can see the ellipse's bounding circle from the source."""
    ox, oy = ellipse[0] - sx, ellipse[1] - sy
    distance = math.hypot(ox, oy)
    if distance <= ellipse[5]:
        return 0, channels
    middle = math.atan2(oy, ox) - towards
    middle -= 2 * math.pi * math.floor(middle / (2 * math.pi) + 0.5)
    half = math.asin(ellipse[5] / distance)
    mid = (channels - 1) / 2
    first = math.floor((middle - half) / angle + mid)
    last = math.ceil((middle + half) / angle + mid) + 1
    return max(0, first), min(channels, last)


@njit(cache=True)
def _trace(painted, density, clip, clips, texture, delta, radius, angle, channels, views):  # pragma: no cover
    out = np.zeros((views, channels), np.float32)
    starts = np.empty((channels, MAX_INTERVALS))
    ends = np.empty((channels, MAX_INTERVALS))
    count = np.empty(channels, np.int64)
    clip_in = np.empty((max(1, len(clips)), channels))
    clip_out = np.empty((max(1, len(clips)), channels))
    total = np.empty(channels)
    ray_x, ray_y = np.empty(channels), np.empty(channels)
    for view in range(views):
        beta = 2 * math.pi * view / views
        sx, sy = radius * math.cos(beta), radius * math.sin(beta)
        towards = beta + math.pi
        count[:] = 0
        total[:] = 0.0
        for ch in range(channels):
            ray = towards + (ch - (channels - 1) / 2) * angle
            ray_x[ch], ray_y[ch] = math.cos(ray), math.sin(ray)
        for k in range(len(clips)):
            for ch in range(channels):
                clip_in[k, ch], clip_out[k, ch] = _chord(sx, sy, ray_x[ch], ray_y[ch], clips[k])
        for m in range(len(painted) - 1, -1, -1):
            first, last = _channel_range(sx, sy, towards, painted[m], angle, channels)
            for ch in range(first, last):
                t0, t1 = _chord(sx, sy, ray_x[ch], ray_y[ch], painted[m])
                if clip[m] >= 0:
                    t0 = max(t0, clip_in[clip[m], ch])
                    t1 = min(t1, clip_out[clip[m], ch])
                if t1 <= t0:
                    continue
                # Uncovered length, and the merged cover.
                n = count[ch]
                covered = 0.0
                low, high = t0, t1
                first_hit, hits = n, 0
                for i in range(n):
                    if ends[ch, i] < t0:
                        continue
                    if starts[ch, i] > t1:
                        first_hit = min(first_hit, i)
                        break
                    if hits == 0:
                        first_hit = i
                    hits += 1
                    covered += min(ends[ch, i], t1) - max(starts[ch, i], t0)
                    low = min(low, starts[ch, i])
                    high = max(high, ends[ch, i])
                total[ch] += density[m] * (t1 - t0 - covered)
                if hits == 0:
                    if n == MAX_INTERVALS:
                        raise ValueError("too many separate intervals on one ray")
                    for i in range(n, first_hit, -1):
                        starts[ch, i], ends[ch, i] = starts[ch, i - 1], ends[ch, i - 1]
                    count[ch] = n + 1
                elif hits > 1:
                    for i in range(first_hit + hits, n):
                        starts[ch, i - hits + 1], ends[ch, i - hits + 1] = starts[ch, i], ends[ch, i]
                    count[ch] = n - hits + 1
                starts[ch, first_hit], ends[ch, first_hit] = low, high
        for m in range(len(texture)):
            first, last = _channel_range(sx, sy, towards, texture[m], angle, channels)
            for ch in range(first, last):
                t0, t1 = _chord(sx, sy, ray_x[ch], ray_y[ch], texture[m])
                total[ch] += delta[m] * (t1 - t0)
        for ch in range(channels):
            out[view, ch] = total[ch]
    return out


@njit(cache=True)
def _raster(painted, values, clip, clips, texture, delta, size, pixel, samples):  # pragma: no cover - compiled
    fine = size * samples
    step = pixel / samples
    image = np.full((fine, fine), AIR_HU)
    for layer in range(2):
        table = painted if layer == 0 else texture
        for m in range(len(table)):
            e = table[m]
            c0 = max(0, int((e[0] - e[5]) / step + (fine - 1) / 2))
            c1 = min(fine, int((e[0] + e[5]) / step + (fine - 1) / 2) + 2)
            r0 = max(0, int((-e[1] - e[5]) / step + (fine - 1) / 2))
            r1 = min(fine, int((-e[1] + e[5]) / step + (fine - 1) / 2) + 2)
            for r in range(r0, r1):
                y = -(r - (fine - 1) / 2) * step
                for c in range(c0, c1):
                    x = (c - (fine - 1) / 2) * step
                    dx, dy = x - e[0], y - e[1]
                    if e[2] * dx * dx + 2 * e[3] * dx * dy + e[4] * dy * dy > 1.0:
                        continue
                    if layer == 1:
                        image[r, c] += delta[m]
                        continue
                    if clip[m] >= 0:
                        k = clips[clip[m]]
                        gx, gy = x - k[0], y - k[1]
                        if k[2] * gx * gx + 2 * k[3] * gx * gy + k[4] * gy * gy > 1.0:
                            continue
                    image[r, c] = values[m]
    out = np.zeros((size, size), np.float32)
    for r in range(size):
        for c in range(size):
            total = 0.0
            for i in range(samples):
                for j in range(samples):
                    total += image[r * samples + i, c * samples + j]
            out[r, c] = total / (samples * samples)
    return out


def _plane(scene: Scene, z: float):
    """Tables of the plane in the projector's axes (y up, so y and the mixed term change sign)."""

    def flip(table: np.ndarray) -> np.ndarray:
        return table * np.array([1, -1, 1, -1, 1, 1])

    painted, index = sections(scene.painted, z)
    texture, texture_index = sections(scene.texture, z)
    clips, clip_index = sections(scene.clips, z)
    value = np.array(scene.painted.value)[index] if len(index) else np.zeros(0)
    delta = np.array(scene.texture.value)[texture_index] if len(texture_index) else np.zeros(0)
    wanted = np.array(scene.painted.clip, np.int64)[index] if len(index) else np.zeros(0, np.int64)
    # If the plane misses a clip region, its shapes are absent.
    place = {int(k): i for i, k in enumerate(clip_index)}
    alive = np.array([k < 0 or int(k) in place for k in wanted], bool)
    clip = np.array([place.get(int(k), -1) for k in wanted[alive]], np.int64)
    return flip(painted[alive]), value[alive], clip, flip(clips), flip(texture), delta


def plane_integrals(scene: Scene, z: float, fan: FanBeam, mu_w: float) -> np.ndarray:
    """[views, channels] exact line integrals of the plane z: mu = mu_w (1 + HU/1000), mu_w in 1/mm."""
    painted, value, clip, clips, texture, delta = _plane(scene, z)
    return _trace(
        painted, mu_w * (1 + value / 1000), clip, clips, texture, mu_w * delta / 1000,
        fan.source_to_isocentre, fan.channel_angle, fan.channels, fan.views,
    )  # fmt: skip


def plane_raster(scene: Scene, z: float, size: int, pixel_mm: float, samples: int = 3) -> np.ndarray:
    """[size, size] HU of the plane z, averaged over samples x samples points a pixel."""
    painted, value, clip, clips, texture, delta = _plane(scene, z)
    return _raster(painted, value, clip, clips, texture, delta, size, pixel_mm, samples)
