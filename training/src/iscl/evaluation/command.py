"""`iscl evaluate`: every denoiser against the same test slices, one table, and its figures."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections import Counter
from pathlib import Path

from ..data.split import SPLITS
from ..judge import command as judge_command
from ..judge import front
from .cases import EvalCase, EvaluationError, load_cases, load_phantom_cases

QUICK = {"slices": 3, "real_slices": 1, "phantom_images": 4}


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser("evaluate", help="compare denoisers in one table", description=__doc__)
    real = parser.add_subparsers(dest="judge", required=False, metavar="real|front")
    judge_command.add_parser(real)
    front.add_parser(real)
    parser.add_argument("--out", type=Path, help="folder for results.csv, .md, .json and the PNG figures")
    parser.add_argument("--pairs", type=Path, default=Path("training/.cache/pairs"), help="pairs that `iscl simulate` wrote")
    parser.add_argument("--split", default="test", choices=SPLITS)
    parser.add_argument("--models", type=Path, action="append", default=[],
                        help="models/manifest.json: the shipped ONNX models; several, to compare versions")
    parser.add_argument("--runs", type=Path, help="index.json of the trained runs: {row key: checkpoint}")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with ct/ and phantom/ (real scans, MITA-LCD)")
    parser.add_argument("--phantom", type=Path, help="test set of `iscl phantom --test-set`, with exact truth")
    parser.add_argument("--slices", type=int, default=12, help="test slices, patients in turn")
    parser.add_argument("--only", nargs="*", metavar="TEXT", help="only rows whose label holds one of these texts (and the input)")
    parser.add_argument("--quick", action="store_true", help="a few slices and images: checks that everything runs")
    parser.add_argument("--no-baselines", action="store_true", help="leave the classical denoisers out")
    parser.add_argument("--tune-baselines", action="store_true", help="search the baselines' strength on --split and stop")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads, also of the timing")
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    import torch

    if arguments.out is None:
        raise EvaluationError("--out is missing: the folder for results.csv, .md, .json and the PNG figures")
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    slices = QUICK["slices"] if arguments.quick else arguments.slices
    if slices < 1:
        raise EvaluationError("--slices must be at least 1")
    cases = load_cases(arguments.pairs, arguments.split, slices)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.tune_baselines:
        return _tune(cases, arguments.out / "baselines.csv")
    return _evaluate(arguments, cases)


def _evaluate(arguments: argparse.Namespace, cases: list[EvalCase]) -> int:
    from . import figures, rows, table
    from .run import FAILED, Material, evaluate
    from .store import save_json

    chosen = rows.baseline_rows()
    if arguments.no_baselines:
        chosen = chosen[:1]
    chosen += rows.trained_rows(rows.read_index(arguments.runs))
    for manifest in arguments.models or [None]:
        chosen += rows.model_rows(manifest)
    if arguments.only is not None:
        wanted = [text.lower() for text in arguments.only]
        chosen = chosen[:1] + [row for row in chosen[1:] if any(text in row.label.lower() for text in wanted)]
    material = _material(arguments, cases, Material)
    views = figures.choose_views(cases, material.real, material.truth)
    results = evaluate(chosen, material, [view.hu for view in views], keep=arguments.out / "rows")
    save_json(results, arguments.out / "results.json")
    table.write_csv(results, arguments.out / "results.csv")
    command = "iscl " + " ".join(shlex.quote(word) for word in sys.argv[1:])
    table.write_markdown(results, arguments.out / "results.md", "Evaluation", command, describe(cases))
    paths = figures.write_figures(results, views, arguments.out)
    print(table.main_table(results))
    print(f"\nwrote results.csv, results.md, results.json and {len(paths)} figures to {arguments.out}")
    failed = [result.row.label for result in results if (result.row.absent or "").startswith(FAILED)]
    if failed:
        print(f"{len(failed)} rows failed, the table says why: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _material(arguments: argparse.Namespace, cases: list[EvalCase], make):
    from . import detectability as lcd
    from . import realdata
    from .run import shrink_phantom

    images = QUICK["phantom_images"] if arguments.quick else None
    folder = arguments.data / "phantom" / "sim-lcd-ct" / "fbp"
    phantom = {}
    if folder.is_dir():
        phantom = shrink_phantom({dose: lcd.load_phantom(folder, dose, images) for dose in lcd.DOSES})
    else:
        print(f"no detectability: {folder} is absent", file=sys.stderr)
    real = realdata.load_real(arguments.data, QUICK["real_slices"] if arguments.quick else 2)
    if not real:
        print(f"no real scans: {arguments.data}/ct is absent", file=sys.stderr)
    truth = load_phantom_cases(arguments.phantom, maximum=2 if arguments.quick else 4) if arguments.phantom else ()
    return make(cases, phantom, truth, real)


def describe(cases: list[EvalCase]) -> str:
    """One sentence on the slices: how many, of whom, with which windows and noise."""
    patients = Counter(case.patient for case in cases)
    windows = Counter(case.window.name for case in cases)
    noise = sorted(sd for case in cases if math.isfinite(sd := case.input_figures["noise_input"]))
    spread = f"{noise[0]:.0f} to {noise[-1]:.0f} HU" if noise else "unknown"
    return (
        f"{len(cases)} slices of {len(patients)} patients ({', '.join(f'{p}: {n}' for p, n in patients.items())}), simulated quarter "
        f"dose; windows: {', '.join(f'{n} {w}' for w, n in windows.items())}; input noise {spread} "
        f"in uniform regions."
    )


def _tune(cases: list[EvalCase], path: Path) -> int:
    """PSNR gain of each baseline over its grid of strengths, on crops; the best is what baselines.CHOSEN holds."""
    from . import baselines
    from .score import score

    crops = [case.crop(256) for case in cases]
    lines = ["baseline,strength,psnr_gain_db,ssim_gain,noise_cut"]
    for name, grid in baselines.STRENGTHS.items():
        package = baselines.missing_package(name)
        if package:
            print(f"{name}: package '{package}' is not installed", file=sys.stderr)
            continue
        found: dict[float, float] = {}
        for strength in grid:
            result = score(baselines.baseline(name, strength), crops, transfer=False)
            found[strength] = result["psnr_gain"]
            lines.append(f"{name},{strength},{result['psnr_gain']:.3f},{result['ssim_gain']:.4f},{result['noise_cut']:.3f}")
            print(lines[-1], file=sys.stderr, flush=True)
        best = max(found, key=lambda strength: found[strength])
        print(f"{name}: best {best}, in use {baselines.CHOSEN[name]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0
