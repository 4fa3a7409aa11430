"""What pydicom and ONNX Runtime say of the files of a trial (test/trial/trial.ts), apart from the code that is tried.

Taken from the code that is tried: which slices go into a slab together, and which pixels are padding.

Reads the job as JSON from the file named by the first argument and prints one JSON object with figures and differences.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import generate_frames

BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
AIR_HU = -1000.0
PIXEL_DATA = 0x7FE00010
TRAILING_PADDING = 0xFFFCFFFC


class Slice:
    """Stored values, HU and padding of one image: pixel words of Bits Stored, the Modality LUT, padding as a whole word."""

    def __init__(self, path, padding):
        dataset = pydicom.dcmread(path, force=True)
        words = dataset.pixel_array.astype(np.int64)
        bits, signed = dataset.BitsStored, dataset.PixelRepresentation == 1
        stored = words & ((1 << bits) - 1)
        if signed:
            stored = np.where(stored >= 1 << (bits - 1), stored - (1 << bits), stored)
        # Which words are padding is a judgement, and the product's is taken; a padding word is whole, whatever Bits Stored.
        self.low_high = padding and padding["range"] and tuple(padding["range"])
        self.padding = np.zeros(words.shape, bool)
        if padding:
            self.padding = np.frombuffer(Path(padding["mask"]).read_bytes(), np.uint8).reshape(words.shape) == 1
        stored = np.where(self.padding, words, stored)
        self.stored = stored
        self.slope, self.intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        self.range = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        self.hu = (self.slope * stored + self.intercept).astype(np.float32)


def network(session, card, slices):
    """A slab through the network, with what the card's range cut off given back: HU of the middle slices."""
    low, high = card["input"]["rangeHU"]
    shown = []
    for each in slices:
        # Padding is shown as air, unless its own value is that of air already.
        is_air = (each.hu >= low) & (each.hu < AIR_HU)
        hu = np.where(each.padding & ~is_air, np.float32(AIR_HU), each.hu)
        shown.append(np.clip(hu, low, high).astype(np.float32))
    rows, columns = shown[0].shape
    multiple = card["input"]["multiple"]
    pads = (0, -rows % multiple), (0, -columns % multiple)
    tensor = np.stack([np.pad(hu, pads, mode="reflect") for hu in shown])[None]
    (result,) = session.run([card["output"]["name"]], {card["input"]["name"]: tensor})
    result = result[0, :, :rows, :columns]
    margin = (len(slices) - len(result)) // 2
    for i, out in enumerate(result):
        source = slices[margin + i]
        beyond = np.where(source.padding, 0, source.hu - np.clip(source.hu, low, high))
        yield out + beyond


def off_by(source, derived, hu):
    """Steps between the derived stored values and HU as they should be stored; padding has to be the source's."""
    exact = (hu.astype(np.float64) - source.intercept) / source.slope
    expected = np.clip(np.rint(exact), *source.range)
    steps = np.abs(derived.stored - expected)
    if source.low_high is not None:
        # A value that would be taken for padding is moved off it, to either side.
        low, high = source.low_high
        would_be = (expected >= low) & (expected <= high) & ~source.padding
        steps = np.where(would_be, 0, steps)
    return np.where(source.padding, np.where(derived.stored == source.stored, 0, np.inf), steps)


def compare_pixels(job, answer):
    slices = {}

    def read(path):
        if path not in slices:
            if len(slices) > 12:
                slices.clear()
            slices[path] = Slice(path, job["padding"].get(path))
        return slices[path]

    zero = answer["zero"] = {"slices": 0, "pixels": 0, "different": 0}
    one = answer["one"] = {"slices": 0, "pixels": 0, "oneStep": 0, "different": 0, "runtime": None}
    session = None
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
        one["runtime"] = onnxruntime.__version__
    except ImportError:
        pass
    for slab in job["slabs"]:
        for own in slab["own"]:
            # What was not made is named already.
            if "zero" not in own:
                continue
            source, derived = read(own["source"]), read(own["zero"])
            wrong = int(np.count_nonzero(source.stored != derived.stored))
            zero["slices"] += 1
            zero["pixels"] += source.stored.size
            zero["different"] += wrong
            if wrong:
                answer["differences"].append(f"strength 0: {wrong} pixels of {own['name']}")
        if session is None or not any("one" in own for own in slab["own"]):
            continue
        results = list(network(session, job["card"], [read(path) for path in slab["inputs"]]))
        for hu, own in zip(results, slab["own"], strict=False):
            if "one" not in own:
                continue
            steps = off_by(read(own["source"]), read(own["one"]), hu)
            # Two builds of ONNX Runtime add up in another order, and a value between two steps may fall to either side.
            allowed = max(1, np.ceil(0.02 / abs(read(own["source"]).slope)))
            wrong = int(np.count_nonzero(steps > allowed))
            one["slices"] += 1
            one["pixels"] += steps.size
            one["oneStep"] += int(np.count_nonzero((steps > 0) & (steps <= allowed)))
            one["different"] += wrong
            if wrong:
                answer["differences"].append(
                    f"strength 1: {wrong} pixels of {own['name']}, by up to {steps.max()} steps"
                )


def compare_frames(job, answer):
    frames = answer["frames"] = {"compared": 0, "different": 0}
    for each in job["frames"]:
        served = Path(each["served"]).read_bytes()
        dataset = pydicom.dcmread(each["file"], force=True)
        syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
        data = dataset.get("PixelData", b"")
        if syntax is not None and syntax.is_compressed and not syntax.is_deflated:
            count = int(dataset.get("NumberOfFrames", 1) or 1)
            expected = next(iter(generate_frames(data, number_of_frames=count)))
        else:
            bits = dataset.Rows * dataset.Columns * dataset.get("SamplesPerPixel", 1) * dataset.BitsAllocated
            expected = data[: (bits + 7) // 8]
            if syntax is not None and not syntax.is_little_endian and dataset.BitsAllocated == 16:
                expected = np.frombuffer(expected, ">u2").astype("<u2").tobytes()
        frames["compared"] += 1
        longest = max(len(served), len(expected))
        # A fragment may end in one byte of padding.
        if longest - min(len(served), len(expected)) > 1 or served[: len(expected)] != expected[: len(served)]:
            frames["different"] += 1
            answer["differences"].append(f"frame of {each['name']}: {len(served)} bytes, pydicom has {len(expected)}")


def values_of(element):
    """Values of an element in the form of the DICOM JSON model, text stripped; raises where pydicom cannot read them."""
    if element.VM == 0:
        return []
    values = list(element.value) if element.VM > 1 and not isinstance(element.value, str) else [element.value]
    if element.VR in {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "SV", "UV"}:
        return [float(value) for value in values if value is not None and value != ""]
    if element.VR == "AT":
        return [f"{int(value):08X}" for value in values]
    return [text for text in (str(value).strip(" \0\r\n") for value in values) if text]


def served_values(attribute):
    out = []
    for value in attribute.get("Value", []):
        if value is None:
            continue
        if isinstance(value, dict):
            parts = [value.get(key, "") for key in ("Alphabetic", "Ideographic", "Phonetic")]
            value = "=".join(parts).rstrip("=")
        if isinstance(value, str):
            value = value.strip(" \0\r\n")
            if value:
                out.append(value)
        else:
            out.append(float(value))
    return out


def same(ours, theirs, vr):
    if len(ours) != len(theirs):
        return False
    if vr in {"SV", "UV"}:
        ours = [float(value) for value in ours]
    return all(
        a == b or (vr in {"FL", "FD", "DS"} and np.isclose(float(a), float(b), rtol=1e-6))
        for a, b in zip(ours, theirs, strict=True)
    )


def compare_metadata(dataset, served, where, totals, differences):
    for element in dataset:
        tag = f"{int(element.tag):08X}"
        if (
            element.tag.group == 2
            or element.tag.element == 0
            or int(element.tag) in (PIXEL_DATA, 0x00080005, TRAILING_PADDING)
        ):
            continue
        attribute = served.get(tag)
        if attribute is None:
            totals["different"] += 1
            differences.append(f"metadata of {where}: {tag} is missing")
        elif element.VR == "SQ":
            items = attribute.get("Value", [])
            if len(items) != len(element.value):
                totals["different"] += 1
                differences.append(
                    f"metadata of {where}: {tag} has {len(items)} items, pydicom has {len(element.value)}"
                )
                continue
            for item, served_item in zip(element.value, items, strict=True):
                compare_metadata(item, served_item, where, totals, differences)
        elif element.tag.is_private and attribute.get("vr") == "UN":
            # pydicom has a dictionary of private attributes; the standard's has none.
            totals["unread"] += 1
        elif element.VR not in BINARY:
            try:
                expected = values_of(element)
            except (ValueError, TypeError, OverflowError):
                totals["unread"] += 1
                continue
            totals["compared"] += 1
            if attribute.get("vr") in BINARY or not same(served_values(attribute), expected, element.VR):
                totals["different"] += 1
                got = json.dumps(attribute)[:80]
                differences.append(f"metadata of {where}: {tag} {element.VR} {str(expected)[:80]!r}, served {got}")


def main() -> None:
    warnings.simplefilter("ignore")
    job = json.loads(Path(sys.argv[1]).read_text())
    answer = {"differences": [], "pydicom": pydicom.__version__}
    compare_pixels(job, answer)
    compare_frames(job, answer)
    totals = answer["metadata"] = {"instances": 0, "compared": 0, "different": 0, "unread": 0}
    for each in job["metadata"]:
        served = json.loads(Path(each["served"]).read_text())
        totals["instances"] += 1
        compare_metadata(pydicom.dcmread(each["file"], force=True), served, each["name"], totals, answer["differences"])
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
