"""The stored values of DICOM files as pydicom and its plugins read them: what src/dicom's decoders are compared with.

Reads lines `path<TAB>frame` on standard input and writes, for each, a line of JSON (`shape`, `signed`, and `at`, the offset of the values in the
file named by the first argument, 32-bit little endian) or `{"error": ...}` when no plugin decodes it.
"""

import json
import sys
import warnings

import pydicom


def main() -> None:
    warnings.simplefilter("ignore")
    with open(sys.argv[1], "wb") as out:
        for line in sys.stdin:
            path, frame = line.rstrip("\n").split("\t")
            try:
                dataset = pydicom.dcmread(path, force=True)
                pixels = dataset.pixel_array
                if pixels.ndim == 3:
                    pixels = pixels[int(frame)]
                answer = {"shape": pixels.shape, "signed": pixels.dtype.kind == "i", "at": out.tell()}
                out.write(pixels.astype("<i4").tobytes())
            except Exception as error:  # noqa: BLE001 - any plugin may raise anything; the test says what it skips
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer))


if __name__ == "__main__":
    main()
