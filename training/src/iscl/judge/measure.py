"""One denoiser on one prepared stack: every figure at three settings, with bootstrap draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .denoisers import Denoiser, apply_stack
from .flatness import NoiseKept, blend, blend_linear
from .observers import NoiseRegions, Observed, region, without_anatomy
from .places import HALF, LUNG, Place
from .prepared import EDGE_LESION, LARGE_LESION, RULE_LESION, SLICE_LESION, Prepared
from .signals import Lesion, add, windows

DRAWS = 60
MINIMUM_PLACES = 5
CUTS = {"cut50": 0.5, "cut60": 0.4}
"""Settings at equal noise: the share of the noise (SD) that is left."""
SHIPPED = "shipped"
TISSUES = ("air", "lung", "fat", "soft", "bone")


class Seen:
    """What a denoiser makes of one kind of lesion in one tissue. core: [places, 3]: mean over the core of the lesion itself, of what
    appears when it is added, and of what is lost when it is taken away, HU. neighbours: [places, slices, 2], the same core read in the
    slices from -3 to 3 (added, taken away), nan outside the stack."""

    def __init__(self, lesion: Lesion):
        self.lesion = lesion
        self.core: list[tuple[float, float, float]] = []
        self.regions: list[np.ndarray] = []
        self.along_z: list[list[float]] = []


def judge_series(denoiser: Denoiser, prepared: Prepared, draws: int = DRAWS, progress: Callable[[str], None] | None = None) -> dict:
    """{setting: {figure: {"value", "draws"}}} for `shipped`, `cut50` and `cut60`, and {"strength", "lesions", "patient"} beside them.

    A setting whose cut full strength does not reach is None.
    """
    stack, gap = prepared.material.stack, prepared.material.gap_mm
    output = apply_stack(denoiser, stack, gap)
    seen: dict[tuple[Lesion, str], Seen] = {}
    for number, places in enumerate(prepared.rounds):
        if not places:
            continue
        if progress:
            progress(f"round {number + 1} of {len(prepared.rounds)}")
        added, taken = stack.copy(), stack.copy()
        for place in places:
            shape = prepared.shape_of(place.lesion)
            add(added, shape, place.at, place.lesion.contrast_hu)
            add(taken, shape, place.at, -place.lesion.contrast_hu)
        more, less = apply_stack(denoiser, added, gap) - output, output - apply_stack(denoiser, taken, gap)
        for place in places:
            # The lesions of the first two rounds are those of the rule; later rounds fill the other tissues and contrasts.
            key = (place.lesion, "rule" if number < 2 else place.tissue)
            _read(seen.setdefault(key, Seen(place.lesion)), place, prepared, more, less)
    return _figures(prepared, output, seen, draws)


def _read(seen: Seen, place: Place, prepared: Prepared, more: np.ndarray, less: np.ndarray) -> None:
    shape, contrast = prepared.shape_of(place.lesion), place.lesion.contrast_hu
    target, own = windows(more.shape, shape.values.shape, place.at)
    core = shape.core[own]
    seen.core.append((contrast * float(shape.values[own][core].mean()), float(more[target][core].mean()), float(less[target][core].mean())))
    if place.lesion.shape in ("slice", "edge"):
        plane = shape.core[len(shape.core) // 2]
        rows, columns = target[1:]
        whole = (more + less)[:, rows, columns] / 2
        z = place.at[0]
        seen.along_z.append([float(whole[z + k][plane].mean()) if 0 <= z + k < len(whole) else np.nan for k in range(-2, 3)])
    else:
        seen.regions.append((region(more, place.at) + region(less, place.at)).astype(np.float64) / 2)


def _figures(prepared: Prepared, output: np.ndarray, seen: dict[tuple[Lesion, str], Seen], draws: int) -> dict:
    stack, material = prepared.material.stack, prepared.material
    kept = NoiseKept.measure(prepared.noise, output, prepared.flat)
    soft = [s for s in prepared.sites if s.tissue != LUNG]
    noise = NoiseRegions.measure(stack, output, material.twin, soft) if len(soft) >= 2 * 6 else None
    strengths = _strengths(noise)
    result: dict = {"patient": material.patient, "noise_hu": None, "strength": strengths, "sites": len(soft), "lesions": {}}
    if noise is not None:
        result["noise_hu"] = float(np.sqrt((noise.before**2).mean()))
    bias = {t: _bias(stack, output, prepared.tissues[t]) for t in TISSUES}
    for setting, strength in strengths.items():
        result[setting] = None if strength is None else _setting(strength, prepared, kept, noise, bias, seen, draws)
    result["lesions"] = {f"{lesion.name}, {tissue}": len(s.core) for (lesion, tissue), s in seen.items()}
    return result


def _strengths(noise: NoiseRegions | None) -> dict[str, float | None]:
    """The plain strength at which each setting's share of the noise is left; None where full strength leaves more."""
    found: dict[str, float | None] = {SHIPPED: 1.0}
    grid = np.linspace(0, 1, 1001)
    for name, left in CUTS.items():
        found[name] = None
        if noise is not None:
            v0, c, v1 = noise.moments.mean(axis=1)
            enough = np.flatnonzero(blend(grid, v0, c, v1) <= left**2 * v0)
            found[name] = float(grid[enough[0]]) if enough.size else None
    return found


def _bias(stack: np.ndarray, output: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """[slices, 2]: sum of output less input over a tissue, and its pixels."""
    change = output - stack
    return np.array([[float(d[m].sum(dtype=np.float64)), float(m.sum())] for d, m in zip(change, mask, strict=True)])


def _setting(strength, prepared, kept, noise, bias, seen, draws) -> dict:
    rng = np.random.default_rng(0)
    slices = len(prepared.material.stack)
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    observed = {key: _observed(s, prepared, noise) for key, s in seen.items() if noise is not None and s.regions}
    sites = len(noise.before) if noise is not None else 0
    moments = noise.moments if noise is not None else np.empty((3, 0))
    for draw in range(draws + 1):
        first = draw == 0
        pick = np.arange(slices) if first else rng.integers(0, slices, slices)
        at = np.arange(sites) if first else rng.integers(0, sites, sites) if sites else None
        for name, value in kept.figures(strength, pick).items():
            note(name, value)
        for tissue, sums in bias.items():
            total, count = sums[pick].sum(axis=0)
            note(f"bias_{tissue}", strength * total / count if count >= 2000 else np.nan)
        if noise is not None:
            before, between, after = moments[:, at].mean(axis=1)
            note("noise_left", float(np.sqrt(max(blend(strength, before, between, after), 0.0) / before)))
            own = noise.mean_frequency(strength, at)
            note("nps", own / noise.mean_frequency(0.0, at))
            note("nps_twin", own / noise.twin_mean_frequency(at))
        for (lesion, tissue), s in seen.items():
            places = np.arange(len(s.core)) if first else rng.integers(0, len(s.core), len(s.core))
            for name, value in _lesion(strength, s, places, observed.get((lesion, tissue)), at).items():
                note(f"{name}|{lesion.name}, {tissue}", value if len(s.core) >= MINIMUM_PLACES else np.nan)
    for short, lesion in (("5mm", RULE_LESION), ("10mm", LARGE_LESION), ("slice", SLICE_LESION), ("edge", EDGE_LESION)):
        for name in [n for n in found if n.endswith(f"|{lesion.name}, rule")]:
            found[f"{name.split('|')[0]}_{short}"] = found.pop(name)
    return {name: {"value": values[0], "draws": values[1:]} for name, values in found.items()}


def _observed(s: Seen, prepared: Prepared, noise: NoiseRegions) -> Observed:
    middle = prepared.shape_of(s.lesion).values
    middle = middle[len(middle) // 2]
    side = 2 * HALF + 1
    signal = np.zeros((side, side))
    target, own = windows(signal.shape, middle.shape, (HALF, HALF))
    signal[target] = s.lesion.contrast_hu * middle[own]
    fine = without_anatomy(np.stack([signal, *s.regions]))
    width = 1.5 * s.lesion.diameter_mm / prepared.material.pixel_mm + 4.0
    return Observed(fine[0], fine[1:], noise, width)


def _lesion(strength: float, s: Seen, places: np.ndarray, observed: Observed | None, sites) -> dict[str, float]:
    own, more, less = np.asarray(s.core)[places].sum(axis=0)
    figures = {
        "contrast": blend_linear(strength, 1.0, (more + less) / 2 / own),
        "lighter": blend_linear(strength, 1.0, more / own),
        "darker": blend_linear(strength, 1.0, less / own),
    }
    if s.along_z:
        profile = np.nanmean(np.asarray(s.along_z)[places], axis=0) * len(places) / own
        inserted = np.array([0.0, 0, 1, 0, 0]) if s.lesion.shape == "slice" else np.array([0.0, 0, 1, 1, 1])
        profile = blend_linear(strength, inserted, profile)
        if s.lesion.shape == "slice":
            figures["leak"] = (profile[1] + profile[3]) / 2
        else:
            figures["step"] = profile[2] - profile[1]
    elif observed is not None:
        figures["npw"], figures["cho"] = observed.relative(strength, places, sites)
    return figures
