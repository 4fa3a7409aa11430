"""Figures of an evaluation as PNG: crops side by side, noise power spectra, HU bias, detectability."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from .cases import ROI_PX, EvalCase
from .metrics import ABDOMEN, TISSUES, Window
from .nps import Spectrum
from .realdata import RealSlice
from .store import Result

VIEW_PX = 160
BIAS_LIMIT_HU = 2.5


@dataclass(frozen=True)
class View:
    """A cut [h, w] in HU for the figure of crops; `reference` beside it where there is one."""

    title: str
    window: Window
    hu: np.ndarray
    reference: np.ndarray | None = None


def _cut(image: np.ndarray, corner: tuple[int, int], size: int) -> np.ndarray:
    row = int(np.clip(corner[0], 0, max(0, image.shape[0] - size)))
    column = int(np.clip(corner[1], 0, max(0, image.shape[1] - size)))
    return np.ascontiguousarray(image[row : row + size, column : column + size])


def choose_views(
    cases: Sequence[EvalCase], real: Sequence[RealSlice], truth: Sequence[EvalCase] = (), size: int = VIEW_PX
) -> list[View]:
    """The noisiest simulated case of each window, one real slice of each series, and the noisiest slice of the analytic phantom: the one that
    shows no patient, and so may be published."""
    views = []
    for name in ("abdomen", "chest"):
        if found := [case for case in cases if case.window.name == name and case.rois]:
            views.append(_noisiest(found, "simulated quarter dose, {kernel}", size))
    shown = set()
    for item in real:
        if item.title not in shown and item.rois:
            shown.add(item.title)
            corner = _around(item.rois[0], size)
            smooth = None if item.smooth is None else _cut(item.smooth, corner, size)
            views.append(View(item.title, ABDOMEN, _cut(item.hu, corner, size), smooth))
    if found := [case for case in truth if case.rois]:
        views.append(_noisiest(found, "analytic phantom, exact truth", size))
    return views


def _noisiest(cases: Sequence[EvalCase], title: str, size: int) -> View:
    case = max(cases, key=lambda c: c.input_figures["noise_input"])
    corner = _around(case.rois[0], size)
    return View(title.format(kernel=case.kernel), ABDOMEN, _cut(case.noisy, corner, size), _cut(case.reference, corner, size))


def _around(roi: tuple[int, int], size: int) -> tuple[int, int]:
    """Corner of a cut around a uniform region."""
    return roi[0] + ROI_PX // 2 - size // 2, roi[1] + ROI_PX // 2 - size // 2


def _save(figure: plt.Figure, path: Path, dpi: int = 80) -> None:
    figure.savefig(path, dpi=dpi, bbox_inches="tight")
    plt.close(figure)
    # A palette makes the file smaller; with fewer colours than it can hold, curves of different rows got the same one.
    Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


def crops_figure(results: Sequence[Result], view: View, number: int, path: Path) -> None:
    """Reference, input and every row's result of one view, in its window."""
    panels = [] if view.reference is None else [("Reference", view.reference)]
    panels += [(r.row.label, r.crops[number]) for r in results if len(r.crops) > number]
    columns = min(5, len(panels))
    lines = -(-len(panels) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(2.3 * columns, 2.5 * lines), squeeze=False)
    low = view.window.center - view.window.width / 2
    for axis in axes.flat:
        axis.axis("off")
    for axis, (label, image) in zip(axes.flat, panels, strict=False):
        axis.imshow(image, cmap="gray", vmin=low, vmax=low + view.window.width, interpolation="nearest")
        axis.set_title(textwrap.fill(label, 32), fontsize=6.5)
    figure.subplots_adjust(wspace=0.03, hspace=0.22, top=0.92)
    figure.suptitle(f"{view.title}; W{view.window.width:g} L{view.window.center:g}", fontsize=9)
    _save(figure, path)


def nps_figure(results: Sequence[Result], path: Path) -> None:
    """Radial NPS of the test slices' uniform regions: as measured, and each scaled to unit area."""
    figure, (absolute, shape) = plt.subplots(1, 2, figsize=(11, 4))
    curves: list[tuple[str, Spectrum, bool]] = []
    for r in results:
        spectra = r.scores["spectra"] if r.scores else {}
        if not curves and "reference" in spectra:
            curves.append(("Reference (full dose)", spectra["reference"], True))
        if "output" in spectra and not r.slow:
            curves.append((r.row.label, spectra["output"], False))
    # No two curves look the same: ten colours, and a line style of its own for each ten of them.
    colours, lines = matplotlib.color_sequences["tab10"], ("-", ":", "-.")
    for k, (label, spectrum, is_reference) in enumerate(curves):
        turn, colour = divmod(k - 1, len(colours))
        style: dict = {"color": "k", "ls": "--"} if is_reference else {"color": colours[colour], "ls": lines[turn % len(lines)]}
        absolute.semilogy(spectrum.frequency, np.maximum(spectrum.power, 1e-3), **style, lw=1.2, label=label)
        area = spectrum.power.sum() * (spectrum.frequency[1] - spectrum.frequency[0])
        if area > 0:
            shape.plot(spectrum.frequency, spectrum.power / area, **style, lw=1.2)
    absolute.set_ylabel("NPS (HU² mm²)")
    shape.set_ylabel("NPS, unit area (mm)")
    for axis in (absolute, shape):
        axis.set_xlabel("frequency (cycles/mm)")
        axis.set_xlim(0, 0.9)
        axis.grid(alpha=0.3)
    figure.legend(*absolute.get_legend_handles_labels(), loc="center left", bbox_to_anchor=(0.91, 0.5), fontsize=7)
    _save(figure, path)


def bias_figure(results: Sequence[Result], path: Path) -> None:
    """HU shift per row, a panel a tissue, with the 1 HU limit."""
    rows = [(r.row.label, r.scores["bias"]) for r in results[1:] if r.scores]
    figure, axes = plt.subplots(1, len(TISSUES), figsize=(11, 0.22 * len(rows) + 1.2), sharey=True)
    for axis, tissue in zip(axes, TISSUES, strict=True):
        axis.barh(range(len(rows)), [bias.get(tissue, np.nan) for _, bias in rows], 0.7)
        axis.axvspan(-1, 1, color="0.9", zorder=0)
        # A network that is far from trained would flatten all other bars.
        axis.set_xlim(-BIAS_LIMIT_HU, BIAS_LIMIT_HU)
        axis.set_xticks(range(-2, 3))
        axis.tick_params(axis="x", labelsize=7)
        axis.set_title(tissue, fontsize=8)
    axes[0].set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=7)
    axes[0].invert_yaxis()
    figure.supxlabel("HU shift against the input (bars cut at the ends)", fontsize=9)
    _save(figure, path)


def detectability_figure(results: Sequence[Result], path: Path) -> None:
    """d' of both observers relative to the input's, per dose, with 95 % intervals."""
    rows = [(r.row.label, r.detectability) for r in results[1:] if r.detectability]
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.32 * len(rows) + 1.5), sharey=True)
    for axis, observer in zip(axes, ("cho", "npw"), strict=True):
        for k, dose in enumerate(rows[0][1] if rows else ()):
            values = np.array([[found[dose][f"{observer}_ratio{s}"] for s in ("", "_low", "_high")] for _, found in rows])
            # A percentile interval need not hold the estimate itself.
            error = np.maximum(np.abs(values[:, 1:] - values[:, :1]).T, 0)
            place = np.arange(len(rows)) + 0.22 * (k - 1)
            axis.errorbar(values[:, 0], place, xerr=error, fmt="o", ms=3, lw=1, label=f"{dose} % dose")
        axis.axvline(1, color="0.5", lw=0.8)
        axis.set_xlim(0.6, 1.6)
        axis.set_xlabel(f"d' of the {observer.upper()} observer / input's")
        axis.grid(axis="x", alpha=0.3)
    axes[0].set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=7)
    axes[0].invert_yaxis()
    axes[1].legend(fontsize=7)
    _save(figure, path)


def write_figures(results: Sequence[Result], views: Sequence[View], folder: Path) -> list[Path]:
    """All figures of an evaluation into `folder`; returns their paths."""
    paths = []
    for number, view in enumerate(views):
        paths.append(folder / f"eval-crops-{number + 1}.png")
        crops_figure(results, view, number, paths[-1])
    for name, draw in (("nps", nps_figure), ("bias", bias_figure)):
        paths.append(folder / f"eval-{name}.png")
        draw(results, paths[-1])
    if any(r.detectability for r in results[1:]):
        paths.append(folder / "eval-detectability.png")
        detectability_figure(results, paths[-1])
    return paths
