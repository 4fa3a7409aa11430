"""`iscl evaluate front`: contrast kept against arithmetic a slice, as a picture."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from .denoisers import JudgeError

COLUMNS = ("group", "label", "gflop", "contrast_at_60", "noise_left")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser("front", help="draw contrast kept against arithmetic a slice", description=__doc__)
    parser.add_argument("--figures", type=Path, required=True, help=f"CSV with the columns {', '.join(COLUMNS)}")
    parser.add_argument("--out", dest="picture", type=Path, required=True, help="SVG or PNG to write")
    parser.set_defaults(func=run)


def read_figures(path: Path) -> dict[str, list[dict[str, str | float]]]:
    """Rows by group. Raises JudgeError for a missing column or a cell that is no number."""
    groups: dict[str, list[dict[str, str | float]]] = {}
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        if missing := set(COLUMNS) - set(reader.fieldnames or ()):
            raise JudgeError(f"{path} has no column {', '.join(sorted(missing))}")
        for row in reader:
            try:
                numbers = {name: float(row[name]) for name in COLUMNS[2:]}
            except ValueError as error:
                raise JudgeError(f"{path}, line {reader.line_num}: {error}") from error
            groups.setdefault(row["group"], []).append({"label": row["label"], **numbers})
    return groups


def run(arguments: argparse.Namespace) -> int:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "iscl"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8.5, 5), layout="constrained")
    for (group, rows), marker in zip(read_figures(arguments.figures).items(), "osD^v", strict=False):
        axes.scatter([r["gflop"] for r in rows], [r["contrast_at_60"] for r in rows], marker=marker, label=group)
        for index, row in enumerate(sorted(rows, key=lambda r: (r["gflop"], r["contrast_at_60"]))):
            # On either side in turn, so that neighbours do not write over each other.
            axes.annotate(f"{row['label']} ({row['noise_left']:.2f})", (row["gflop"], row["contrast_at_60"]), fontsize=7,
                          xytext=(6 if index % 2 else -6, -7 if index // 2 % 2 else 1), ha="left" if index % 2 else "right",
                          textcoords="offset points")
    axes.set_xlabel("GFLOP a slice of 512x512")
    axes.set_ylabel("contrast kept, 5 mm and 20 HU, at 60 % noise cut")
    axes.set_title("Real scans of validation patients; in brackets: noise left at full strength", fontsize=9)
    axes.set_xlim(0, 1.15 * axes.get_xlim()[1])
    axes.legend(loc="lower left", fontsize=8)
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.picture, dpi=110, metadata={"Date": None} if arguments.picture.suffix == ".svg" else None)
    plt.close(figure)
    return 0
