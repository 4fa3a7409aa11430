"""Evaluation: metrics, baselines, the results table and its figures."""

from .cases import EvalCase, EvaluationError, load_cases
from .score import as_denoise_fn, score

__all__ = ["EvalCase", "EvaluationError", "as_denoise_fn", "load_cases", "score"]
