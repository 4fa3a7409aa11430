"""Electron microscopy: image stacks, a synthetic set with structured noise, and ISCL on both."""

from .stacks import StackError, read_stack, write_stack
from .train import EmConfig, EmModel, EmTrainingError, psnr, train

__all__ = ["EmConfig", "EmModel", "EmTrainingError", "StackError", "psnr", "read_stack", "train", "write_stack"]
