"""Everything about a stack that does not depend on the denoiser: rounds of lesions, noise regions, masks. Kept on disk, for it takes longer
to find than a fast model to judge."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..evaluation.metrics import tissue_masks
from ..whole_file import whole_file
from .flatness import LocalNoise, flat_area
from .material import Material, load_material
from .places import DEPTH_PX, LUNG, SOFT, Finder, Place, Site
from .signals import Lesion, Rendered

QUICK, FULL = "quick", "full"
RULE_LESION = Lesion("ball", 5, 20.0)
LARGE_LESION = Lesion("ball", 10, 20.0)
SLICE_LESION = Lesion("slice", 10, 60.0)
EDGE_LESION = Lesion("edge", 10, 60.0)
CONTRASTS = (10.0, 20.0, 60.0, 120.0)
SIZES = (3.0, 5.0, 10.0)
ENOUGH = 40


@dataclass
class Prepared:
    """rounds: lesions inserted together, one pair of passes each. sites: regions that noise is read in, soft and lung. noise: local noise
    of the stack itself. flat: bool [N, H, W], where evenness is read. tissues: bool [N, H, W] each."""

    material: Material
    rounds: list[list[Place]]
    sites: list[Site]
    flat: np.ndarray
    tissues: dict[str, np.ndarray]
    noise: LocalNoise
    rendered: dict[Lesion, Rendered] = field(default_factory=dict)

    def shape_of(self, lesion: Lesion) -> Rendered:
        """The lesion as this stack's spacing shows it, without its contrast."""
        return self.rendered[Lesion(lesion.shape, lesion.diameter_mm, 1.0)]


def prepare(material: Material, mode: str) -> Prepared:
    """Deterministic. The quick rounds are the first of the full ones, so that both modes agree on every figure of the rule."""
    finder = Finder(material)
    depth = _depth(finder)
    rounds = [
        finder.place([(RULE_LESION, SOFT, 48)], depth),
        finder.place([(LARGE_LESION, SOFT, 16), (SLICE_LESION, SOFT, 16), (EDGE_LESION, SOFT, 12)], depth),
    ]
    if mode == FULL:
        rounds += _full_rounds(finder, depth)
    sites = finder.sites(SOFT, depth_px=depth)
    sites += finder.sites(LUNG, 60, 10.0) if mode == FULL else []
    guide = material.guide(1, 2.0)
    masks = [tissue_masks(image, body) for image, body in zip(guide, material.body, strict=True)]
    tissues = {name: np.stack([m[name] for m in masks]) for name in masks[0]}
    # Beyond the reconstructed field there is padding, not air.
    tissues["air"] &= ndimage.uniform_filter((material.stack <= -1024).astype(np.float32), (1, 9, 9)) < 0.5
    return Prepared(material, rounds, sites, flat_area(material), tissues, LocalNoise.of(material.stack), finder.all_rendered())


def _depth(finder: Finder) -> float:
    """How far from edges lesions and noise are read: DEPTH_PX, less where a stack has too little flat tissue for it."""
    for depth in (DEPTH_PX, 11.0, 9.0):
        if len(finder.sites(SOFT, ENOUGH, depth)) == ENOUGH:
            return depth
    return 8.0


def _full_rounds(finder: Finder, depth: float) -> list[list[Place]]:
    """For each contrast two rounds: the sizes and shapes take turns, in soft tissue and in lung."""
    rounds = []
    for contrast in CONTRASTS:
        for shapes in ("ball", "disc"):
            lesions = [Lesion(shapes, size, contrast) for size in SIZES]
            rounds.append(finder.place([(lesion, kind, count) for kind, count in ((SOFT, 16), (LUNG, 8)) for lesion in lesions], depth))
    return rounds


def load_prepared(data: Path, path: str, mode: str, cache: Path) -> Prepared:
    """`prepare` of a series of the shared data, from the cache where the code that finds places is the same."""
    here = Path(__file__).parent
    code = b"".join((here / name).read_bytes() for name in ("prepared.py", "places.py", "signals.py", "flatness.py", "material.py"))
    kept = cache / f"{path.split('/')[-1]}-{mode}-{hashlib.sha256(code).hexdigest()[:12]}.pickle"
    if kept.is_file():
        with kept.open("rb") as handle:
            return pickle.load(handle)
    prepared = prepare(load_material(data, path, cache), mode)
    cache.mkdir(parents=True, exist_ok=True)
    with whole_file(kept) as partial, partial.open("wb") as handle:
        pickle.dump(prepared, handle)
    return prepared
