"""Single-frame CT from DICOM files, as Hounsfield units.

pydicom decodes with the pylibjpeg, pyjpegls and gdcm plugins: native, deflated, RLE, JPEG, JPEG-LS,
JPEG 2000 and HTJ2K, little and big endian.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import JPEGExtended12Bit

from .errors import (
    ColourError,
    DataError,
    MixedSeriesError,
    MultiFrameError,
    NoDicomError,
    NotAxialError,
    NotCtError,
    NotHuError,
    SpacingError,
    UnreadableError,
)
from .numeric import NumericStrings
from .padding import find_padding

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
MULTI_FRAME_CT = {"1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"}
# Spectral-selection and progressive JPEG, retired: pydicom registers no decoder, but libjpeg reads the process from
# the codestream itself when it is asked under JPEG Extended.
RETIRED_JPEG = {"1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"}
HU_MIN, HU_MAX = -1024.0, 3071.0
AIR = -1000.0
# By meaning: GE writes "Houndsfield Unit" in reformats. US (unspecified), Z_EFF, MGML and every other word are other quantities.
HOUNSFIELD_UNITS = re.compile(r"HU|H\.U\.|HOUN[SD]{1,2}FIELD([ _-]?UNITS?)?", re.IGNORECASE)
LARGEST_MATRIX = 4096
"""Rows or Columns; CT goes up to 2048. A few hundred bytes of JPEG 2000 can decode to gigabytes."""
DECIMAL = ("RescaleSlope", "RescaleIntercept", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceLocation",
           "SliceThickness", "KVP")


@dataclass(frozen=True)
class CtSlice:
    """One CT image.

    hu: float32 [H, W] in HU, clamped to [-1024, 3071]; padding pixels are air: from -1024 to -1000.
    padding: bool [H, W], pixels that hold no measurement (padding.py).
    spacing: mm per pixel (row, column), equal. position: mm along the slice normal. thickness: mm, 0 when absent.
    kvp: tube voltage in kV, 120 when absent. patient: PatientID, or the study's UID when it is empty.
    """

    hu: np.ndarray
    padding: np.ndarray
    spacing: tuple[float, float]
    thickness: float
    position: float
    kernel: str
    kvp: float
    patient: str
    study_uid: str
    series_uid: str
    sop_uid: str
    manufacturer: str
    path: Path


@dataclass(frozen=True)
class CtSeries:
    """Slices of one series, sorted along the slice normal."""

    slices: list[CtSlice] = field(repr=False)

    @property
    def patient(self) -> str:
        return self.slices[0].patient

    @property
    def series_uid(self) -> str:
        return self.slices[0].series_uid

    @property
    def kernel(self) -> str:
        return self.slices[0].kernel

    @property
    def thickness(self) -> float:
        return self.slices[0].thickness

    @property
    def spacing(self) -> tuple[float, float]:
        return self.slices[0].spacing

    def volume(self) -> np.ndarray:
        """float32 [N, H, W] in HU."""
        return np.stack([s.hu for s in self.slices])


def _known(value: float | None, default: float) -> float:
    """An optional number: the default where it is absent or cannot be read."""
    return default if value is None or math.isnan(value) else value


def _kernel(ds: pydicom.Dataset) -> str:
    value = ds.get("ConvolutionKernel", "")
    if isinstance(value, pydicom.multival.MultiValue):
        value = "/".join(str(v) for v in value)
    return str(value or "").strip()


def _orientation(numbers: NumericStrings, path: Path) -> list[float]:
    values = numbers.values("ImageOrientationPatient") or [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    if len(values) != 6 or any(map(math.isnan, values)):
        raise UnreadableError(f"ImageOrientationPatient is {numbers.text('ImageOrientationPatient')!a}", path)
    return values


def _position(numbers: NumericStrings, path: Path) -> list[float]:
    values = numbers.values("ImagePositionPatient") or [0.0, 0.0, _known(numbers.first("SliceLocation"), 0.0)]
    if len(values) != 3 or any(map(math.isnan, values)):
        raise UnreadableError(f"ImagePositionPatient is {numbers.text('ImagePositionPatient')!a}", path)
    return values


def _rescale(numbers: NumericStrings, path: Path) -> tuple[float, float]:
    """Slope and intercept."""
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        value = numbers.first(keyword)
        if value is None:
            raise NotHuError(f"{keyword} is absent, so the values are not HU", path)
        if math.isnan(value):
            raise NotHuError(f"{keyword} is {numbers.text(keyword)!a}, which is no number", path)
    slope, intercept = numbers.values("RescaleSlope")[0], numbers.values("RescaleIntercept")[0]
    if slope == 0:
        raise NotHuError("RescaleSlope is 0", path)
    return slope, intercept


def _check_header(ds: pydicom.Dataset, numbers: NumericStrings, path: Path) -> None:
    sop_class = str(ds.get("SOPClassUID", ""))
    modality = str(ds.get("Modality", ""))
    frames = numbers.first("NumberOfFrames")
    if frames is not None and not frames >= 1:
        raise UnreadableError(f"NumberOfFrames is {numbers.text('NumberOfFrames')!a}", path)
    if sop_class in MULTI_FRAME_CT or (frames or 1) > 1:
        raise MultiFrameError("multi-frame object; export it as single-frame CT Image Storage", path)
    if modality != "CT" or sop_class not in ("", CT_IMAGE_STORAGE):
        raise NotCtError(f"not a CT image (Modality {modality or 'absent'}, SOP class {sop_class or 'absent'})", path)
    if "Rows" not in ds or "Columns" not in ds or "PhotometricInterpretation" not in ds or "PixelData" not in ds:
        raise UnreadableError("the file ends before its pixel data", path)
    if max(int(ds.Rows), int(ds.Columns)) > LARGEST_MATRIX:
        raise UnreadableError(f"the matrix of {ds.Rows} x {ds.Columns} is larger than that of any CT image", path)
    photometric = str(ds.get("PhotometricInterpretation", ""))
    if int(ds.get("SamplesPerPixel", 1) or 1) != 1 or photometric != "MONOCHROME2":
        raise ColourError(f"pixel data is {photometric or 'of unknown colour'}, expected MONOCHROME2", path)
    image_type = [str(v).upper() for v in ds.get("ImageType", [])]
    if "LOCALIZER" in image_type:
        raise NotAxialError("localizer (scout) image", path)
    orientation = _orientation(numbers, path)
    if abs(np.cross(orientation[:3], orientation[3:])[2]) < 0.7:
        raise NotAxialError("sagittal, coronal or oblique reformat", path)
    _rescale(numbers, path)
    rescale_type = str(ds.get("RescaleType", "") or "").strip()
    if rescale_type and not HOUNSFIELD_UNITS.fullmatch(rescale_type):
        raise NotHuError(f"RescaleType is {rescale_type!a}, not HU", path)
    spacing = numbers.values("PixelSpacing")
    if len(spacing) != 2:
        raise SpacingError("PixelSpacing is absent: the noise of a slice cannot be modelled without it", path)
    row, column = spacing
    if not (row > 0 and abs(row - column) <= 1e-3 * row):
        found = numbers.text("PixelSpacing")
        raise SpacingError(f"PixelSpacing is {found!a} mm; only square pixels can be modelled", path)


def _declared_padding(ds: pydicom.Dataset) -> tuple[int, int] | None:
    """Stored values from PixelPaddingValue to PixelPaddingRangeLimit (PS3.3 C.7.5.1.1.2)."""
    value = ds.get("PixelPaddingValue")
    if value is None:
        return None
    bits = int(ds.BitsAllocated)

    def signed(v: int) -> int:
        # Implicit VR files may carry the value with the other signedness.
        if ds.PixelRepresentation == 1 and v >= 1 << (bits - 1):
            return v - (1 << bits)
        if ds.PixelRepresentation == 0 and v < 0:
            return v + (1 << bits)
        return v

    one = signed(int(value))
    limit = ds.get("PixelPaddingRangeLimit")
    other = one if limit is None else signed(int(limit))
    return min(one, other), max(one, other)


def read_slice(path: str | Path) -> CtSlice:
    """Read one file as HU. Raises a DataError subclass that names the file and the reason when it is not single-frame CT, whatever is
    wrong with it."""
    path = Path(path)
    try:
        with warnings.catch_warnings():
            # Warnings quote values of the file; faults that matter are refused.
            warnings.simplefilter("ignore")
            return _read_slice(path)
    except DataError:
        raise
    except Exception as cause:  # pydicom, its plugins and NumPy raise every kind on files that break the standard
        raise UnreadableError(f"cannot be read ({type(cause).__name__}: {cause})", path) from cause


def _read_slice(path: Path) -> CtSlice:
    try:
        ds = pydicom.dcmread(path)
    except InvalidDicomError as cause:
        raise NoDicomError("not a DICOM file", path) from cause
    numbers = NumericStrings(ds, DECIMAL, ("NumberOfFrames",))
    _check_header(ds, numbers, path)
    if ds.file_meta.get("TransferSyntaxUID") in RETIRED_JPEG:
        ds.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    try:
        stored = ds.pixel_array
    except Exception as cause:
        raise UnreadableError(f"pixels cannot be decoded ({type(cause).__name__}: {cause})", path) from cause
    if stored.ndim != 2:
        raise ColourError(f"pixel data has shape {stored.shape}, expected rows x columns", path)
    if ds.PixelRepresentation == 1 and stored.min() >= 0 and ds.BitsStored < ds.BitsAllocated:
        # A codestream marked unsigned decodes without sign extension (pydicom issue 1149).
        stored = stored.astype(np.int32)
        stored = np.where(stored >= 1 << (ds.BitsStored - 1), stored - (1 << ds.BitsStored), stored)
    slope, intercept = _rescale(numbers, path)
    padding = find_padding(stored, _declared_padding(ds), slope, intercept)
    with np.errstate(over="ignore", invalid="ignore"):
        hu = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    if not np.isfinite(hu).all():
        raise NotHuError(f"RescaleSlope {slope:g} and RescaleIntercept {intercept:g} make no finite values", path)
    hu = np.clip(hu, HU_MIN, HU_MAX)
    hu[padding & (hu > AIR)] = HU_MIN
    orientation = _orientation(numbers, path)
    normal = np.cross(orientation[:3], orientation[3:])
    row, column = numbers.values("PixelSpacing")
    return CtSlice(
        hu=hu,
        padding=padding,
        spacing=(row, column),
        thickness=_known(numbers.first("SliceThickness"), 0.0),
        position=float(np.dot(normal, _position(numbers, path))),
        kernel=_kernel(ds),
        kvp=_known(numbers.first("KVP"), 120.0),
        patient=str(ds.get("PatientID", "") or ds.get("StudyInstanceUID", "")),
        study_uid=str(ds.get("StudyInstanceUID", "")),
        series_uid=str(ds.get("SeriesInstanceUID", "")),
        sop_uid=str(ds.get("SOPInstanceUID", "")),
        manufacturer=str(ds.get("Manufacturer", "") or "").strip(),
        path=path,
    )


def is_candidate(path: Path) -> bool:
    """Whether a path may be an image file. Hidden files (.DS_Store) and DICOMDIR are not."""
    return path.is_file() and not path.name.startswith(".") and path.name != "DICOMDIR"


def list_files(folder: str | Path, recursive: bool = True) -> list[Path]:
    """Every file under the folder (or directly in it), sorted; hidden files and DICOMDIR left out. Raises NoDicomError if none."""
    folder = Path(folder)
    if not folder.exists():
        raise NoDicomError("folder does not exist", folder)
    if folder.is_file():
        return [folder]
    files = [f for f in sorted(folder.rglob("*") if recursive else folder.iterdir()) if is_candidate(f)]
    if not files:
        raise NoDicomError("folder is empty", folder)
    return files


def read_series(folder: str | Path) -> CtSeries:
    """The one CT series under a folder, recursively.

    Raises MixedSeriesError for several series or sizes, and the refusal of a file that is not CT: a folder that is given as
    one series must hold nothing else.
    """
    slices = [read_slice(path) for path in list_files(folder)]
    check_one_series(slices, folder)
    return CtSeries(sorted(slices, key=lambda s: s.position))


def check_one_series(slices: list[CtSlice], folder: str | Path) -> None:
    """Raises MixedSeriesError if the slices belong to several series or have several sizes."""
    series = {s.series_uid: s.kernel for s in slices}
    if len(series) > 1:
        kernels = ", ".join(sorted(set(series.values())))
        raise MixedSeriesError(f"{len(series)} series in one folder (kernels {kernels}); give one folder each", folder)
    shapes = {s.hu.shape for s in slices}
    if len(shapes) > 1:
        raise MixedSeriesError(f"slices of several sizes {sorted(shapes)} in one series", folder)


def iter_slices(folder: str | Path, refused: list[DataError] | None = None) -> Iterator[CtSlice]:
    """Usable CT slices of the files directly in a folder, one by one; the refusals of the others go to `refused`.

    Folders below it are series of their own.
    """
    for path in list_files(folder, recursive=False):
        try:
            yield read_slice(path)
        except DataError as error:
            if refused is not None:
                refused.append(error)
