"""ISCL: learning to denoise CT without pairs (simulation, training, evaluation, export)."""

__version__ = "0.1.0"
