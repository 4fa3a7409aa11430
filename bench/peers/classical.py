"""The classical denoisers of `iscl evaluate`, for the bench: one JSON request a line on stdin, one JSON answer a line on stdout.

{"do": "cases", "pairs": DIR, "split": "test", "count": 8, "out": DIR} writes the noisy slices as raw float32 and names them.
{"do": "denoise", "method": "nlm", "case": 0}  gives {"ms": wall time} and keeps the result.
{"do": "score", "case": 0, "file": PATH or null}  gives figures of a raw float32 slice, or of what `denoise` gave last.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from iscl.evaluation import baselines, metrics
from iscl.evaluation.cases import EvalCase, load_cases

METHODS = {"nlm": baselines.nlm, "bilateral": baselines.bilateral, "bm3d": baselines.bm3d}


def answer(request: dict[str, Any], cases: list[EvalCase], last: list[np.ndarray]) -> dict[str, Any]:
    if request["do"] == "cases":
        cases[:] = load_cases(request["pairs"], request["split"], request["count"])
        files = []
        for number, case in enumerate(cases):
            path = Path(request["out"]) / f"case{number}.raw"
            case.noisy.astype("<f4").tofile(path)
            files.append({"file": str(path), "name": case.name, "rows": case.noisy.shape[0], "columns": case.noisy.shape[1]})
        return {"cases": files}
    case = cases[request["case"]]
    if request["do"] == "denoise":
        method = METHODS[request["method"]]
        started = time.perf_counter()
        last[:] = [method(case.noisy)]
        return {"ms": (time.perf_counter() - started) * 1000}
    image = np.fromfile(request["file"], "<f4").reshape(case.noisy.shape) if request["file"] else last[0]
    return {
        "psnrGain": metrics.psnr(image, case.reference, case.window) - metrics.psnr(case.noisy, case.reference, case.window),
        "ssimGain": metrics.ssim(image, case.reference, case.window) - metrics.ssim(case.noisy, case.reference, case.window),
        "rmse": metrics.rmse(image, case.reference, case.body),
    }


def main() -> None:
    cases: list[EvalCase] = []
    last: list[np.ndarray] = []
    for line in sys.stdin:
        try:
            found = answer(json.loads(line), cases, last)
        except Exception as error:  # noqa: BLE001 - a method that is missing or fails is a row that says so
            found = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), flush=True)


main()
