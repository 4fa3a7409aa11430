"""Training runs: configuration, data, the two methods, checkpoints."""

from .checkpoint import CheckpointError, load_checkpoint, start_weights
from .config import ConfigError, IsclOptions, TrainConfig, make_config
from .pairs import PairsError, PairSlice, read_pairs
from .patches import PatchOptions, PatchSampler
from .run import RunError

__all__ = [
    "CheckpointError",
    "ConfigError",
    "IsclOptions",
    "PairSlice",
    "PairsError",
    "PatchOptions",
    "PatchSampler",
    "RunError",
    "TrainConfig",
    "load_checkpoint",
    "make_config",
    "read_pairs",
    "start_weights",
]
