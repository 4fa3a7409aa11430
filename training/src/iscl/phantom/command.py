"""`iscl phantom`: the demo study as DICOM, and a test set with exact ground truth."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from ..data.progress import Clock
from .anatomy import LIVER_LESIONS, chest_abdomen
from .lungs import NODULES
from .scan import Protocol, scan_slice, truth_slice
from .scene import Scene
from .write import instance, series_plan, write_instance

_shared: dict[str, Scene] = {}


def _start(seed: int) -> None:
    torch.set_num_threads(1)
    if "scene" not in _shared:
        _shared["scene"] = chest_abdomen(seed)


def _dicom(index: int, doses: list[float], truth: bool, protocol: Protocol, seed: int, out: Path) -> int:
    images = scan_slice(_shared["scene"], index, doses, protocol, seed, noiseless=truth)
    written = 0
    for dose, image in zip([None, *doses] if truth else doses, images, strict=True):
        plan = series_plan(dose)
        written += write_instance(instance(image, index, plan, protocol, seed), out / plan.folder).stat().st_size
    return written


def _test_slice(index: int, doses: list[float], protocol: Protocol, seed: int, out: Path) -> int:
    scene = _shared["scene"]
    images = scan_slice(scene, index, doses, protocol, seed)
    path = out / f"slice-{index:03d}.npz"
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        truth=truth_slice(scene, index, protocol),
        noiseless=images[0],
        noisy=images[1:].astype(np.float32),
        doses=np.array(doses, np.float32),
        z=np.float32(protocol.heights()[index]),
        spacing=np.float32(protocol.pixel_mm),
        liver_lesions=np.array([(*c, r, hu) for c, r, hu in LIVER_LESIONS], np.float32),
        lung_nodules=np.array([(*c, r, hu) for c, r, hu in NODULES], np.float32),
    )
    return path.stat().st_size


def run(args: argparse.Namespace) -> int:
    if args.slices < 1 or args.size < 16 or args.spacing <= 0:
        raise ValueError("--slices takes at least 1, --size at least 16, --spacing more than 0 mm")
    if args.demo and (args.test_set or args.truth):
        raise ValueError("--demo has fixed settings; --test-set and --truth go with --out")
    protocol = replace(Protocol(), size=args.size, slices=args.slices, spacing_mm=args.spacing)
    if args.demo:
        out, doses, seed, protocol = Path(args.demo), [1.0, 0.25], 1, Protocol()
    else:
        out, doses, seed = Path(args.out), args.doses, args.seed
    if any(not 0 < d <= 1 for d in doses):
        raise ValueError(f"dose fractions must lie in (0, 1], got {doses}")
    # Built once here and inherited by the workers.
    _shared["scene"] = chest_abdomen(seed)
    clock, total = Clock(protocol.slices, "phantom slice"), 0
    with ProcessPoolExecutor(args.workers, get_context("fork"), initializer=_start, initargs=(seed,)) as pool:
        if args.test_set:
            futures = [pool.submit(_test_slice, i, doses, protocol, seed, out) for i in range(protocol.slices)]
        else:
            futures = [
                pool.submit(_dicom, i, doses, args.truth, protocol, seed, out)
                for i in range(protocol.slices)
            ]
        for future in as_completed(futures):
            total += future.result()
            clock.step()
    print(f"{out}: {protocol.slices} slices at doses {doses}, {total / 1e6:.1f} MB")
    return 0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser("phantom", help="scan the chest-abdomen phantom: DICOM series or a test set")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--demo", metavar="DIR", help="regenerate the demo study (full/ and quarter/), fixed settings")
    where.add_argument("--out", metavar="DIR", help="folder to write to")
    parser.add_argument("--test-set", action="store_true", help="write .npz with exact truth instead of DICOM")
    parser.add_argument("--truth", action="store_true", help="also write the noiseless series")
    parser.add_argument("--doses", type=float, nargs="+", default=[1.0, 0.25], help="dose fractions")
    parser.add_argument("--slices", type=int, default=40)
    parser.add_argument("--spacing", type=float, default=3.0, help="mm between slices; the anatomy spans 120 mm")
    parser.add_argument("--size", type=int, default=512, help="rows and columns")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes, one thread each")
    parser.set_defaults(func=run)
