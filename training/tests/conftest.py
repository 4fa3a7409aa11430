import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


def write_pair(folder, name, *, patient, split="train", domain="clean", size=160, seed=0, kernels=3, **changes):
    """A small pair of the cache: a disc of soft tissue with structure, and noise of three colours."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    body = np.hypot(rows - size / 2, columns - size / 2) < size * 0.42
    hu = np.where(body, 40 + 60 * (np.sin(columns / 9 + seed) * np.cos(rows / 13) > 0.3), -1000.0)
    noise = []
    for sigma in (0.5, 0.8, 1.2)[:kernels]:
        white = rng.normal(size=(size, size))
        coloured = gaussian_filter(white, sigma) - gaussian_filter(white, 4 * sigma)
        noise.append(25 * coloured / coloured.std())
    content = {
        "hu": np.round(hu + rng.normal(0, 3, hu.shape)).astype(np.int16),
        "noise": np.array(noise, np.float16), "cutoff": np.linspace(0.5, 1.5, kernels).astype(np.float32),
        "body": body, "spacing": np.float32(0.7), "kernel": np.array("B30f"), "series": np.array(f"series-{patient}"),
        "patient": np.array(patient), "split": np.array(split), "domain": np.array(domain), "noise_sd": np.float32(3.0),
    }
    content.update(changes)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{name}.npz", **content)


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory):
    """Four training patients, two on either side, and one for validation."""
    folder = tmp_path_factory.mktemp("pairs")
    for index in range(4):
        write_pair(folder, f"t{index}", patient=f"P{index}", seed=index, domain="clean" if index < 2 else "noisy")
    write_pair(folder, "v0", patient="P9", split="validation", seed=9)
    return folder
