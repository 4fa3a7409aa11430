"""A run's configuration: a TOML file, checked before anything is read or trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..nets import names
from .patches import PatchOptions

METHODS = ("supervised", "iscl")


class ConfigError(ValueError):
    """The configuration is not usable; the message names the entry."""


@dataclass(frozen=True)
class IsclOptions:
    """Weights and switches of the unpaired method (symbols as in docs/training.md)."""

    networks: str = "paper"
    """"paper": the published F, G, H, D on [-1, 1]; "ct": the CT networks in HU."""
    cycle_weight: float = 30.0
    """lambda, on cycle and bypass consistency."""
    adversarial_weight: float = 1.0
    boosting_weight: float = 1.0
    fake_margin: float = 0.0
    """Margin of the fakes in the discriminators' hinge. The paper's is 0; where F and x - H(x) start equal, two fakes then
    outvote one real and all logits settle at 0, so the ct configurations take 1."""
    use_extractor: bool = True
    """Without H the method is a CycleGAN with hinge loss: the ablation."""
    discriminator_lr: float = 0.0
    """0: the same as `lr`."""
    discriminator_lead: int = 0
    """Iterations at the start in which the discriminators learn alone."""
    decay: float = 1e-3
    """Final learning rate relative to the first, reached linearly."""
    anchor_weight: float = 0.0
    """Weight of the simulated pairs' L1 beside the unpaired losses (ct only); 0 is purely unpaired."""
    real_share: float = 0.5
    """Share of noisy patches taken from real noisy series, the rest are simulated."""


@dataclass(frozen=True)
class TrainConfig:
    method: str = "supervised"
    network: str = "ct-fast"
    """The denoiser of a supervised run or of an iscl run with ct networks."""
    iterations: int = 12000
    lr: float = 1e-3
    """Peak learning rate."""
    warmup: int = 200
    """Iterations of linear warm-up (supervised)."""
    edge_weight: float = 0.0
    """Weight of the denoiser's bias on inserted edges beside its plain loss on pairs; above 0, half of each batch is the
    other half with its noise turned."""
    ema: float = 0.999
    """Decay of the weights' moving average per iteration, 0 (none) to below 1."""
    seed: int = 0
    threads: int = 1
    bf16: bool = True
    """Convolutions in bfloat16 where the device has it (`run.half_precision`); a run goes on elsewhere with slightly other figures."""
    device: str = "cpu"
    log_every: int = 100
    checkpoint_seconds: float = 120.0
    validate_every: int = 1000
    validation_slices: int = 12
    start_from: str = ""
    """Checkpoint, or model file (.onnx) of `iscl export`, whose denoiser this run starts from."""
    patches: PatchOptions = field(default_factory=PatchOptions)
    iscl: IsclOptions = field(default_factory=IsclOptions)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def make_config(raw: dict[str, Any]) -> TrainConfig:
    """Raises ConfigError for an unknown entry, a wrong type or a value out of range."""
    raw = dict(raw)
    patches = _section(PatchOptions, raw.pop("patches", {}), "patches")
    iscl = _section(IsclOptions, raw.pop("iscl", {}), "iscl")
    config = _section(TrainConfig, {**raw, "patches": patches, "iscl": iscl}, "")
    if config.method not in METHODS:
        raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {config.method!r}")
    if config.network not in names():
        raise ConfigError(f"network must be one of {', '.join(names())}, not {config.network!r}")
    if config.iscl.networks not in ("paper", "ct"):
        raise ConfigError(f"iscl.networks must be \"paper\" or \"ct\", not {config.iscl.networks!r}")
    for name in ("iterations", "lr", "threads", "log_every", "validate_every", "validation_slices"):
        if not getattr(config, name) > 0:
            raise ConfigError(f"{name} must be above 0, not {getattr(config, name)}")
    if patches.size % 16 or patches.size < 32 or patches.batch < 1:
        raise ConfigError("patches.size must be a multiple of 16, at least 32, and patches.batch at least 1")
    if not 0 <= config.ema < 1:
        raise ConfigError(f"ema must lie from 0 to below 1, not {config.ema}")
    if config.edge_weight and patches.batch < 2:
        raise ConfigError("edge_weight needs a patches.batch of at least 2: half of it is the other half with its noise turned")
    if not 0 < patches.amplitude[0] <= patches.amplitude[1]:
        raise ConfigError("patches.amplitude must be two rising numbers above 0")
    return config


def _section(kind: type, raw: Any, name: str) -> Any:
    if not isinstance(raw, dict):
        raise ConfigError(f"{name} must be a section of entries, not {raw!r}")
    known = {entry.name: entry for entry in fields(kind)}
    values = {}
    for key, value in raw.items():
        label = f"{name}.{key}" if name else key
        if key not in known:
            raise ConfigError(f"unknown entry {label}; known are {', '.join(known)}")
        default = known[key].default
        if isinstance(default, tuple):
            if not isinstance(value, (list, tuple)) or len(value) != len(default):
                raise ConfigError(f"{label} must be {len(default)} numbers")
            value = tuple(float(v) for v in value)
        elif isinstance(default, (bool, str)):
            if not isinstance(value, type(default)):
                raise ConfigError(f"{label} must be a {type(default).__name__}, not {value!r}")
        elif isinstance(default, (int, float)):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ConfigError(f"{label} must be a number, not {value!r}")
            if isinstance(default, int) and value != int(value):
                raise ConfigError(f"{label} must be a whole number, not {value!r}")
            value = type(default)(value)
        values[key] = value
    return kind(**values)
