"""The lesion guard computed again with numpy, pydicom and onnxruntime: reads what was looked at as JSON from standard input, prints the figures.

Input: {"model", "slab": [inputs], "files": {uid: path}, "looks": [{"inputs": [uid], "own": [uid], "middle": uid}], "gap", "lesions":
[{"diameterMm", "contrastHu", "places": [[uid, row, column]]}], "regions": [[uid, row, column]]}.
"""

import json
import sys

import numpy as np
import onnxruntime
import pydicom
from numpy.polynomial.laguerre import lagval
from pydicom.pixels import apply_modality_lut

HALF, WINDOW, COARSE, NPS = 18, 15, 8.0, 24
AXIS = np.arange(-HALF, HALF + 1)
SQUARED = AXIS[:, None] ** 2 + AXIS[None, :] ** 2
DISC = (SQUARED <= WINDOW**2).ravel()


def gaussian(image, sigma):
    reach = int(4 * sigma + 0.5)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    for axis in (0, 1):
        image = np.apply_along_axis(np.convolve, axis, image, kernel, mode="same")
    return image


def ball(diameter, pixel, gap, thickness, offset):
    """Partial volume by summing a fine grid along all three axes."""
    radius, fine, deep = diameter / 2, 5, 200
    half = int(np.ceil(radius / pixel + 2.1)) + 1
    side = 2 * half + 1
    at = (np.arange(side * fine) - (side * fine - 1) / 2) / fine * pixel
    z = offset * gap + ((np.arange(deep) + 0.5) / deep - 0.5) * thickness
    plane = at[:, None] ** 2 + at[None, :] ** 2
    share = np.zeros_like(plane)
    for each in z:
        share += plane + each**2 <= radius**2
    coarse = (share / deep).reshape(side, fine, side, fine).mean(axis=(1, 3))
    return gaussian(coarse, 0.7), half


class Denoiser:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name

    def __call__(self, stack):
        return self.session.run(None, {self.name: np.clip(stack, -1024, 3071)[None].astype(np.float32)})[0][0]


def region(image, row, column):
    return image[row - HALF : row + HALF + 1, column - HALF : column + HALF + 1].astype(np.float64)


def anatomy_filter():
    rows, columns = np.meshgrid(AXIS, AXIS, indexing="ij")
    points = np.stack([rows.ravel()[DISC], columns.ravel()[DISC]], axis=1)
    distance = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    weights = np.exp(-distance / (2 * COARSE**2))
    return np.eye(len(points)) - weights / weights.sum(axis=1, keepdims=True)


def channels(width):
    argument = 2 * np.pi * SQUARED.ravel()[DISC] / width**2
    found = [np.exp(-argument / 2) * lagval(argument, np.eye(6)[n]) for n in range(6)]
    return np.stack([f / np.linalg.norm(f) for f in found])


def hotelling(signals, noise):
    covariance = np.cov(noise, rowvar=False)
    if len(signals) > 1:
        covariance = covariance + np.cov(signals, rowvar=False) / 2
    mean = signals.mean(axis=0)
    return float(np.sqrt(mean @ np.linalg.solve(covariance, mean)))


def detrended(patch):
    axis = np.linspace(-1, 1, NPS)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    basis = np.stack([(y**i * x**j).ravel() for i in range(3) for j in range(3 - i)], axis=1)
    flat = patch.ravel()
    return flat - basis @ np.linalg.lstsq(basis, flat, rcond=None)[0]


def main():
    given = json.load(sys.stdin)
    hu, headers = {}, {}
    for uid, path in given["files"].items():
        headers[uid] = pydicom.dcmread(path)
        hu[uid] = apply_modality_lut(headers[uid].pixel_array, headers[uid]).astype(np.float32)
    first = next(iter(headers.values()))
    pixel, gap, thickness = float(first.PixelSpacing[0]), given["gap"], float(first.SliceThickness)
    denoise = Denoiser(given["model"])
    base, more, less = {}, {}, {}
    for look in given["looks"]:
        inputs, own, middle = look["inputs"], look["own"], look["middle"]
        stack = np.stack([hu[uid] for uid in inputs])
        signal = np.zeros(stack.shape)
        for lesion in given["lesions"]:
            for uid, row, column in lesion["places"]:
                if uid != middle:
                    continue
                for k, other in enumerate(inputs):
                    values, half = ball(lesion["diameterMm"], pixel, gap, thickness, k - inputs.index(middle))
                    box = slice(row - half, row + half + 1), slice(column - half, column + half + 1)
                    signal[k][box] += lesion["contrastHu"] * values
        outputs = [denoise(stack), denoise(stack + signal), denoise(stack - signal)]
        for k, uid in enumerate(own):
            base[uid] = outputs[0][k]
        k = own.index(middle)
        more[middle], less[middle] = outputs[1][k] - outputs[0][k], outputs[0][k] - outputs[2][k]

    remove = anatomy_filter()
    noise = [[region(images[uid], row, column) for uid, row, column in given["regions"]] for images in (hu, base)]
    cut = slice(HALF - NPS // 2, HALF + NPS // 2)
    small = [np.stack([detrended(r[cut, cut]) for r in each]) for each in noise]
    answer = {"sd": [float(np.sqrt((s**2).mean())) for s in small], "lesions": []}
    frequency = np.fft.fftfreq(NPS) * NPS
    rings = np.rint(np.hypot(frequency[:, None], frequency[None, :])).ravel()
    power = [np.abs(np.fft.fft2(s.reshape(-1, NPS, NPS))).reshape(len(s), -1) ** 2 for s in small]
    answer["rings"] = [[float(p[:, rings == k].mean() / NPS**2) for k in range(1, NPS // 2 + 1)] for p in power]
    for lesion in given["lesions"]:
        diameter, contrast = lesion["diameterMm"], lesion["contrastHu"]
        values, half = ball(diameter, pixel, gap, thickness, 0)
        axis = np.arange(-half, half + 1) * pixel
        core = np.hypot(axis[:, None], axis[None, :]) <= 0.7 * diameter / 2
        own = contrast * values[core].mean()
        kept, seen = [], []
        for uid, row, column in lesion["places"]:
            box = slice(row - half, row + half + 1), slice(column - half, column + half + 1)
            kept.append([more[uid][box][core].mean() / own, less[uid][box][core].mean() / own])
            seen.append((region(more[uid], row, column) + region(less[uid], row, column)).ravel()[DISC] / 2)
        image = np.zeros((2 * HALF + 1, 2 * HALF + 1))
        image[HALF - half : HALF + half + 1, HALF - half : HALF + half + 1] = contrast * values
        u = channels(1.5 * diameter / pixel + 4) @ remove
        v0, v1 = u @ image.ravel()[DISC], np.stack(seen) @ u.T
        raw = [np.stack([r.ravel()[DISC] for r in each]) @ u.T for each in noise]
        relative = []
        for s in given["strengths"]:
            mixed = (1 - s) * raw[0] + s * raw[1]
            relative.append(hotelling((1 - s) * v0 + s * v1, mixed) / hotelling(v0[None], raw[0]))
        kept = np.array(kept)
        answer["lesions"].append(
            {"mean": kept.mean(axis=0).tolist(), "sd": kept.std(axis=0, ddof=1).tolist(), "detectability": relative}
        )
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
