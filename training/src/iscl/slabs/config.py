"""A slab run's configuration: a TOML file, checked before anything is read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..nets import names


class SlabConfigError(ValueError):
    """The configuration is not usable; the message names the entry."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DrawOptions(_Section):
    """How slabs are drawn. Shares are probabilities for one slab."""

    size: int = Field(96, ge=64, multiple_of=16)
    """Side of a patch, pixels."""
    batch: int = Field(8, ge=1)
    """Slabs of a batch; each is used twice, with the probe added and with the probe taken away."""
    quiet_amplitude: tuple[float, float] = (1.0, 3.5)
    """Noise like the scan's own that is added, relative to the scan's own, log-uniform. The more is added, the less of it is in the target;
    a quiet scan can take much."""
    noisy_amplitude: tuple[float, float] = (1.0, 2.0)
    """The same for scans over 14 HU."""
    extra_share: float = Field(0.4, ge=0, le=1)
    """Share with noise of another colour added."""
    extra_sd: tuple[float, float] = (5.0, 45.0)
    """Standard deviation of that noise in HU, log-uniform."""
    harvested_share: float = Field(0.0, ge=0, le=1)
    """Share of that noise that is taken from real noisy scans (half the difference of neighbouring slices)."""
    most_noise: float = Field(110.0, gt=0)
    """Most noise in the input, HU."""
    zoom: tuple[float, float] = (0.75, 1.4)
    zoom_share: float = Field(0.4, ge=0, le=1)
    stride_share: float = Field(0.15, ge=0, le=1)
    """Share of slabs of thin slices that skip slices, up to 5 mm."""
    repeat_share: float = Field(0.08, ge=0, le=1)
    """Share of slabs whose slices are all the same one, noise and all."""
    stranger_share: float = Field(0.04, ge=0, le=1)
    """Share of slabs with an outer slice of other anatomy."""
    lesions: float = Field(0.7, ge=0, le=1)
    """Share with one to four inserted ellipsoids, in input and target alike."""
    lesion_contrast: tuple[float, float] = (5.0, 300.0)
    probe_contrast: tuple[float, float] = (6.0, 80.0)
    """Contrast of the probes in HU, log-uniform, of either sign."""
    probe_radius_mm: tuple[float, float] = (1.2, 6.0)


class IsclOptions(_Section):
    """Weights of the unpaired part; symbols as in docs/training.md."""

    cycle_weight: float = 10.0
    """On cycle and bypass consistency."""
    adversarial_weight: float = 0.05
    boosting_weight: float = 1.0
    fake_margin: float = 1.0
    discriminator_lr: float = 2e-4
    discriminator_lead: int = 50
    judge_slices: int = Field(3, ge=1)
    """Slices that a discriminator sees at once."""
    anchor_weight: float = Field(1.0, ge=0)
    """Weight of the pairs with known targets."""
    signal_on_real: float = Field(0.0, ge=0)
    """Weight of F(x + s) - F(x - s) = 2 s on real noisy slabs."""
    neighbour_weight: float = Field(0.0, ge=0)
    """Weight of a neighbouring slice as the target of a real noisy slab."""
    use_extractor: bool = True
    """Without H: a CycleGAN with hinge loss."""


class SlabConfig(_Section):
    name: str
    network: str
    minutes: float = Field(8.0, gt=0)
    """Time of training, for runs that are told by the clock."""
    iterations: int = Field(0, ge=0)
    """0: as many as fit into `minutes`."""
    lr: float = Field(1e-3, gt=0)
    warmup: int = 200
    ema: float = Field(0.999, ge=0, lt=1)
    signal_weight: float = Field(0.3, ge=0)
    """Weight of the contrast of probes beside the pairs' loss."""
    method: str = Field("supervised", pattern="^(supervised|iscl)$")
    start_from: str = ""
    """Name of the run, or checkpoint, whose weights this run starts from."""
    seed: int = 0
    draw: DrawOptions = DrawOptions()
    iscl: IsclOptions = IsclOptions()

    @model_validator(mode="after")
    def _known_network(self) -> SlabConfig:
        if self.network not in names() or not self.network.startswith("ct-"):
            raise ValueError(f"network must be one of {', '.join(n for n in names() if n.startswith('ct-'))}, not {self.network!r}")
        return self


def load_recipe(path: Path, **changes: Any) -> list[SlabConfig]:
    """The runs of a TOML file: its `[[run]]` entries, each over the file's `[common]`; `changes` override both.

    Raises SlabConfigError with the entries that are wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SlabConfigError(f"cannot read {path}: {error}") from error
    common, runs = content.get("common", {}), content.get("run", [])
    if set(content) - {"common", "run"} or not runs:
        raise SlabConfigError(f"{path.name} must hold [[run]] entries and may hold [common], nothing else")
    made = []
    for entry in runs:
        merged: dict[str, Any] = {**common, **entry, **changes}
        for section in ("draw", "iscl"):
            merged[section] = {**common.get(section, {}), **entry.get(section, {}), **changes.get(section, {})}
        try:
            made.append(SlabConfig(**merged))
        except ValidationError as error:
            lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise SlabConfigError(f"{path.name}, run {entry.get('name', '?')}: {'; '.join(lines)}") from error
    return made
