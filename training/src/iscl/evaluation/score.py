"""One denoiser against one set of cases: every reference-based figure of the evaluation table.

Fast enough to compare checkpoints during training; `iscl evaluate` uses the same function.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from . import metrics, mtf
from .cases import ROI_PX, EvalCase, EvaluationError
from .nps import pooled_spectrum

Denoise = Callable[[np.ndarray], np.ndarray]

# Mixed kernels: so many fields, averaged. Own kernel: each slice stands for itself and needs more discs.
TRANSFER_PX, TRANSFER_CASES = 128, 4
OWN_TRANSFER_PX, OWN_TRANSFER_CASES = 192, 5

EQUAL_CUT = 0.5
"""Share of the noise taken out where texture is compared at equal noise."""


def as_denoise_fn(module) -> Denoise:
    """Wrap a torch module HU -> HU ([1, 1, H, W]) as a function of float32 [H, W] arrays."""
    import torch

    def denoise(hu: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            tensor = torch.from_numpy(np.ascontiguousarray(hu, np.float32))[None, None]
            return module(tensor)[0, 0].float().numpy()

    module.eval()
    return denoise


def transfer_figures(denoise: Denoise, cases: Sequence[EvalCase]) -> dict[str, float]:
    """MTF50 of `denoise` in the noise of the middle of the first bodies; names as in `score`.

    mtf50_*: the same disc edge and one profile for all slices, noise as the slices have it (mixed kernels).
    mtf50_own_*: disc and noise of each slice's own kernel; figures and ratios are means over the slices.
    """

    def middles(size: int, count: int) -> list[EvalCase]:
        return [case.crop(size) for case in cases if case.body.any() and min(case.body.shape) >= size][:count]

    mixed = middles(TRANSFER_PX, TRANSFER_CASES)
    own = [case for case in middles(OWN_TRANSFER_PX, OWN_TRANSFER_CASES) if case.own]
    figures = {}
    for kind, found in (
        ("", [([c.noisy - c.reference for c in mixed], mixed[0].spacing, mtf.gaussian_edge)] if mixed else []),
        ("own_", [([c.own.field], c.spacing, c.own_edge) for c in own if c.own and c.own_edge]),
    ):
        for level, contrast in (("high", mtf.HIGH_CONTRAST), ("low", mtf.LOW_CONTRAST)):
            pairs = [
                tuple(mtf.mtf50(filtered, noise, contrast, spacing, edge) for filtered in (denoise, lambda hu: hu))
                for noise, spacing, edge in found
            ]
            name = f"mtf50_{kind}{level}"
            figures[name] = metrics.finite_mean([output for output, _ in pairs])
            figures[f"{name}_input"] = metrics.finite_mean([source for _, source in pairs])
            figures[f"{name}_ratio"] = metrics.finite_mean([output / source for output, source in pairs])
    return figures


def own_kernel_figures(denoise: Denoise, cases: Sequence[EvalCase]) -> dict[str, float]:
    """Gain, noise cut and NPS ratio of the slices whose own kernel is known, in noise of that kernel; nan without one.

    A low-dose scan has one kernel for anatomy and noise. The slices' `noisy` has any of several, which tries a denoiser on more
    textures than the slices were scanned with, but asks it to tell sharp noise from soft anatomy.
    """
    own = [replace(case, noisy=case.reference + case.own.field) for case in cases if case.own]
    outputs = [_denoised(denoise, case) for case in own]
    rows = [score_case(output, case) for output, case in zip(outputs, own, strict=True)]
    return {
        "psnr_gain_own": metrics.finite_mean([row["psnr"] - row["psnr_input"] for row in rows]),
        "anatomy_gain_own": _anatomy_gain(outputs, own),
        "noise_cut_own": _noise_cut(rows),
        "nps_ratio_own": _nps_ratio(rows),
        "nps_ratio_own_equal": _nps_ratio_at_equal_noise(outputs, own),
    }


def _anatomy_gain(outputs: Sequence[np.ndarray], cases: Sequence[EvalCase]) -> float:
    """dB less mean square error against the anatomy (`metrics.anatomy_error`), by the mean over slices of its ratio to the input's, because the
    estimate of one slice can be near zero; nan where no slice shows fat or organs, or the mean is not positive."""
    ratios = []
    for output, case in zip(outputs, cases, strict=True):
        if case.own and case.readable.any():
            before, after = metrics.anatomy_error(output, case.reference, case.own.field, case.own.dose, case.readable)
            ratios.append(after / before)
    mean = metrics.finite_mean(ratios)
    return -10.0 * float(np.log10(mean)) if mean > 0 else float("nan")


def _nps_ratio_at_equal_noise(outputs: Sequence[np.ndarray], cases: Sequence[EvalCase]) -> float:
    """The NPS ratio where so much of the inputs is blended in, the same share for all, that EQUAL_CUT of their noise is gone, as the viewer's
    slider does: texture compared at equal noise. nan where a denoiser does not take out as much."""
    pairs = [(output, case) for output, case in zip(outputs, cases, strict=True) if case.rois]

    def blended(strength: float) -> list[np.ndarray]:
        return [case.noisy + strength * (output - case.noisy) for output, case in pairs]

    def cut(strength: float) -> float:
        noise = [metrics.noise_sd(image, case.rois, ROI_PX) / case.input_figures["noise_input"]
                 for image, (_, case) in zip(blended(strength), pairs, strict=True)]
        return 1.0 - float(np.mean(noise))

    if not pairs or cut(1.0) < EQUAL_CUT:
        return float("nan")
    # Noise falls with the strength until the network's own is all that is left: bisection on that branch.
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if cut(middle) < EQUAL_CUT else (low, middle)
    spectra = [(case.spectrum(image), case.input_spectra["input"]) for image, (_, case) in zip(blended(high), pairs, strict=True)]
    return metrics.finite_mean([after.mean_frequency / before.mean_frequency for after, before in spectra if after and before])


def _noise_cut(rows: Sequence[dict]) -> float:
    return metrics.finite_mean([1 - row["noise"] / row["noise_input"] for row in rows if row["noise_input"] > 0])


def _nps_ratio(rows: Sequence[dict]) -> float:
    spectra = [row["spectra"] for row in rows if row["spectra"]["output"] is not None]
    return metrics.finite_mean([s["output"].mean_frequency / s["input"].mean_frequency for s in spectra])


def _denoised(denoise: Denoise, case: EvalCase) -> np.ndarray:
    denoised = np.asarray(denoise(case.noisy), np.float32)
    if denoised.shape != case.noisy.shape:
        raise EvaluationError(f"the denoiser returned {denoised.shape} for a slice of {case.noisy.shape} ({case.name})")
    if not np.isfinite(denoised).all():
        raise EvaluationError(f"the denoiser returned NaN or infinity for {case.name}")
    return denoised


def score_case(denoised: np.ndarray, case: EvalCase) -> dict:
    """Figures of one slice, input and output side by side; see `score` for the names."""
    return {
        "name": case.name,
        "patient": case.patient,
        "kernel": case.kernel,
        "window": case.window.name,
        "psnr": metrics.psnr(denoised, case.reference, case.window),
        "ssim": metrics.ssim(denoised, case.reference, case.window),
        "rmse": metrics.rmse(denoised, case.reference, case.body),
        "bias": metrics.tissue_bias(denoised, case.noisy, case.masks),
        "noise": metrics.noise_sd(denoised, case.rois, ROI_PX),
        **case.input_figures,
        "spectra": {"output": case.spectrum(denoised), **case.input_spectra},
    }


def score(denoise: Denoise, cases: Sequence[EvalCase], transfer: bool = True) -> dict:
    """Score `denoise` (float32 [H, W] HU to the same) on `cases`.

    Returns means over the slices:
      psnr, psnr_input, psnr_gain (dB), ssim, ssim_input, ssim_gain, rmse, rmse_input (HU, in the body);
      psnr_gain_worst: the smallest gain of any slice;
      bias: {tissue: HU}, output less input, weighted by pixels; bias_worst: the largest |bias|, bone left out;
      noise, noise_input, noise_reference (HU, uniform regions), noise_cut (fraction of the input's);
      nps_mean_frequency, nps_peak_frequency with _input and _reference (cycles/mm), nps_ratio (mean frequency / input's);
      mtf50_high, mtf50_low with _input (cycles/mm) and _ratio, mtf50_own_high, mtf50_own_low likewise: `transfer_figures`
      (nan without `transfer`);
      psnr_gain_own, noise_cut_own, nps_ratio_own: the same figures where each slice has the noise of its own kernel, as a
      low-dose scan of it would have (`own_kernel_figures`); anatomy_gain_own (dB): against the anatomy, free of the reference's own noise;
      nps_ratio_own_equal: with the input blended in until half of the noise is gone;
      ms_per_slice (processor time); spectra: {"output", "input", "reference"}; cases: the figures of each slice.
    Raises EvaluationError for no cases, a wrong output shape, or NaN in the output.
    """
    if not cases:
        raise EvaluationError("there are no cases to score")
    rows, seconds = [], []
    for case in cases:
        start = time.process_time()
        denoised = _denoised(denoise, case)
        seconds.append(time.process_time() - start)
        rows.append(score_case(denoised, case))

    names = ("psnr", "psnr_input", "ssim", "ssim_input", "rmse", "rmse_input", "noise", "noise_input", "noise_reference")
    result: dict = {name: metrics.finite_mean([row[name] for row in rows]) for name in names}
    result["psnr_gain"] = metrics.finite_mean([row["psnr"] - row["psnr_input"] for row in rows])
    result["psnr_gain_worst"] = float(min(row["psnr"] - row["psnr_input"] for row in rows))
    result["ssim_gain"] = result["ssim"] - result["ssim_input"]
    result["bias"] = metrics.pooled_bias([row["bias"] for row in rows])
    soft = [abs(value) for tissue, value in result["bias"].items() if tissue != "bone"]
    result["bias_worst"] = max(soft) if soft else float("nan")
    result["noise_cut"] = _noise_cut(rows)

    result["spectra"] = {}
    measured = [row["spectra"] for row in rows if row["spectra"]["output"] is not None]
    for key, suffix in (("output", ""), ("input", "_input"), ("reference", "_reference")):
        if measured:
            result["spectra"][key] = pooled_spectrum([m[key] for m in measured])
        for name in ("mean_frequency", "peak_frequency"):
            result[f"nps_{name}{suffix}"] = metrics.finite_mean([getattr(m[key], name) for m in measured])
    result["nps_ratio"] = _nps_ratio(rows)

    result |= own_kernel_figures(denoise, cases)
    result |= transfer_figures(denoise, cases if transfer else [])
    result["ms_per_slice"] = 1000 * float(np.median(seconds))
    result["cases"] = [{key: value for key, value in row.items() if key != "spectra"} for row in rows]
    return result

