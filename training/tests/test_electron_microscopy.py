"""Electron microscopy: reading stacks, the synthetic set, and ISCL trained on it end to end."""

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

from iscl.cli import main
from iscl.electron_microscopy import EmConfig, StackError, psnr, read_stack, synthetic, train, write_stack


def test_png_and_tiff_depths_share_one_scale(tmp_path):
    grey = np.array([[0, 255], [128, 64]], np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", grey.astype(np.uint16) * 257)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "c.png")
    tifffile.imwrite(tmp_path / "d.tiff", (grey / 255).astype(np.float32))
    images = read_stack(tmp_path)
    assert len(images) == 4
    for image in images:
        assert image.dtype == np.float32
        np.testing.assert_allclose(image, 2 * (grey / 255) - 1, atol=1e-4)


def test_multipage_tiff_is_a_stack(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", np.zeros((5, 8, 9), np.uint8), photometric="minisblack")
    assert [image.shape for image in read_stack(tmp_path / "s.tif")] == [(8, 9)] * 5


def test_bad_stacks_are_refused_by_name(tmp_path):
    with pytest.raises(StackError, match="no PNG or TIFF"):
        read_stack(tmp_path)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "colour.png")
    with pytest.raises(StackError, match="colour.png is a colour image"):
        read_stack(tmp_path)
    (tmp_path / "broken.tif").write_bytes(b"II*\0nonsense")
    with pytest.raises(StackError, match="broken.tif cannot be read"):
        read_stack(tmp_path / "broken.tif")
    tifffile.imwrite(tmp_path / "range.tif", np.full((4, 4), 7.0, np.float32))
    with pytest.raises(StackError, match="outside"):
        read_stack(tmp_path / "range.tif")


def test_written_stacks_read_back(tmp_path):
    image = np.random.default_rng(1).uniform(-1, 1, (16, 20)).astype(np.float32)
    write_stack([image, -image], tmp_path)
    back = read_stack(tmp_path)
    np.testing.assert_allclose(back[0], image, atol=2e-5)
    np.testing.assert_allclose(back[1], -image, atol=2e-5)


def test_noise_is_structured_as_named():
    rng = np.random.default_rng(2)
    film, charging = synthetic.film_noise(rng, 192, 0.2), synthetic.charging_noise(rng, 192, 0.12)
    assert film.std() == pytest.approx(0.2, rel=1e-3) and charging.std() == pytest.approx(0.12, rel=1e-3)

    def correlation(field, shift):
        return float(np.corrcoef(field.ravel(), np.roll(field, shift, (0, 1)).ravel())[0, 1])

    # Film is alike in both directions, charging runs along the scan line.
    assert correlation(film, (0, 1)) > 0.5 and correlation(film, (1, 0)) > 0.5
    assert correlation(charging, (0, 3)) > 0.5 and correlation(charging, (3, 0)) < 0.2


def test_the_training_set_is_unpaired_and_reproducible():
    noisy, clean = synthetic.unpaired_set(3, 2, 96)
    again = synthetic.unpaired_set(3, 2, 96)
    np.testing.assert_array_equal(noisy[1], again[0][1])
    for image in noisy:
        assert max(np.corrcoef(image.ravel(), other.ravel())[0, 1] for other in clean) < 0.3


@pytest.fixture(scope="module")
def trained():
    noisy, clean = synthetic.unpaired_set(0, 8)
    losses = []
    config = EmConfig(iterations=360, channels=16, batch=3, lr=1e-3)
    model = train(noisy, clean, config, lambda iteration, values, left: losses.append((iteration, values, left)))
    return model, losses


def test_iscl_from_scratch_removes_structured_noise_without_pairs(trained):
    model, _ = trained
    pairs = synthetic.held_out_pairs(0, 4)
    gain = np.mean([psnr(model.denoise(noisy), truth) - psnr(noisy, truth) for noisy, truth in pairs])
    assert gain > 0.3
    # What it takes away is noise: it goes with the noise far more than with the tissue.
    noisy, truth = pairs[0]
    removed = (noisy - model.denoise(noisy)).ravel()
    assert np.corrcoef(removed, (noisy - truth).ravel())[0, 1] > 0.3
    assert abs(np.corrcoef(removed, ndimage.gaussian_filter(truth, 2).ravel())[0, 1]) < 0.3


def test_progress_counts_down(trained):
    _, losses = trained
    assert [iteration for iteration, _, _ in losses] == [50, 100, 150, 200, 250, 300, 350]
    assert losses[-1][2] < losses[0][2]
    assert {"loss_d", "loss_fg", "loss_h"} <= losses[0][1].keys()


def test_odd_sides_keep_their_size(trained):
    assert trained[0].denoise(np.zeros((65, 71), np.float32)).shape == (65, 71)


def test_empty_or_small_stacks_are_refused():
    image = np.zeros((64, 64), np.float32)
    with pytest.raises(StackError, match="clean stack is empty"):
        train([image], [])
    with pytest.raises(StackError, match="smaller than a patch"):
        train([image], [image[:32]])


def test_command_trains_on_stacks_and_writes_the_denoised_ones(tmp_path):
    noisy, clean = synthetic.unpaired_set(5, 2, 64)
    write_stack(noisy, tmp_path / "noisy")
    write_stack(clean, tmp_path / "clean")
    arguments = ["em", "--noisy", str(tmp_path / "noisy"), "--clean", str(tmp_path / "clean"), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--iterations", "2", "--channels", "8", "--batch", "1"]) == 0
    assert len(read_stack(tmp_path / "out" / "denoised")) == 2
    assert (tmp_path / "out" / "model.pt").exists()
    assert main(["em", "--noisy", str(tmp_path / "noisy"), "--out", str(tmp_path / "out")]) == 2
