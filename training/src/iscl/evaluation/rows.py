"""The rows of the results table: which denoisers are compared, in which order, and where each comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from . import baselines
from .cases import EvaluationError
from .score import as_denoise_fn

Denoise = Callable[[np.ndarray], np.ndarray]

NOT_TRAINED = "not trained here"


@dataclass(frozen=True)
class Row:
    """One line of the table. `load` makes the denoiser; a row with `absent` is printed with that reason instead.

    parameters: count; gflop: 1e9 floating-point operations of a 512x512 slice; both None where they do not apply.
    identity: changes whenever the denoiser does (its strength, the checkpoint's bytes), so that a measured row can be kept.
    """

    label: str
    load: Callable[[], Denoise] | None = None
    absent: str | None = None
    parameters: int | None = None
    gflop: float | None = None
    identity: str = ""


# (key of the runs index, part of the checkpoint, label). A checkpoint's parts: "denoiser" is F alone, "extractor" is
# x - H(x), "ensemble" is both at gamma 0.5.
_PRESET_ROWS = (
    ("iscl-{p}", "denoiser", "ISCL {p}, F alone"),
    ("iscl-{p}", "extractor", "ISCL {p}, x - H"),
    ("iscl-{p}", "ensemble", "ISCL {p}, ensemble"),
    ("iscl-{p}-distilled", "denoiser", "ISCL {p}, distilled"),
    ("iscl-{p}-scratch", "ensemble", "ISCL {p} from scratch, ensemble"),
    ("supervised-{p}", "denoiser", "{p}, simulated pairs (supervised)"),
)
TRAINED_ROWS: tuple[tuple[str, str, str], ...] = (
    ("cyclegan", "denoiser", "CycleGAN (ISCL without H)"),
    ("iscl-paper", "ensemble", "ISCL, paper nets, ensemble"),
    *((key.format(p=p), part, label.format(p=p)) for p in ("ct-fast", "ct-quality") for key, part, label in _PRESET_ROWS),
    ("red-cnn", "denoiser", "RED-CNN, simulated pairs (supervised)"),
)


@dataclass(frozen=True)
class Run:
    """An entry of the runs index: a checkpoint and the part of it that is meant, or the reason why there is none."""

    checkpoint: Path | None = None
    part: str | None = None
    absent: str = NOT_TRAINED


def read_index(path: Path | None) -> dict[str, Run]:
    """The runs index.

    The file is JSON: {key: "folder/last.pt"}, {key: {"checkpoint": "folder/last.pt", "row": "denoiser"}} or {key: {"absent": why}};
    paths are relative to the index's folder (or, when not found there, to the working folder).
    """
    if path is None or not Path(path).exists():
        return {}
    path = Path(path)
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {key: _run(value if isinstance(value, dict) else {"checkpoint": value}, path.parent) for key, value in raw.items()}
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} is not an index of runs ({error!r})") from error


def _run(entry: dict[str, str], folder: Path) -> Run:
    if "absent" in entry:
        return Run(absent=str(entry["absent"]))
    file = Path(entry["checkpoint"])
    return Run(folder / file if (folder / file).exists() else file, entry.get("row"))


def baseline_rows() -> list[Row]:
    """The input as it is, and the classical denoisers; one that lacks its package is marked absent."""
    rows = [Row("Input (quarter dose)", load=lambda: lambda hu: hu, identity="input")]
    for name, label in baselines.NAMES.items():
        package = baselines.missing_package(name)
        absent = f"package '{package}' is not installed" if package else None
        identity = f"{name} {baselines.CHOSEN[name]}"
        rows.append(Row(label, load=partial(baselines.baseline, name), absent=absent, identity=identity))
    return rows


def _checkpoint_row(label: str, file: Path, part: str) -> Row:
    from ..nets import count_parameters, gflop
    from ..training import CheckpointError, load_checkpoint

    if not Path(file).exists():
        return Row(label, absent=f"checkpoint {Path(file).name} is missing")
    try:
        net = load_checkpoint(file, part)
    except CheckpointError as error:
        return Row(label, absent=str(error).replace(str(file), Path(file).name))
    identity = f"{hashlib.sha256(Path(file).read_bytes()).hexdigest()} {part}"
    return Row(label, load=lambda: as_denoise_fn(net), parameters=count_parameters(net), gflop=gflop(net), identity=identity)


def trained_rows(index: dict[str, Run]) -> list[Row]:
    """Every row the comparison asks for, trained or not, then whatever else the index holds."""
    rows = []
    for key, part, label in TRAINED_ROWS:
        # A key may carry its part ("iscl-ct-fast:extractor") where the parts were kept as files of their own.
        run = index.get(f"{key}:{part}") or index.get(key) or Run()
        shared = any(k == key and p != part for k, p, _ in TRAINED_ROWS)
        rows.append(_trained_row(label, run, part if shared else run.part or part))
    known = {key for key, _, _ in TRAINED_ROWS}
    for key, run in index.items():
        if key.split(":")[0] not in known:
            rows.append(_trained_row(key, run, run.part or "denoiser"))
    return rows


def _trained_row(label: str, run: Run, part: str) -> Row:
    return _checkpoint_row(label, run.checkpoint, part) if run.checkpoint else Row(label, absent=run.absent)


def model_rows(manifest: Path | None) -> list[Row]:
    """The shipped ONNX models of a manifest, run by ONNX Runtime on one CPU thread."""
    if manifest is None or not Path(manifest).exists():
        return [Row("Shipped model", absent="no models/manifest.json")]
    from ..export.manifest import read_manifest

    rows = []
    for model in read_manifest(manifest)["models"]:
        file = Path(manifest).parent / model["file"]
        label = f"Shipped: {model['id']} {model['version']} (ONNX)"
        load = lambda file=file: _onnx(file)  # noqa: E731
        cost = {"parameters": model.get("parameters"), "gflop": model.get("gflop512")}
        rows.append(Row(label, load=load, identity=model["sha256"], **cost))
    return rows


def _onnx(file: Path) -> Denoise:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    # These slices have no neighbours: as in the viewer, the slice stands for them, and the first output is its result.
    slices = session.get_inputs()[0].shape[1]
    return lambda hu: session.run(None, {"hu": np.repeat(np.asarray(hu, np.float32)[None, None], slices, axis=1)})[0][0, 0]
