"""Images as pydicom reads them: one line of JSON for each path on standard input, with the HU after its own Modality LUT."""

import json
import sys

import pydicom
from pydicom.pixels import apply_modality_lut


def main() -> None:
    for line in sys.stdin:
        dataset = pydicom.dcmread(line.rstrip("\n"))
        hu = apply_modality_lut(dataset.pixel_array, dataset)
        answer = {
            "instanceNumber": int(dataset.InstanceNumber),
            "sopClass": dataset.SOPClassUID.name,
            "seriesInstanceUid": str(dataset.SeriesInstanceUID),
            "description": str(dataset.SeriesDescription),
            "hu": hu.ravel().tolist(),
        }
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
