"""The scan as DICOM: CT Image Storage (PS3.3 A.3), JPEG-LS lossless, an obviously synthetic patient."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless
from scipy import ndimage

from ..data.tissue import body_mask
from .scan import Protocol, outside_field

_NAMESPACE = uuid.UUID("6f1d1a3c-6f0e-5d0a-9d3b-2f8d5c1e7a40")


def uid(*parts: object) -> UID:
    """A UID that depends on its parts alone (UUID-derived, PS3.5 B.2)."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}")


@dataclass(frozen=True)
class SeriesPlan:
    folder: str
    number: int
    description: str
    dose: float
    comment: str


def series_plan(dose: float | None) -> SeriesPlan:
    """Naming of a series; dose None is the noiseless reconstruction."""
    if dose is None:
        return SeriesPlan("noiseless", 4, "CHEST-ABDOMEN noiseless B40", 1.0, "Simulated phantom, reconstruction without noise")
    names = {1.0: ("full", 3, "full dose"), 0.25: ("quarter", 2, "quarter dose")}
    folder, number, words = names.get(dose, (f"dose-{dose * 100:g}", 10 + round(dose * 100), f"{dose * 100:g} % dose"))
    return SeriesPlan(folder, number, f"CHEST-ABDOMEN {words} B40", dose, "Simulated phantom, not a patient")


def stored_values(hu: np.ndarray) -> np.ndarray:
    """uint16 [H, W] of 12 bits: HU + 1024.

    -1024 outside the reconstructed circle, as many scanners write it (no PixelPaddingValue: it is a valid HU). Air a
    few millimetres clear of patient and table is set to -1000: its noise would be a third of the committed files.
    """
    image = np.clip(np.rint(hu), -1024, 3071).astype(np.int32)
    patient = ndimage.binary_dilation(body_mask(hu), iterations=4)
    table = ndimage.binary_dilation(ndimage.uniform_filter(hu, 5) > -930, iterations=4)
    image[~(patient | table)] = -1000
    image[outside_field(hu.shape[0])] = -1024
    return (image + 1024).astype(np.uint16)


def instance(hu: np.ndarray, index: int, plan: SeriesPlan, protocol: Protocol, seed: int) -> FileDataset:
    """One CT image, compressed. Deterministic in its arguments."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid(seed, plan.description, protocol.slices, index)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid("implementation")
    meta.ImplementationVersionName = "ISCL_PHANTOM"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    z = float(protocol.heights()[index])
    corner = -(protocol.size - 1) / 2 * protocol.pixel_mm
    milliamps = protocol.milliamps * plan.dose
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260102"
    ds.StudyTime = "090000"
    ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "090100"
    ds.AccessionNumber = "ISCL0001"
    ds.Modality = "CT"
    ds.Manufacturer = "ISCL project (simulation)"
    ds.InstitutionName = "None: simulated data"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "ISCL demo phantom (simulated, not a patient)"
    ds.SeriesDescription = plan.description
    ds.ManufacturerModelName = "iscl phantom"
    ds.PatientName = "PHANTOM^ISCL DEMO"
    ds.PatientID = f"ISCL-PHANTOM-{seed:04d}"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Synthetic: never a patient"
    ds.BodyPartExamined = "CHESTABDOMEN"
    ds.SliceThickness = f"{protocol.thickness_mm:g}"
    ds.KVP = f"{protocol.kvp:g}"
    ds.SpacingBetweenSlices = f"{protocol.spacing_mm:g}"
    ds.DataCollectionDiameter = f"{2 * protocol.fan.field_radius:.0f}"
    ds.SoftwareVersions = "iscl phantom 1"
    ds.ProtocolName = "ISCL PHANTOM CHEST-ABDOMEN"
    ds.ReconstructionDiameter = f"{protocol.field_mm:g}"
    ds.DistanceSourceToDetector = f"{protocol.fan.source_to_detector:g}"
    ds.DistanceSourceToPatient = f"{protocol.fan.source_to_isocentre:g}"
    ds.GantryDetectorTilt = "0"
    ds.TableHeight = "123"
    ds.RotationDirection = "CW"
    ds.ExposureTime = "500"
    ds.XRayTubeCurrent = f"{milliamps:.0f}"
    ds.Exposure = f"{milliamps * 0.5:.0f}"
    ds.FilterType = "BODY"
    ds.ConvolutionKernel = "B40"
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = uid(seed, "study", protocol.slices)
    ds.SeriesInstanceUID = uid(seed, plan.description, protocol.slices)
    ds.StudyID = "1"
    ds.SeriesNumber = str(plan.number)
    ds.AcquisitionNumber = "1"
    ds.InstanceNumber = str(index + 1)
    ds.ImagePositionPatient = [f"{corner:.6f}", f"{corner:.6f}", f"{z:.3f}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.FrameOfReferenceUID = uid(seed, "frame", protocol.slices)
    ds.PositionReferenceIndicator = ""
    ds.SliceLocation = f"{z:.3f}"
    ds.ImageComments = plan.comment
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = protocol.size
    ds.PixelSpacing = [f"{protocol.pixel_mm:.8g}"] * 2
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ds.BurnedInAnnotation = "NO"
    ds.WindowCenter, ds.WindowWidth = "40", "400"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.PixelData = stored_values(hu).tobytes()
    ds["PixelData"].VR = "OW"
    ds.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
    return ds


def write_instance(ds: pydicom.Dataset, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{int(ds.InstanceNumber):04d}.dcm"
    ds.save_as(path, enforce_file_format=True)
    return path
