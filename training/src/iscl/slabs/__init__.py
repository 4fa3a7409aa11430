"""Training on contiguous slices: volumes, the noise of a scan, slabs drawn from both, and the runs that learn from them."""

from .config import SlabConfig, SlabConfigError, load_recipe
from .pack import pack, read_pack
from .run import train
from .sampler import SlabBatch, SlabSampler
from .volume import Volume, VolumeError, read_volume

__all__ = ["SlabBatch", "SlabConfig", "SlabConfigError", "SlabSampler", "Volume", "VolumeError", "load_recipe", "pack", "read_pack",
           "read_volume", "train"]
