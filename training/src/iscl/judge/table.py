"""The judge's results as Markdown."""

from __future__ import annotations

import numpy as np

from .rule import CONDITIONS, Verdict, contrast_at_cut
from .summary import Figure, mean_figure, series_figure

# (heading, setting, figure, digits)
COLUMNS = (
    ("noise left", "shipped", "noise_left", 2),
    ("5 mm kept", "shipped", "contrast_5mm", 2),
    ("at 50 % cut", "cut50", "contrast_5mm", 2),
    ("at 60 % cut", "cut60", "contrast_5mm", 2),
    ("lighter", "cut60", "lighter_5mm", 2),
    ("darker", "cut60", "darker_5mm", 2),
    ("10 mm kept", "shipped", "contrast_10mm", 2),
    ("at 60 % cut", "cut60", "contrast_10mm", 2),
    ("NPW d'", "shipped", "npw_5mm", 2),
    ("CHO d'", "shipped", "cho_5mm", 2),
    ("NPW at 60 %", "cut60", "npw_5mm", 2),
    ("CHO at 60 %", "cut60", "cho_5mm", 2),
    ("NPS f", "shipped", "nps", 2),
    ("NPS f at 60 %", "cut60", "nps", 2),
    ("NPS f, twin", "shipped", "nps_twin", 2),
    ("p90/p10", "shipped", "evenness", 1),
    ("median kept", "shipped", "kept_median", 2),
    ("area over 60 %", "shipped", "kept_area", 2),
    ("largest bias", "shipped", "largest_bias", 2),
    ("one slice kept", "shipped", "contrast_slice", 2),
    ("leak", "shipped", "leak_slice", 3),
    ("z step", "shipped", "step_edge", 2),
)


def _cell(figure: Figure, digits: int, interval: bool = False) -> str:
    if not np.isfinite(figure.value):
        return "-"
    text = f"{figure.value:.{digits}f}"
    return f"{text} ({figure.low:.{digits}f}, {figure.high:.{digits}f})" if interval and np.isfinite(figure.low) else text


def _lines(heads: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows)]


def model_table(result: dict) -> str:
    """One row a series and the mean row, with its 95 % interval over patients and places; '-': full strength takes less noise out, or
    nothing to measure on."""
    rows = []
    for name, series in sorted(result["series"].items()):
        noise = series.get("noise_hu")
        rows.append([name, "-" if noise is None else f"{noise:.0f}"] + [_cell(series_figure(series, s, f), d) for _, s, f, d in COLUMNS])
    mean = [mean_figure(result, s, f) for _, s, f, _ in COLUMNS]
    rows.append(["**mean**", ""] + [_cell(m, d) for m, (*_, d) in zip(mean, COLUMNS, strict=True)])
    rows.append(
        ["95 %", ""] + [f"{m.low:.{d}f} to {m.high:.{d}f}" if np.isfinite(m.low) else "-" for m, (*_, d) in zip(mean, COLUMNS, strict=True)]
    )
    slab = f"{result['inputs']} -> {result['outputs']} slices"
    heads = ["series", "noise HU", *(c[0] for c in COLUMNS)]
    return "\n".join([f"### {result['model']} ({slab})", "", *_lines(heads, rows)])


def verdict_table(results: dict[str, dict], verdicts: list[Verdict]) -> str:
    """The mean row of every model and what the rule says, the default first."""
    heads = [
        "model",
        "contrast kept at 60 % cut",
        "worst series",
        "series reaching the cut",
        "noise left",
        *(c.text for c in CONDITIONS),
        "conditions failed",
    ]
    rows = []
    for number, v in enumerate(verdicts):
        result = results[v.model]
        cells = [mean_figure(result, c.setting, c.figure) for c in CONDITIONS]
        name = f"**{v.model}** (first)" if number == 0 and v.candidate else v.model
        left = mean_figure(result, "shipped", "noise_left")
        scores = ["-" if not np.isfinite(s) else f"{s:.3f}" for s in (v.score, v.worst)]
        rows.append(
            [
                name,
                *scores,
                f"{v.reached} of {len(result['series'])}",
                _cell(left, 2),
                *(
                    f"{f.value:.3f}{'' if c.holds(abs(f.value)) else ' (failed)'}" if np.isfinite(f.value) else "- (failed)"
                    for c, f in zip(CONDITIONS, cells, strict=True)
                ),
                str(len(v.failed)),
            ]
        )
    return "\n".join(_lines(heads, rows))


COMPARED = (
    ("shipped", "noise_left", 2),
    ("shipped", "contrast_5mm", 2),
    ("shipped", "cho_5mm", 2),
    ("shipped", "nps", 2),
    ("shipped", "evenness", 1),
    ("shipped", "kept_area", 2),
)


def comparison_table(results: dict[str, dict], verdicts: list[Verdict]) -> str:
    """Series by model: contrast kept at 60 % cut as the rule counts it, and the figures as shipped."""
    heads = ["series (noise)", *(v.model for v in verdicts)]
    names = sorted({name for result in results.values() for name in result["series"]})
    rows = []
    for name in names:
        row = []
        for v in verdicts:
            series = results[v.model]["series"].get(name, {})
            score = contrast_at_cut(series)
            text = "-" if not np.isfinite(score) else f"{score:.2f}" if series.get("cut60") else f"({score:.2f})"
            row.append("; ".join([text, *(_cell(series_figure(series, setting, figure), d) for setting, figure, d in COMPARED)]))
        noise = next((n for r in results.values() if (n := r["series"].get(name, {}).get("noise_hu")) is not None), None)
        rows.append([f"{name} ({'-' if noise is None else f'{noise:.0f} HU'})", *row])
    means = []
    for v in verdicts:
        figures = [_cell(mean_figure(results[v.model], setting, figure), d) for setting, figure, d in COMPARED]
        means.append("; ".join(["-" if not np.isfinite(v.score) else f"{v.score:.2f}", *figures]))
    rows.append(["**mean**", *means])
    legend = (
        "Each cell: contrast kept at 60 % cut (in brackets: scaled up from full strength); as shipped: noise left; contrast kept; CHO d'; "
        "NPS mean frequency; p90/p10; area keeping over 60 %."
    )
    return "\n".join([legend, "", *_lines(heads, rows)])


def lesion_table(result: dict) -> str:
    """Every lesion of the full mode, mean over series: contrast kept, lighter and darker, and both observers, shipped and at 60 % cut."""
    names = sorted({n.split("|")[1] for s in result["series"].values() for n in (s.get("shipped") or {}) if "|" in n}, key=_order)
    heads = ["lesion", "kept", "lighter", "darker", "NPW d'", "CHO d'", "kept at 50 %", "kept at 60 %", "CHO at 60 %", "series"]
    wanted = [("shipped", f) for f in ("contrast", "lighter", "darker", "npw", "cho")] + [
        ("cut50", "contrast"),
        ("cut60", "contrast"),
        ("cut60", "cho"),
    ]
    rows = []
    for name in names:
        cells = [mean_figure(result, s, f"{f}|{name}") for s, f in wanted]
        if np.isfinite(cells[0].value):
            rows.append([name, _cell(cells[0], 2, True), *(_cell(c, 2) for c in cells[1:]), str(cells[0].series)])
    return "\n".join(_lines(heads, rows)) if rows else ""


def _order(name: str) -> tuple:
    lesion, tissue = name.split(", ")
    shape, size, _, contrast, _ = lesion.split()
    return tissue, shape, float(size), float(contrast)


def bias_table(result: dict) -> str:
    """Bias per tissue and series, HU, as shipped."""
    from .measure import TISSUES

    rows = [
        [name, *(_cell(series_figure(series, "shipped", f"bias_{t}"), 2) for t in TISSUES)]
        for name, series in sorted(result["series"].items())
    ]
    rows.append(["**mean**", *(_cell(mean_figure(result, "shipped", f"bias_{t}"), 2, True) for t in TISSUES)])
    return "\n".join(_lines(["series, bias in HU", *TISSUES], rows))
