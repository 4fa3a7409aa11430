"""Image stacks of electron microscopy: PNG or TIFF files, or multi-page TIFF, as grey values in [-1, 1]."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SUFFIXES = (".png", ".tif", ".tiff")


class StackError(ValueError):
    """The stack cannot be used; the message names the file and says why."""


def read_stack(path: str | Path) -> list[np.ndarray]:
    """Images [H, W] float32 in [-1, 1] from a file or a folder of files, by name; pages of a TIFF in their order.

    Integers are scaled by the range of their type, so that slices of a stack keep their relation; floats must lie in
    [0, 1]. Raises StackError for no images, colour, a float out of range, or a damaged file.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted(p for p in path.glob("*") if p.suffix.lower() in SUFFIXES)
    if not files:
        raise StackError(f"{path} holds no PNG or TIFF image")
    return [_to_unit(page, file) for file in files for page in _pages(file)]


def _pages(file: Path) -> list[np.ndarray]:
    try:
        if file.suffix.lower() == ".png":
            from PIL import Image

            with Image.open(file) as image:
                if image.mode not in ("L", "1", "I", "I;16", "I;16B", "F"):
                    raise StackError(f"{file.name} is a colour image ({image.mode}); electron microscopy is grey")
                return [np.asarray(image)]
        import tifffile

        pages = tifffile.imread(file)
    except StackError:
        raise
    except Exception as error:  # Pillow and tifffile raise many kinds for a damaged file
        raise StackError(f"{file.name} cannot be read ({error})") from error
    if not pages.size:
        raise StackError(f"{file.name} cannot be read (it has no page)")
    if pages.ndim == 2:
        return [pages]
    if pages.ndim == 3 and pages.shape[-1] not in (3, 4):
        return list(pages)
    raise StackError(f"{file.name} has shape {pages.shape}; a stack is [pages, rows, columns] of grey values")


def _to_unit(image: np.ndarray, file: Path) -> np.ndarray:
    if image.dtype == bool:
        image = image.astype(np.float32)
    if image.dtype.kind == "f":
        if not np.isfinite(image).all() or image.min() < 0 or image.max() > 1:
            raise StackError(f"{file.name} has float values outside [0, 1]")
        return (2 * image - 1).astype(np.float32)
    # Pillow hands out 16-bit PNG as 32-bit integers.
    highest = 65535 if image.dtype.kind == "i" or image.dtype.itemsize > 1 else 255
    if image.min() < 0 or image.max() > highest:
        raise StackError(f"{file.name} has values outside 0 to {highest}")
    return (image.astype(np.float32) * (2.0 / highest) - 1.0).astype(np.float32)


def write_stack(images: list[np.ndarray], folder: str | Path) -> None:
    """Images [H, W] in [-1, 1] as 16-bit TIFF files 0000.tif and on; values outside are clipped."""
    import tifffile

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        grey = np.rint((np.clip(image, -1, 1) + 1) * (65535 / 2)).astype(np.uint16)
        tifffile.imwrite(folder / f"{number:04d}.tif", grey)
