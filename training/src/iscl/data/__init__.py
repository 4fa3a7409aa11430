"""CT slices from DICOM, the fixed split by patient, and the cache of simulated pairs."""

from .dicom import CtSeries, CtSlice, iter_slices, list_files, read_folder, read_series, read_slice
from .errors import (
    ColourError,
    DataError,
    EmptySetError,
    MixedSeriesError,
    MultiFrameError,
    NoDicomError,
    NotAxialError,
    NotCtError,
    NotHuError,
    SplitError,
    UnreadableError,
)
from .split import CLEAN_LIMIT_HU, SplitRow, assign, check, check_disjoint, read_split, survey, write_split
from .tissue import body_mask, local_sd, measure_noise, modal_sd, soft_tissue_mask

__all__ = [
    "CLEAN_LIMIT_HU",
    "ColourError",
    "CtSeries",
    "CtSlice",
    "DataError",
    "EmptySetError",
    "MixedSeriesError",
    "MultiFrameError",
    "NoDicomError",
    "NotAxialError",
    "NotCtError",
    "NotHuError",
    "SplitError",
    "SplitRow",
    "UnreadableError",
    "assign",
    "body_mask",
    "check",
    "check_disjoint",
    "iter_slices",
    "list_files",
    "local_sd",
    "measure_noise",
    "modal_sd",
    "read_folder",
    "read_series",
    "read_slice",
    "read_split",
    "soft_tissue_mask",
    "survey",
    "write_split",
]
