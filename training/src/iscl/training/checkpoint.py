"""Checkpoints: written whole or not at all, and enough to continue a run exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ..nets import PaperHuDenoiser, build
from ..whole_file import whole_file

FORMAT = 1


class CheckpointError(ValueError):
    """The checkpoint cannot be used; the message says why."""


def save(path: Path, content: dict[str, Any]) -> None:
    """Writes the checkpoint; a killed run leaves the previous one whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        torch.save({"format": FORMAT, **content}, partial)


def load(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint at {path}") from error
    except Exception as error:  # torch raises pickle, zip and runtime errors alike for a damaged file
        raise CheckpointError(f"{path} is no checkpoint, or it is damaged ({error})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no checkpoint of this version")
    return content


def load_checkpoint(path: Path, row: str = "denoiser") -> nn.Module:
    """The trained denoiser as one module, HU to HU ([N, 1, H, W]), in evaluation mode.

    `row` is "denoiser" (F alone), "extractor" (x - H(x)) or "ensemble" (both at equal weight).
    """
    if row not in ("denoiser", "extractor", "ensemble"):
        raise CheckpointError(f"no row of a checkpoint is called {row!r}")
    content = load(path)
    nets = content.get("ema") or content["nets"]
    kinds = content["kinds"]

    def restore(name: str) -> nn.Module:
        if name not in nets:
            raise CheckpointError(f"{path} holds no {name}; it holds {', '.join(nets)}")
        net = build(kinds[name])
        net.load_state_dict(nets[name])
        return net

    if kinds["denoiser"] == "paper-generator":
        gamma = {"denoiser": 1.0, "extractor": 0.0, "ensemble": 0.5}[row]
        net: nn.Module = PaperHuDenoiser(restore("denoiser"), restore("extractor"), gamma)
    elif row == "denoiser":
        net = restore("denoiser")
    elif row == "extractor":
        net = restore("extractor")
    else:
        net = Ensemble(restore("denoiser"), restore("extractor"))
    return net.eval()


def start_weights(path: Path, network: str) -> dict[str, Tensor]:
    """Weights for a `network` to start from: a checkpoint's denoiser, or a model file (.onnx) that `iscl export` wrote, so that
    training can go on from a shipped model. A slab network with fewer outputs starts from the middle ones of `path`'s network.
    Raises CheckpointError where they are of another network."""
    path = Path(path)
    own = build(network).state_dict()
    found = _middle_outputs(_onnx_weights(path) if path.suffix == ".onnx" else load_checkpoint(path).state_dict(), own)
    unlike = [name for name, value in own.items() if name not in found or found[name].shape != value.shape]
    if unlike:
        raise CheckpointError(f"{path} has other weights than {network} ({unlike[0]} is the first): start from the same network")
    return {name: found[name] for name in own}


def _middle_outputs(found: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """`found` with the rows of the last layer that the network of `own` has too: those of the slices in the middle of the slab."""
    names = [name for name in ("unet.head.weight", "unet.head.bias") if name in found and name in own]
    surplus = {name: len(found[name]) - len(own[name]) for name in names}
    if not names or min(surplus.values()) <= 0 or any(count % 2 for count in surplus.values()):
        return found
    return {**found, **{name: found[name][count // 2 : count // 2 + len(own[name])] for name, count in surplus.items()}}


def _onnx_weights(path: Path) -> dict[str, Tensor]:
    try:
        graph = onnx.load(str(path)).graph
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no model file at {path}") from error
    except Exception as error:  # protobuf's errors have no public base class
        raise CheckpointError(f"{path} is no ONNX file, or it is damaged ({error})") from error
    weights = {entry.name: torch.from_numpy(numpy_helper.to_array(entry).copy()) for entry in graph.initializer}
    for node in graph.node:
        # torch writes equal tensors once and the others as their Identity.
        if node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    return weights


class Ensemble(nn.Module):
    """gamma F(x) + (1 - gamma)(x - H(x)), where `extractor` gives x - H(x)."""

    def __init__(self, denoiser: nn.Module, extractor: nn.Module, gamma: float = 0.5) -> None:
        super().__init__()
        self.denoiser, self.extractor, self.gamma = denoiser, extractor, gamma

    def forward(self, hu: torch.Tensor) -> torch.Tensor:
        return self.gamma * self.denoiser(hu) + (1.0 - self.gamma) * self.extractor(hu)
