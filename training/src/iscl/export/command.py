"""`iscl export`: a checkpoint becomes a model of models/ (ONNX, golden pair, manifest entry)."""

from __future__ import annotations

import argparse
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..nets import CtDenoiser, count_parameters, gflop
from ..training import load_checkpoint
from .golden import COLUMNS, ROWS, golden_input
from .golden_full import write_full_pair
from .manifest import ModelEntry, sha256, upsert
from .onnx_file import ExportError, apply, compare, export_onnx, halve_weights, session, slab_of
from .wasm_graph import write_wasm_graph

MOST_STRENGTH = 2.0
"""A network trained with probes takes less than it finds, everywhere alike: full strength may be more than 1 of its noise map."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("export", help="write a checkpoint to models/", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--card", type=Path, required=True,
                        help="TOML that describes the model: id, version, name, method, domain, metrics, training")
    parser.add_argument("--models", type=Path, required=True, help="the models folder")
    parser.add_argument("--row", default="denoiser", choices=("denoiser", "extractor", "ensemble"))
    parser.add_argument(
        "--keep", type=float, default=None, help="share of the fine part of the removed noise that stays at full strength, 0 to 0.6"
    )
    parser.add_argument("--strength", type=float, default=1.0,
                        help="share of the noise map that full strength removes, above 0 to 2: scales the network's last layer")
    parser.add_argument("--default", action="store_true", help="make it the default model")
    parser.set_defaults(func=handle)


def handle(arguments: argparse.Namespace) -> int:
    with arguments.card.open("rb") as file:
        card = tomllib.load(file)
    net = load_checkpoint(arguments.checkpoint, arguments.row)
    if arguments.keep is not None:
        if not isinstance(net, CtDenoiser) or not 0 <= arguments.keep <= 0.6:
            raise ExportError("--keep takes 0 to 0.6, and a ct network as its checkpoint")
        net.keep = arguments.keep
    if arguments.strength != 1.0:
        if not isinstance(net, CtDenoiser) or not 0 < arguments.strength <= MOST_STRENGTH:
            raise ExportError("--strength takes above 0 to 2, and a ct network as its checkpoint")
        net.scale_noise(arguments.strength)
    entry = write_model(net, arguments.models, card)
    upsert(arguments.models / "manifest.json", entry, arguments.default)
    print(f"{entry.id} {entry.values['version']}: {entry.values['bytes']} bytes, "
          f"largest difference to torch {entry.values['checks']['onnxMaxErrorHU']} HU")
    return 0


def write_model(net: torch.nn.Module, folder: Path, card: dict[str, Any]) -> ModelEntry:
    """Writes the ONNX file(s) and the golden pair into `folder` and returns the manifest entry."""
    folder.mkdir(parents=True, exist_ok=True)
    name = card["id"]
    path = folder / f"{name}.onnx"
    export_onnx(net, path)
    error = compare(net, path)
    golden_in = golden_input(slab_of(net)[0])
    golden_out = apply(session(path), golden_in)
    files = {"input": f"{name}.golden-input.bin", "output": f"{name}.golden-output.bin"}
    (folder / files["input"]).write_bytes(golden_in.astype("<f4").tobytes())
    (folder / files["output"]).write_bytes(golden_out.astype("<f4").tobytes())
    half_error = _half_error(net, path)
    variants: list[dict[str, Any]] = []
    is_ct = isinstance(net, CtDenoiser)
    checks = {"onnxMaxErrorHU": _round_up(error), "fp16WeightsMaxErrorHU": _round_up(half_error)}
    if is_ct:
        graph = folder / f"{name}.wasm.onnx"
        write_wasm_graph(path, graph, CtDenoiser.MULTIPLE)
        checks["wasmGraphMaxErrorHU"] = _round_up(compare(net, graph))
        variants.append({"precision": "fp32", "provider": "wasm", **_described(graph)})
    entry = {
        "id": name,
        "version": card["version"],
        "name": card["name"],
        "file": path.name,
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "input": {"name": "hu", "rangeHU": [-1024, 3071], "multiple": 1, "tileStride": CtDenoiser.MULTIPLE if is_ct else 4},
        "output": {"name": "denoised"},
        "precision": "fp32",
        "variants": variants,
        "parameters": count_parameters(net),
        "gflop512": round(gflop(net), 2),
        "golden": {"rows": ROWS, "columns": COLUMNS, **files, "toleranceHU": 0.5, "full": write_full_pair(path, slab_of(net))},
        "checks": checks,
        **{key: card[key] for key in ("domain", "method", "metrics", "training", "licence")},
    }
    inputs, outputs = slab_of(net)
    if inputs > 1:
        entry["slab"] = {"inputs": inputs, "outputs": outputs, **card["slab"]}
    if isinstance(net, CtDenoiser):
        entry["keptFineNoiseShare"] = round(float(net.keep), 4)
    return ModelEntry(entry)


def _half_error(net: torch.nn.Module, source: Path) -> float:
    """Largest error in HU with weights in fp16. It is measured and such a file is not kept: no application reads one."""
    with tempfile.TemporaryDirectory() as folder:
        half = Path(folder) / source.name
        halve_weights(source, half)
        return compare(net, half, limit=float("inf"))


def _described(path: Path) -> dict[str, Any]:
    return {"file": path.name, "sha256": sha256(path), "bytes": path.stat().st_size}


def _round_up(value: float) -> float:
    return float(np.ceil(value * 1e4) / 1e4)
