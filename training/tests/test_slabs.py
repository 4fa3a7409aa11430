"""Slabs: networks of several slices, the noise of a scan, independent targets, probes, runs by the clock, the kit for a GPU."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from iscl.evaluation.rows import model_rows
from iscl.export.onnx_file import apply, session
from iscl.nets import build, gflop
from iscl.slabs import SlabConfig, SlabConfigError, SlabSampler, Volume, load_recipe, pack, read_pack, train
from iscl.slabs.collect import collect
from iscl.slabs.command import RECIPES, _stages
from iscl.slabs.losses import pair_loss, signal_loss
from iscl.slabs.noise import along_z, fields
from iscl.slabs.spectrum import FIELD, amplitude_of_spectrum
from iscl.slabs.unpaired import RunDenoiser, SlabIsclTrainer, neighbour_loss
from iscl.slabs.volume import _longest_run, calibrate, local_noise, measure_spectrum
from iscl.training import CheckpointError, load_checkpoint, start_weights

CPU = torch.device("cpu")


def coloured(shape: tuple[int, int, int], sd: float, seed: int, power: np.ndarray, correlation: float = 0.0) -> np.ndarray:
    """Noise of a known spectrum [32, 32] and correlation along z, cut from the fields that the trainer draws."""
    depth, height, width = shape
    generator = torch.Generator().manual_seed(seed)
    made = fields(torch.from_numpy(amplitude_of_spectrum(power))[None], torch.tensor([correlation]), depth, generator)[0]
    return sd * made[:, :height, :width].numpy()


def ramp(cut: float) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32)[None, :])
    power = frequency * np.exp(-((frequency / cut) ** 2))
    return (power / power.mean()).astype(np.float32)


def volume(sd: float, depth: int = 12, seed: int = 0, correlation: float = 0.25, cut: float = 0.3, name: str = "v") -> Volume:
    """Soft tissue of 50 HU with an organ of 110 HU, 224 x 224 pixels, and noise that is known."""
    rows, columns = np.mgrid[:FIELD, :FIELD]
    anatomy = np.where(np.hypot(rows - 112, columns - 112) < 40, 110.0, 50.0)
    hu = (anatomy + coloured((depth, FIELD, FIELD), sd, seed, ramp(cut), correlation)).astype(np.float32)
    spectrum, found = measure_spectrum(hu, sd)
    spectrum, local = calibrate(hu, spectrum, local_noise(hu, sd, spectrum, found))
    return Volume(name, name, "k", np.rint(hu).astype(np.int16), 0.7, 2.0, sd, spectrum, found, local, np.ones((depth, 28, 28), bool))


@pytest.mark.parametrize(("name", "inputs", "outputs"), [("ct-fast", 1, 1), ("ct-slab-3-1", 3, 1), ("ct-slab-5-3", 5, 3), ("ct-slab-7-5", 7, 5),
                                                         ("ct-slab-5-3-coarse", 5, 3)])
def test_a_slab_network_gives_the_middle_slices_at_any_size(name: str, inputs: int, outputs: int) -> None:
    net = build(name)
    slab = torch.randn(2, inputs, 37, 50) * 30
    with torch.no_grad():
        made = net(slab)
    assert made.shape == (2, outputs, 37, 50)
    first = (inputs - outputs) // 2
    # An untrained network takes nothing out: its last layer is zero.
    assert torch.equal(made, slab[:, first : first + outputs])


def test_three_slices_cost_little_more_than_one() -> None:
    assert gflop(build("ct-slab-5-3")) < 0.4 * gflop(build("ct-fast"))
    assert gflop(build("ct-slab-5-3")) <= 6.0
    assert gflop(build("ct-slab-5-3-wide")) <= 16.0


def test_drawn_noise_has_its_spectrum_strength_and_correlation() -> None:
    noise = coloured((40, FIELD, FIELD), 20.0, 1, ramp(0.2), 0.3)
    assert noise.std() == pytest.approx(20.0, rel=0.02)
    assert np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1] == pytest.approx(0.3, abs=0.02)
    assert abs(np.corrcoef(noise[:-2].ravel(), noise[2:].ravel())[0, 1]) < 0.06
    power = (np.abs(np.fft.fft2(noise)) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(FIELD)[:, None], np.fft.fftfreq(FIELD)[None, :])
    wanted = frequency * np.exp(-((frequency / 0.2) ** 2))
    for low, high in ((0.1, 0.2), (0.2, 0.3), (0.3, 0.4)):
        ring = (frequency >= low) & (frequency < high)
        assert power[ring].mean() / power.mean() == pytest.approx(wanted[ring].mean() / wanted.mean(), rel=0.15)
    assert float(along_z(torch.tensor([0.0]))) == 0.0


def test_the_noise_of_a_scan_is_measured_where_it_is_flat() -> None:
    scan = volume(25.0, correlation=0.25)
    assert scan.correlation == pytest.approx(0.25, abs=0.06)
    inside = scan.local_sd[:, 10:18, 10:18].astype(float)
    assert np.median(inside) == pytest.approx(25.0, rel=0.1)


@pytest.mark.parametrize("cut", [0.15, 0.3, 0.6])
def test_input_and_target_share_no_noise(cut: float) -> None:
    """The claim everything rests on: what the target keeps of the noise is not correlated with the input's."""
    scan = volume(25.0, cut=cut)
    options = {"batch": 16, "extra_share": 0.0, "zoom_share": 0.0, "lesions": 0.0, "repeat_share": 0.0, "stride_share": 0.0, "stranger_share": 0.0}
    sampler = SlabSampler([scan], SlabConfig(name="t", network="ct-fast", draw=options).draw, 1, CPU, 0)
    share = []
    for _ in range(4):
        drawn = sampler.batch()
        fine = [x - torch.nn.functional.avg_pool2d(x, 9, 1, 4) for x in (drawn.noisy, drawn.target)]
        inner = [x[..., 8:-8, 8:-8] for x in fine]
        share.append(float((inner[0] * inner[1]).mean() / (inner[0] ** 2).mean()))
    assert abs(np.mean(share)) < 0.06
    # Without the independent target, all of the scan's own noise is in both.
    assert float((drawn.target - drawn.noisy).std()) > 25.0


def test_slices_that_repeat_repeat_their_noise() -> None:
    options = {"batch": 8, "repeat_share": 1.0, "stranger_share": 0.0, "lesions": 1.0}
    sampler = SlabSampler([volume(20.0)], SlabConfig(name="t", network="ct-fast", draw=options).draw, 5, CPU, 0)
    drawn = sampler.batch()
    for part in (drawn.noisy, drawn.target, drawn.probe):
        assert torch.allclose(part, part[:, :1].expand_as(part), atol=1e-3)


def test_the_losses_know_contrast_and_noise() -> None:
    probe = torch.zeros(2, 3, 32, 32)
    probe[:, :, 10:20, 10:20] = 20.0
    x = torch.randn(2, 3, 32, 32) * 30
    assert float(signal_loss(x + probe, x - probe, probe)) == pytest.approx(0.0, abs=1e-6)
    assert float(signal_loss(x + 0.5 * probe, x - 0.5 * probe, probe)) == pytest.approx(0.25, abs=1e-3)
    assert float(signal_loss(x, x, torch.zeros_like(probe))) == 0.0
    noise = torch.tensor([20.0, 20.0])
    assert float(pair_loss(x, x, noise)) == 0.0
    assert float(pair_loss(x + 6.0, x, noise)) == pytest.approx(0.5 * (6.0 / 30.0) ** 2, rel=1e-3)


def test_a_run_is_denoised_slab_by_slab_as_in_the_viewer() -> None:
    net = build("ct-slab-5-3")
    torch.nn.init.normal_(net.unet.head.weight, std=0.02)
    run = torch.randn(1, 7, 48, 48) * 30
    with torch.no_grad():
        made = RunDenoiser(net)(run)
        by_hand = [net(run[:, [min(max(k * 3 - 1 + i, 0), 6) for i in range(5)]]) for k in range(3)]
    assert torch.allclose(made, torch.cat(by_hand, dim=1)[:, :7], atol=1e-3)


def test_a_neighbour_is_a_target_only_where_the_anatomy_agrees() -> None:
    net = build("ct-slab-5-3")
    x = torch.zeros(1, 9, 64, 64)
    assert neighbour_loss(net, x, torch.tensor([20.0])).item() == pytest.approx(0.0, abs=1e-6)
    x[:, 6] = 400.0
    assert neighbour_loss(net, x, torch.tensor([20.0])).item() == pytest.approx(0.0, abs=1e-6)
    x[:, 6] = 3.0
    assert neighbour_loss(net, x, torch.tensor([20.0])).item() == pytest.approx((3.0 / 30.0) ** 2, rel=1e-3)


def test_a_slab_model_is_evaluated_on_single_slices_as_the_viewer_runs_them() -> None:
    models = Path(__file__).parents[2] / "models"
    (row,) = [row for row in model_rows(models / "manifest.json") if "ct-slab-fast" in row.label]
    slice_ = 40.0 + 20.0 * np.random.default_rng(0).standard_normal((64, 80)).astype(np.float32)
    made = row.load()(slice_)
    runner = session(models / "ct-slab-fast.onnx")
    assert made.shape == slice_.shape
    assert np.allclose(made, apply(runner, np.stack([slice_] * 5))[0], atol=1e-3)


def test_a_gap_ends_a_run() -> None:
    assert _longest_run([0, 2, 4, 6, 20, 22, 24, 26, 28, 30]) == slice(4, 10)
    assert _longest_run([0, 2, 4, 4, 6]) == slice(0, 3)
    assert _longest_run([5]) == slice(0, 1)
    assert _longest_run([0, 1, 2, 4, 6, 8]) == slice(2, 6)


def test_a_pack_brings_the_volumes_back(tmp_path: Path) -> None:
    made = [volume(20.0, depth=4), volume(9.0, depth=1, seed=3, name="w")]
    pack(made, tmp_path / "p.pack")
    for before, after in zip(made, read_pack(tmp_path / "p.pack"), strict=True):
        assert (after.name, after.gap_mm, after.noise_sd) == (before.name, before.gap_mm, before.noise_sd)
        assert np.abs(after.hu - before.hu).max() <= max(1, round(before.noise_sd / 2.25)) / 2 + 0.5
        assert np.array_equal(after.spectrum, before.spectrum) and np.array_equal(after.local_sd, before.local_sd)


def test_training_takes_noise_out_and_leaves_probes(tmp_path: Path) -> None:
    config = SlabConfig(name="t", network="ct-slab-5-3", iterations=80, warmup=5, ema=0.9, lr=2e-3, signal_weight=0.1, draw={"batch": 2, "size": 64, "zoom_share": 0.0})
    last = train(config, [volume(20.0), volume(12.0, seed=5, name="w")], tmp_path / "t", CPU)
    net = load_checkpoint(last)
    noise = torch.from_numpy(coloured((5, 96, 96), 20.0, 9, ramp(0.3), 0.25)).float()[None]
    with torch.no_grad():
        left = float(net(50.0 + noise).std() / noise[:, 1:4].std())
    assert left < 0.95


def test_a_run_goes_on_from_what_a_gpu_brought_home(tmp_path: Path) -> None:
    volumes = [volume(20.0), volume(9.0, seed=5, name="w")]
    options = {"batch": 1, "size": 64}
    config = SlabConfig(name="t", network="ct-slab-5-3", method="iscl", iterations=2, warmup=1, draw=options, iscl={"discriminator_lead": 0})
    train(config, volumes, tmp_path / "runs" / "t", CPU)
    lines = collect(tmp_path / "runs", tmp_path / "out")
    assert len(lines) == 1 and "2 iterations" in lines[0]
    with tarfile.open(tmp_path / "out" / "checkpoints-1.tar") as tar:
        tar.extractall(tmp_path / "home", filter="data")
    home = tmp_path / "home" / "t"
    home.mkdir()
    (tmp_path / "home" / "t.pt").rename(home / "last.pt")
    train(config.model_copy(update={"iterations": 4}), volumes, home, CPU, resume=True)
    assert torch.load(home / "last.pt", weights_only=True)["iteration"] == 4


@pytest.mark.parametrize("options", [{"signal_on_real": 0.5, "neighbour_weight": 0.5}, {"anchor_weight": 0.0}, {"judge_slices": 1, "use_extractor": False}])
def test_every_part_of_iscl_on_slabs_moves_its_networks(options: dict) -> None:
    config = SlabConfig(name="t", network="ct-slab-5-3", method="iscl", warmup=1, draw={"batch": 1, "size": 64}, iscl={"discriminator_lead": 0, **options})
    trainer = SlabIsclTrainer(config, [volume(25.0), volume(9.0, seed=5, name="w")], CPU)
    before = {name: net.unet.head.weight.clone() for name, net in trainer.nets.items() if hasattr(net, "unet")}
    for iteration in range(2):
        values = trainer.step(iteration, 0.0)
    assert all(np.isfinite(float(value)) for value in values.values())
    moved = {name for name, weight in before.items() if not torch.equal(weight, trainer.nets[name].unet.head.weight)}
    assert moved == ({"denoiser", "generator", "extractor"} if config.iscl.use_extractor else {"denoiser", "generator"})


def test_an_empty_side_is_named() -> None:
    config = SlabConfig(name="t", network="ct-slab-5-3", method="iscl", draw={"batch": 1, "size": 64})
    with pytest.raises(ValueError, match="clean side is empty"):
        SlabIsclTrainer(config, [volume(25.0)], CPU).step(0, 0.0)


def test_recipes_are_checked_and_ordered() -> None:
    for path in RECIPES.glob("*.toml"):
        assert load_recipe(path)
    names = [[config.name for config in stage] for stage in _stages(load_recipe(RECIPES / "tiny.toml"))]
    assert names == [["tiny"], ["tiny-iscl"]]


@pytest.mark.parametrize(("text", "message"), [
    ("", "must hold"), ('[[run]]\nname = "a"\nnetwork = "red-cnn"', "network must be one of"), ('[[run]]\nname = "a"\nnetwork = "ct-fast"\nlr = -1', "lr"),
    ('[[run]]\nname = "a"\nnetwork = "ct-fast"\ntypo = 1', "typo"), ("[[run", "cannot read"),
])
def test_a_wrong_recipe_is_refused_with_the_entry(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(SlabConfigError, match=message):
        load_recipe(tmp_path / "r.toml")


def test_the_kit_for_a_gpu_runs_dry(tmp_path: Path) -> None:
    """Packs, trains both methods for three steps, collects: what gpu.sh does on a GPU, on this processor."""
    import os
    import sys

    environment = {**os.environ, "ISCL_PYTHON": sys.executable, "GPU_NO_WHEELS": "1", "GPU_IN_TURN": " ", "OMP_NUM_THREADS": "1"}
    script = Path(__file__).parents[1] / "gpu.sh"
    pack([volume(20.0), volume(9.0, seed=5, name="w")], tmp_path / "kit" / "train.pack")
    packed = subprocess.run(["bash", script, "pack", tmp_path / "kit"], env=environment, capture_output=True, text=True, check=True)
    assert "MB" in packed.stdout
    done = subprocess.run(["bash", tmp_path / "kit" / "run.sh", tmp_path / "out", "tiny"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tiny-iscl" in done.stdout
    assert all(path.stat().st_size <= 16_000_000 for path in (tmp_path / "out").iterdir())
    assert (tmp_path / "out" / "checkpoints-1.tar").exists()


def test_a_network_of_one_slice_starts_from_the_middle_of_one_of_three(tmp_path: Path) -> None:
    slab = Path(__file__).parents[2] / "models" / "ct-slab-fast.onnx"
    three, one = build("ct-slab-5-3"), build("ct-slab-5-1")
    three.load_state_dict(start_weights(slab, "ct-slab-5-3"))
    one.load_state_dict(start_weights(slab, "ct-slab-5-1"))
    hu = torch.randn(1, 5, 64, 64, generator=torch.Generator().manual_seed(3)) * 30
    with torch.no_grad():
        torch.testing.assert_close(one(hu), three(hu)[:, 1:2])
    with pytest.raises(CheckpointError, match="start from the same network"):
        start_weights(slab, "ct-slab-3-1")
