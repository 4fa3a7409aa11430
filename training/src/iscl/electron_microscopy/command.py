"""`iscl em`: ISCL on stacks of electron micrographs (PNG, TIFF), or on a synthetic set with known truth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser("em", help="train on electron microscopy stacks", description=__doc__)
    parser.add_argument("--noisy", type=Path, help="noisy stack: a folder of PNG or TIFF files, or a multi-page TIFF")
    parser.add_argument("--clean", type=Path, help="clean stack of other tissue")
    parser.add_argument("--synthetic", action="store_true", help="use synthetic micrographs, and measure against their truth")
    parser.add_argument("--out", type=Path, required=True, help="folder for the denoised stack and model.pt")
    parser.add_argument("--iterations", type=int, default=1200)
    parser.add_argument("--channels", type=int, default=32, help="width of the networks")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    import torch

    from . import synthetic
    from .stacks import StackError, read_stack, write_stack
    from .train import EmConfig, train

    if arguments.synthetic == bool(arguments.noisy or arguments.clean):
        raise StackError("give --noisy and --clean, or --synthetic alone")
    if not arguments.synthetic and not (arguments.noisy and arguments.clean):
        raise StackError("ISCL needs both: --noisy and --clean")
    torch.set_num_threads(arguments.threads)
    if arguments.synthetic:
        noisy, clean = synthetic.unpaired_set(arguments.seed, 12)
    else:
        noisy, clean = read_stack(arguments.noisy), read_stack(arguments.clean)
    config = EmConfig(
        iterations=arguments.iterations, batch=arguments.batch, channels=arguments.channels, seed=arguments.seed
    )
    model = train(noisy, clean, config, _progress)
    arguments.out.mkdir(parents=True, exist_ok=True)
    nets = {"denoiser": model.denoiser.state_dict(), "extractor": model.extractor.state_dict()}
    torch.save({"channels": config.channels, **nets}, arguments.out / "model.pt")
    write_stack([model.denoise(image) for image in noisy], arguments.out / "denoised")
    print(f"wrote {len(noisy)} denoised images and model.pt to {arguments.out}")
    if arguments.synthetic:
        pairs = synthetic.held_out_pairs(arguments.seed, 6)
        print(measure(model, pairs))
        _figure(model, *pairs[0], arguments.out / "em.png")
    return 0


def _progress(iteration: int, losses: dict[str, float], seconds_left: float) -> None:
    text = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
    print(f"{iteration}: {text}; about {seconds_left / 60:.1f} min left", file=sys.stderr, flush=True)


def measure(model, pairs: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """Mean PSNR of held-out (noisy, truth) images: input, the best Gaussian blur (chosen with the truth), F, x - H, ensemble."""
    from scipy import ndimage

    from .train import psnr

    def mean(denoise) -> float:
        return float(np.mean([psnr(denoise(noisy), truth) for noisy, truth in pairs]))

    start = mean(lambda x: x)
    blur = max(mean(lambda x, s=s: ndimage.gaussian_filter(x, s)) for s in (0.4, 0.6, 0.8, 1.0, 1.3))
    rows = [("input", start), ("best Gaussian blur", blur)]
    rows += [(name, mean(lambda x, g=g: model.denoise(x, g))) for name, g in (("F", 1.0), ("x - H", 0.0), ("ensemble", 0.5))]
    return "\n".join(f"{name}: {value:.2f} dB ({value - start:+.2f})" for name, value in rows)


def _figure(model, noisy: np.ndarray, truth: np.ndarray, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    denoised = model.denoise(noisy)
    panels = (("truth", truth), ("film and charging noise", noisy), ("ISCL, ensemble", denoised), ("removed", noisy - denoised))
    figure, axes = plt.subplots(1, 4, figsize=(11, 3))
    for axis, (title, image) in zip(axes, panels, strict=True):
        axis.imshow(image, cmap="gray", vmin=-1, vmax=1)
        axis.set_title(title, fontsize=8)
        axis.axis("off")
    figure.savefig(path, dpi=80, bbox_inches="tight")
    plt.close(figure)
