"""The results as one CSV and as Markdown."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from .metrics import TISSUES
from .run import SLOW_CROP_PX, SLOW_OTHERS, SLOW_PHANTOM
from .store import Result

# (CSV name, Markdown heading, decimals, how to read it from a result)
Column = tuple[str, str, int, Callable[[Result], float | None]]


def _score(name: str, factor: float = 1.0) -> Callable[[Result], float | None]:
    return lambda r: None if r.scores is None or r.scores.get(name) is None else factor * r.scores[name]


def _in_window(name: str, window: str) -> Callable[[Result], float | None]:
    def read(r: Result) -> float | None:
        values = [case[name] for case in r.scores["cases"] if case["window"] == window] if r.scores else []
        return sum(values) / len(values) if values else None

    return read


def _bias(tissue: str) -> Callable[[Result], float | None]:
    return lambda r: r.scores["bias"].get(tissue) if r.scores else None


def _lcd(dose: int, name: str) -> Callable[[Result], float | None]:
    return lambda r: r.detectability[dose].get(name) if r.detectability and dose in r.detectability else None


def _truth(name: str) -> Callable[[Result], float | None]:
    return lambda r: r.truth.get(name) if r.truth else None


COLUMNS: tuple[Column, ...] = (
    ("psnr_gain_db", "PSNR gain dB", 2, _score("psnr_gain")),
    ("psnr_gain_own_db", "own kernel: gain dB", 2, _score("psnr_gain_own")),
    ("anatomy_gain_own_db", "own kernel: gain to anatomy dB", 2, _score("anatomy_gain_own")),
    ("psnr_chest_db", "PSNR chest", 2, _in_window("psnr", "chest")),
    ("psnr_abdomen_db", "PSNR abdomen", 2, _in_window("psnr", "abdomen")),
    ("ssim", "SSIM", 3, _score("ssim")),
    ("ssim_gain", "SSIM gain", 3, _score("ssim_gain")),
    ("rmse_hu", "RMSE HU", 1, _score("rmse")),
    *((f"bias_{t}_hu", f"bias {t}", 2, _bias(t)) for t in TISSUES),
    ("noise_cut_percent", "noise cut %", 0, _score("noise_cut", 100)),
    ("nps_mean_per_mm", "NPS mean /mm", 3, _score("nps_mean_frequency")),
    ("nps_mean_ratio", "of input's", 2, _score("nps_ratio")),
    ("noise_cut_own_percent", "own kernel: noise cut %", 0, _score("noise_cut_own", 100)),
    ("nps_own_ratio", "own kernel: NPS of input's", 2, _score("nps_ratio_own")),
    ("nps_own_equal_ratio", "own kernel: NPS at half the noise", 2, _score("nps_ratio_own_equal")),
    ("nps_phantom_ratio_10", "phantom 10 %", 2, _lcd(10, "nps_ratio")),
    ("nps_phantom_ratio_100", "phantom 100 %", 2, _lcd(100, "nps_ratio")),
    ("nps_peak_per_mm", "NPS peak /mm", 3, _score("nps_peak_frequency")),
    ("mtf50_high_ratio", "MTF50 955 HU", 3, _score("mtf50_high_ratio")),
    ("mtf50_low_ratio", "MTF50 120 HU", 3, _score("mtf50_low_ratio")),
    ("mtf50_own_high_ratio", "own kernel: MTF50 955 HU", 3, _score("mtf50_own_high_ratio")),
    ("mtf50_own_low_ratio", "own kernel: MTF50 120 HU", 3, _score("mtf50_own_low_ratio")),
    *((f"cho_ratio_{d}", f"d' CHO {d} %", 2, _lcd(d, "cho_ratio")) for d in (10, 55, 100)),
    *((f"npw_ratio_{d}", f"d' NPW {d} %", 2, _lcd(d, "npw_ratio")) for d in (10, 55, 100)),
    ("parameters", "parameters", 0, lambda r: r.row.parameters),
    ("gflop", "GFLOP", 1, lambda r: r.row.gflop),
    ("ms_per_slice", "CPU ms a slice", 0, lambda r: r.ms_per_slice if r.scores else None),
)
# Only in the CSV: what the main table leaves to its reader.
EXTRA: tuple[Column, ...] = (
    ("psnr_gain_worst_db", "", 2, _score("psnr_gain_worst")),
    ("noise_hu", "", 2, _score("noise")),
    ("noise_input_hu", "", 2, _score("noise_input")),
    ("nps_mean_input_per_mm", "", 3, _score("nps_mean_frequency_input")),
    ("nps_mean_reference_per_mm", "", 3, _score("nps_mean_frequency_reference")),
    ("nps_peak_input_per_mm", "", 3, _score("nps_peak_frequency_input")),
    ("nps_peak_reference_per_mm", "", 3, _score("nps_peak_frequency_reference")),
    ("mtf50_high_per_mm", "", 4, _score("mtf50_high")),
    ("mtf50_low_per_mm", "", 4, _score("mtf50_low")),
    ("mtf50_own_high_per_mm", "", 4, _score("mtf50_own_high")),
    ("mtf50_own_low_per_mm", "", 4, _score("mtf50_own_low")),
    ("mtf50_own_input_per_mm", "", 4, _score("mtf50_own_high_input")),
    *(
        (f"{o}_{d}{s}", "", 3, _lcd(d, f"{o}{s}"))
        for d in (10, 55, 100)
        for o in ("cho", "npw")
        for s in ("", "_ratio_low", "_ratio_high")
    ),
    *((f"auc_{d}", "", 3, _lcd(d, "auc")) for d in (10, 55, 100)),
    *((f"truth_{n}", "", 3, _truth(n)) for n in ("psnr_gain", "ssim", "rmse", "noise_cut", "bias_worst")),
)


def _text(value: float | None, decimals: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    text = f"{value:.{decimals}f}"
    # -0.00 says no more than 0.00.
    return text[1:] if text.startswith("-") and float(text) == 0 else text


def _label(result: Result) -> str:
    return result.row.label + (" *" if result.slow else "")


def write_csv(results: Sequence[Result], path: Path) -> None:
    """One line a row, absent rows too, their reason in `note`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "note", *(c[0] for c in (*COLUMNS, *EXTRA))])
        for r in results:
            note = r.row.absent or (f"{SLOW_CROP_PX} px crops" if r.slow else "")
            values = [_text(read(r), decimals) if r.scores else "" for _, _, decimals, read in (*COLUMNS, *EXTRA)]
            writer.writerow([r.row.label, note, *values])


def _markdown(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (headings, rule, *lines))


def main_table(results: Sequence[Result]) -> str:
    """The comparison as one Markdown table; columns that no row fills are left out."""
    used = [c for c in COLUMNS if any(_text(c[3](r), c[2]) != "-" for r in results)]
    lines = []
    for r in results:
        if r.row.absent:
            lines.append([r.row.label, r.row.absent, *[""] * (len(used) - 1)])
        else:
            lines.append([_label(r), *(_text(read(r), decimals) for _, _, decimals, read in used)])
    table = _markdown(["row", *(c[1] for c in used)], lines)
    if any(r.slow for r in results):
        table += (
            f"\n\n\\* slow: slices cut to {SLOW_CROP_PX} x {SLOW_CROP_PX} pixels around the middle of the body (gains and ratios "
            f"refer to the same cut of the input; PSNR, SSIM and RMSE are of the cut), {SLOW_PHANTOM} phantom images a dose instead of 10, {SLOW_OTHERS} slice of each real series."
        )
    return table


def detectability_table(results: Sequence[Result]) -> str:
    """d' of both observers with the 95 % interval of its ratio to the input's, and AUC, per dose."""
    lines = []
    for r in results:
        for dose, f in (r.detectability or {}).items():
            cells = [_label(r), f"{dose} %"]
            for o in ("cho", "npw"):
                interval = f"{f[f'{o}_ratio']:.2f} ({f[f'{o}_ratio_low']:.2f}-{f[f'{o}_ratio_high']:.2f})"
                cells += [_text(f[o], 2), interval]
            lines.append([*cells, _text(f["auc"], 2), _text(f["nps_ratio"], 2)])
    headings = ["row", "dose", "d' CHO", "of input's (95 %)", "d' NPW", "of input's (95 %)", "AUC"]
    return _markdown([*headings, "NPS mean of input's"], lines) if lines else ""


def truth_table(results: Sequence[Result]) -> str:
    """Figures on the analytic phantom, whose truth has no noise of its own."""
    names = (("psnr_gain", 2), ("ssim", 3), ("rmse", 1), ("noise_cut", 2))
    lines = [
        [_label(r), *(_text(r.truth[n], d) for n, d in names), *(_text(r.truth["bias"].get(t), 2) for t in TISSUES)]
        for r in results
        if r.truth
    ]
    headings = ["row", "PSNR gain dB", "SSIM", "RMSE HU", "noise cut", *(f"bias {t}" for t in TISSUES)]
    return _markdown(headings, lines) if lines else ""


def real_tables(results: Sequence[Result]) -> str:
    """One table per real series."""
    parts = []
    titles = list(dict.fromkeys(title for r in results for title in (r.real or {})))
    for title in titles:
        found = [(r, r.real[title]) for r in results if r.real and title in r.real]
        smooth = "coarse_rmse" in found[0][1]
        headings = ["row", "noise HU", "noise cut %", "NPS mean of input's", "edges kept", *(f"bias {t}" for t in TISSUES)]
        lines = []
        for r, f in found:
            cells = [_label(r), _text(f["noise"], 1), _text(100 * f["noise_cut"], 0), _text(f.get("nps_ratio"), 2)]
            cells += [_text(f["edge"], 3), *(_text(f["bias"].get(t), 2) for t in TISSUES)]
            lines.append(cells + ([_text(f["coarse_rmse"], 2)] if smooth else []))
        note = ""
        if smooth:
            headings.append("coarse RMSE to smooth kernel")
            note = f" The smooth kernel's own noise: {_text(found[0][1]['noise_smooth'], 1)} HU."
        parts.append(f"**{title}**, {found[0][1]['slices']} slices.{note}\n\n{_markdown(headings, lines)}")
    return "\n\n".join(parts)


def write_markdown(results: Sequence[Result], path: Path, title: str, command: str, cases: str) -> None:
    """The whole report: the table, detectability, phantom and real scans, with the command that made it."""
    sections = [
        f"# {title}",
        f"Made by `{command}`.\n\n{cases}",
        main_table(results),
    ]
    for heading, text in (
        ("Low-contrast detectability (MITA-LCD phantom)", detectability_table(results)),
        ("Analytic phantom with exact truth", truth_table(results)),
        ("Real scans without a reference", real_tables(results)),
    ):
        if text:
            sections += [f"## {heading}", text]
    path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
