"""The decoded text of DICOM files, as pydicom reads it: one line of JSON for each file given, keyword (with its path) to text."""

import json
import sys
import warnings

import pydicom

TEXT = {"PN", "LO", "SH", "ST", "LT", "UT", "UC"}


def texts(dataset: pydicom.Dataset, path: str = "") -> dict[str, str]:
    found = {}
    for element in dataset:
        if element.tag.is_private:
            continue
        if element.VR == "SQ":
            for index, item in enumerate(element.value):
                found |= texts(item, f"{path}{element.keyword}[{index}].")
        elif element.VR in TEXT:
            found[path + element.keyword] = str(element.value)
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    for path in sys.argv[1:]:
        print(json.dumps(texts(pydicom.dcmread(path, force=True))))


if __name__ == "__main__":
    main()
