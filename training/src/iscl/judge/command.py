"""`iscl evaluate real`: what ONNX models do to known faint lesions, noise, texture and HU of real scans, and what the rule says."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ..evaluation.baselines import NAMES as BASELINES
from .denoisers import SLAB_SPACING_MM, JudgeError, classical, load_onnx
from .material import series_of_split
from .measure import judge_series
from .prepared import FULL, QUICK, load_prepared
from .rule import verdict
from .store import load_result, save_result
from .summary import mean_figure
from .table import bias_table, comparison_table, lesion_table, model_table, verdict_table

TEST_FLAG = "--the-rule-has-chosen"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser("real", help="judge ONNX models on real scans", description=__doc__)
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE.onnx",
        help="input `hu` [1, n, H, W], output `denoised` [1, m, H, W]; *.wasm.onnx are left out",
    )
    parser.add_argument(
        "--baselines", nargs="+", default=[], choices=sorted(BASELINES), help="classical filters, slice by slice, at the strengths of `iscl evaluate`"
    )
    parser.add_argument("--split", default="validation", choices=("validation", "test"))
    parser.add_argument("--out", type=Path, default=Path("training/.cache/judge-results"), help="folder for MODEL.SPLIT.MODE.json and .md")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with manifest.csv, stacks/ and ct/")
    parser.add_argument("--cache", type=Path, default=Path("training/.cache/judge"), help="decoded stacks and places")
    parser.add_argument("--series", nargs="+", metavar="TEXT", help="only series whose folder holds one of these texts (of the split)")
    parser.add_argument(
        "--slab-spacing",
        type=float,
        nargs=2,
        default=SLAB_SPACING_MM,
        metavar="MM",
        help="slices nearer or farther apart go through a slab model each alone",
    )
    parser.add_argument("--quick", action="store_true", help="the figures of the rule alone")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        TEST_FLAG,
        dest="chosen",
        action="store_true",
        help="needed for --split test: its patients are measured once, after the choice; every use is logged",
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.split == "test":
        if not arguments.chosen:
            raise JudgeError(f"the test patients are measured once, after the rule has chosen on validation: {TEST_FLAG} says that it has")
        _log(arguments)
    mode = QUICK if arguments.quick else FULL
    paths = series_of_split(arguments.data, arguments.split)
    if arguments.series:
        paths = [p for p in paths if any(text.lower() in p.lower() for text in arguments.series)]
        if not paths:
            raise JudgeError(f"no series of {arguments.split} is called like {', '.join(arguments.series)}")
    files = [path for path in arguments.models if not path.name.endswith(".wasm.onnx")]
    denoisers = [load_onnx(path, arguments.threads, tuple(arguments.slab_spacing)) for path in files]
    denoisers += [classical(name) for name in arguments.baselines]
    if not denoisers:
        raise JudgeError("nothing to judge: --models takes ONNX files that hold their weights (*.wasm.onnx do not), --baselines classical filters")
    twice = {d.name for d in denoisers if sum(o.name == d.name for o in denoisers) > 1}
    if twice:
        raise JudgeError(f"two files are called {', '.join(sorted(twice))}: results are kept by file name")
    results = {d.name: load_result(arguments.out, d, mode, arguments.split) for d in denoisers}
    for path in paths:
        name = path.split("/")[-1]
        waiting = [d for d in denoisers if name not in results[d.name]["series"]]
        if not waiting:
            continue
        prepared = load_prepared(arguments.data, path, mode, arguments.cache)
        for denoiser in waiting:
            started = time.perf_counter()
            results[denoiser.name]["series"][name] = judge_series(denoiser, prepared)
            save_result(arguments.out, results[denoiser.name])
            print(f"{denoiser.name}, {name}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    wanted = {path.split("/")[-1] for path in paths}
    for result in results.values():
        result["series"] = {name: s for name, s in result["series"].items() if name in wanted}
    report = _report(results, mode)
    print(report)
    command = "iscl " + " ".join(shlex.quote(word) for word in sys.argv[1:])
    name = "-".join(results) if len(results) <= 3 else f"{len(results)}-models"
    (arguments.out / f"{name}.{arguments.split}.{mode}.md").write_text(f"`{command}`\n\n{report}\n", encoding="utf-8")
    return 0


def _report(results: dict[str, dict], mode: str) -> str:
    verdicts = verdict(results, lambda result, setting, figure: abs(mean_figure(result, setting, figure).value))
    parts = [verdict_table(results, verdicts), comparison_table(results, verdicts)]
    for v in verdicts:
        parts += [model_table(results[v.model]), bias_table(results[v.model])]
        if mode == FULL:
            parts.append(lesion_table(results[v.model]))
    return "\n\n".join(part for part in parts if part)


def _log(arguments: argparse.Namespace) -> None:
    arguments.out.mkdir(parents=True, exist_ok=True)
    line = f"{datetime.now(UTC).isoformat(timespec='seconds')} test patients measured: {' '.join(map(str, [*arguments.models, *arguments.baselines]))}"
    print(line, file=sys.stderr)
    with (arguments.out / "test-patients.log").open("a", encoding="utf-8") as handle:
        handle.write(line + "\n")
