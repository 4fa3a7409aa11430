"""Typed refusals of the data pipeline.

Each error states the finding and what the user can do; `path` names the file or folder.
"""

from __future__ import annotations

from pathlib import Path

from .names import escaped


class DataError(ValueError):
    """Base of every refusal of input data."""

    def __init__(self, message: str, path: str | Path | None = None):
        super().__init__(f"{message} [{escaped(str(path))}]" if path is not None else message)
        self.path = Path(path) if path is not None else None


class NoDicomError(DataError):
    """The folder is absent, empty, or holds no DICOM file."""


class UnreadableError(DataError):
    """The file is DICOM but its header or pixels cannot be decoded."""


class NotCtError(DataError):
    """Modality or SOP class is not single-frame CT Image Storage."""


class MultiFrameError(DataError):
    """Enhanced or legacy-converted multi-frame object: only single-frame CT is trained on."""


class ColourError(DataError):
    """More than one sample per pixel, or a photometric interpretation that is not MONOCHROME2."""


class NotAxialError(DataError):
    """Localizer or reformatted plane, whose noise differs from that of an axial reconstruction."""


class NotHuError(DataError):
    """Rescale attributes are missing, so pixel values are not Hounsfield units."""


class SpacingError(DataError):
    """PixelSpacing is absent, not positive, or not square: the noise of such a slice cannot be modelled."""


class MixedSeriesError(DataError):
    """One folder holds slices of several series, or of several sizes or kernels."""


class EmptySetError(DataError):
    """No slice is left after selection (for example no series under the clean-noise limit)."""


class SplitError(DataError):
    """A patient on two sides of the split, or a split file that does not match the data."""
