import csv
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from iscl.training import (
    CheckpointError,
    ConfigError,
    PatchOptions,
    PatchSampler,
    RunError,
    load_checkpoint,
    make_config,
    read_pairs,
)
from iscl.training import checkpoint as checkpoints
from iscl.training.config import IsclOptions
from iscl.training.iscl_step import Optimizers, Players, iscl_step
from iscl.training.optim import Lookahead
from iscl.training.progress import DivergedError, RunLog, append_csv
from iscl.training.run import half_precision, prepare, run
from iscl.training.supervised import SupervisedTrainer, edge_loss, pair_loss, supervised_loss, with_opposite_noise
from iscl.training.unpaired import IsclTrainer
from iscl.training.validation import cases, mean_frequency, validate


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def small(**entries):
    patches = {"size": 32, "batch": 2, **entries.pop("patches", {})}
    return make_config({"iterations": 8, "log_every": 4, "validate_every": 8, "validation_slices": 1, "bf16": False,
                        "patches": patches, **entries})


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (None, 1)])
def test_a_run_takes_no_more_threads_than_the_machine_has_cores(cores, threads, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    prepare(small(threads=2))
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("capability", "native"), [("AVX512", True), ("AVX2", False), ("DEFAULT", False)])
def test_bfloat16_is_used_only_where_the_processor_has_it(capability, native, monkeypatch, capsys):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert half_precision(small(bf16=True)) is native and not half_precision(small(bf16=False))
    prepare(small(bf16=True))
    assert ("training in float32" in capsys.readouterr().err) is not native


# --- losses of the supervised run

def test_the_supervised_loss_is_in_units_of_the_noise():
    clean = torch.zeros(1, 1, 2, 2)
    noisy = torch.tensor([[[[20.0, -20.0], [20.0, -20.0]]]])
    spread = math.sqrt(4 * 400 / 3) + 10
    assert supervised_loss(torch.full((1, 1, 2, 2), 5.0), noisy, clean).item() == pytest.approx(5 / spread)


def test_the_pair_loss_asks_for_the_target_of_either_sign_of_the_noise():
    clean, noise = torch.zeros(4, 1, 8, 8), torch.full((4, 1, 8, 8), 20.0)
    share = torch.tensor([0.25, 0.0, 0.5, 0.5]).view(4, 1, 1, 1)
    seen = []

    def leaves_minus_the_share(noisy):
        seen.append(noisy)
        return -0.25 * noisy

    loss, _ = pair_loss(leaves_minus_the_share, clean + noise, clean, torch.zeros(4, 1, 8, 8), share, edge_weight=1.0)
    # Two patches, each with its noise and with the opposite: the first is met exactly, the second missed by 5 HU, over 10 HU.
    assert torch.equal(seen[0], torch.cat([noise[:2], -noise[:2]]))
    assert loss.item() == pytest.approx(0.5 * 5 / 10, rel=1e-5)


def test_the_edge_loss_ignores_remaining_noise_and_everything_off_the_edges():
    torch.manual_seed(0)
    clean, noise = torch.randn(2, 1, 16, 16) * 50, torch.randn(2, 1, 16, 16) * 20
    noisy, target = with_opposite_noise(torch.cat([clean + noise] * 2), torch.cat([clean] * 2))
    assert torch.allclose(noisy[2:] - target[2:], -(noisy[:2] - target[:2]), atol=1e-4)
    everywhere, left = torch.ones(2, 1, 16, 16), torch.zeros(2, 1, 16, 16)
    left[..., :8] = 1
    keeps_noise = target + 0.6 * (noisy - target)
    assert edge_loss(keeps_noise, noisy, target, everywhere).item() < 1e-6
    blurred = target.clone()
    blurred[..., 8:] *= 0.5
    assert edge_loss(blurred, noisy, target, left).item() == 0
    spread = noise.flatten(1).std(dim=1).view(2, 1, 1, 1) + 10
    error = 0.5 * clean[..., 8:] / spread
    huber = torch.where(error.abs() < 1, 0.5 * error**2, error.abs() - 0.5).mean()
    assert edge_loss(blurred, noisy, target, 1 - left).item() == pytest.approx(huber.item(), rel=1e-4)
    assert edge_loss(blurred, noisy, target, 0 * left).item() == 0


def test_edges_mark_the_inserted_lesions_alone(pairs_folder):
    pairs = read_pairs(pairs_folder, "train")
    options = {"size": 64, "batch": 6, "zoom": 0}
    assert PatchSampler(pairs, PatchOptions(**options, lesions=0.0), 0).batch_with_edges()[2].max() == 0
    edges = PatchSampler(pairs, PatchOptions(**options, lesions=1.0), 0).batch_with_edges()[2]
    assert 0.9 < edges.max() <= 1 and 0.01 < edges.mean() < 0.5


# --- configuration

@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"iteration": 5}, "unknown entry iteration"),
        ({"method": "magic"}, "method"),
        ({"iterations": 0}, "iterations"),
        ({"iterations": 1.5}, "whole number"),
        ({"bf16": "yes"}, "bf16"),
        ({"patches": {"size": 50}}, "multiple of 16"),
        ({"patches": {"amplitude": [3.0, 1.0]}}, "amplitude"),
        ({"iscl": {"networks": "unet"}}, "iscl.networks"),
        ({"iscl": {"lambda": 3}}, "unknown entry iscl.lambda"),
        ({"network": "ct-slow"}, "network must be one of .*ct-fast"),
        ({"lr": float("nan")}, "lr"),
        ({"ema": 1.0}, "ema"),
        ({"edge_weight": 0.5, "patches": {"batch": 1}}, "at least 2"),
        ({"validation_slices": 0}, "validation_slices"),
        ({"patches": 64}, "section"),
    ],
)
def test_bad_configurations_are_refused_by_name(entries, message):
    with pytest.raises(ConfigError, match=message):
        make_config(entries)


def test_a_network_without_a_noise_map_cannot_be_f_and_h(pairs_folder):
    with pytest.raises(ConfigError, match="red-cnn"):
        trainer(small(**{**METHODS["iscl-ct"], "network": "red-cnn"}), pairs_folder)


# --- runs

def trainer(config, pairs_folder):
    prepare(config)
    train, validation = read_pairs(pairs_folder, "train"), read_pairs(pairs_folder, "validation")
    if config.method == "supervised":
        return SupervisedTrainer(config, train, validation)
    return IsclTrainer(config, train, [], validation)


METHODS = {
    "supervised": {},
    "edges": {"edge_weight": 2.0},
    "iscl-ct": {"method": "iscl", "lr": 1e-5, "iscl": {"networks": "ct", "anchor_weight": 1.0, "adversarial_weight": 0.1}},
    "cyclegan-ct": {"method": "iscl", "lr": 1e-5, "iscl": {"networks": "ct", "use_extractor": False}},
    "iscl-paper": {"method": "iscl", "lr": 1e-5, "ema": 0.0, "patches": {"size": 64}, "iscl": {"networks": "paper"}},
}


@pytest.mark.parametrize("method", list(METHODS))
def test_a_resumed_run_continues_identically(method, pairs_folder, tmp_path):
    config = small(**METHODS[method])
    straight = run(trainer(config, pairs_folder), config, tmp_path / "straight", resume=False)
    run(trainer(config, pairs_folder), config, tmp_path / "halted", resume=False, stop_after=5)
    resumed = run(trainer(config, pairs_folder), config, tmp_path / "halted", resume=True)
    one, other = checkpoints.load(straight), checkpoints.load(resumed)
    assert one["iteration"] == other["iteration"] == 8
    for name, weights in one["nets"].items():
        for key, value in weights.items():
            assert torch.equal(value, other["nets"][name][key]), (name, key)
    assert (tmp_path / "straight" / "validation.csv").read_text() == (tmp_path / "halted" / "validation.csv").read_text()


def test_training_reduces_the_noise_of_a_toy_problem(pairs_folder, tmp_path):
    config = make_config({"iterations": 150, "lr": 2e-3, "warmup": 10, "ema": 0.9, "log_every": 50, "validate_every": 150,
                          "bf16": False, "patches": {"size": 48, "batch": 4, "zoom": 0, "recoloured": 0, "lesions": 0, "mixed_kernels": 0}})
    run(trainer(config, pairs_folder), config, tmp_path, resume=False)
    with (tmp_path / "validation.csv").open() as file:
        figures = list(csv.DictReader(file))[-1]
    assert float(figures["gain_db"]) > 2.0
    assert float(figures["noise_cut"]) > 0.25
    assert abs(float(figures["bias_hu"])) < 1.0
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [row["iteration"] for row in rows] == ["50", "100", "150"]
    assert float(rows[-1]["loss"]) < 0.8 * float(rows[0]["loss"])


class Gain(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(float(value)))

    def forward(self, x):
        return self.value * x


def test_h_learns_the_noise_from_f_in_a_toy_world():
    """Clean images are zero, so noise is all there is: with F near 0, H has to become 1 - F."""
    torch.manual_seed(0)
    nets = {"denoiser": Gain(0.1), "generator": Gain(1.0), "extractor": Gain(0.0), "judge_noisy": Gain(0.0), "judge_clean": Gain(0.0)}
    players = Players(**nets, add_noise=lambda y, seed: nets["generator"](y) + seed, extract=nets["extractor"])
    optimizers = Optimizers(
        torch.optim.SGD(nets["judge_noisy"].parameters(), 0.0),
        torch.optim.SGD([*nets["denoiser"].parameters(), *nets["generator"].parameters()], 1e-4),
        Lookahead(torch.optim.Adam(nets["extractor"].parameters(), 0.05)),
    )
    for _ in range(200):
        x = torch.randn(4, 1, 8, 8)
        iscl_step(players, IsclOptions(adversarial_weight=0.0), optimizers, x, torch.zeros_like(x))
    remaining = nets["denoiser"].value.item()
    assert nets["extractor"].value.item() == pytest.approx(1 - remaining, abs=0.08)


def test_a_new_run_does_not_overwrite_an_old_one(pairs_folder, tmp_path):
    config = small()
    run(trainer(config, pairs_folder), config, tmp_path, resume=False, stop_after=1)
    with pytest.raises(RunError, match="--resume"):
        run(trainer(config, pairs_folder), config, tmp_path, resume=False)


def test_resuming_with_another_configuration_is_refused(pairs_folder, tmp_path):
    config = small()
    run(trainer(config, pairs_folder), config, tmp_path, resume=False, stop_after=1)
    other = small(lr=5e-4)
    with pytest.raises(RunError, match="another lr"):
        run(trainer(other, pairs_folder), other, tmp_path, resume=True)


def test_resuming_nothing_is_refused(pairs_folder, tmp_path):
    config = small()
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        run(trainer(config, pairs_folder), config, tmp_path, resume=True)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(pairs_folder, tmp_path):
    config = small()

    class Diverging:
        def __init__(self):
            self.inner = trainer(config, pairs_folder)
            self.state, self.restore, self.validate = self.inner.state, self.inner.restore, self.inner.validate

        def step(self, iteration):
            return self.inner.step(iteration) if iteration < 3 else {"loss": float("nan")}

    run(Diverging(), config, tmp_path, resume=False, stop_after=3)
    before = (tmp_path / "last.pt").read_bytes()
    # A resumed run takes no other lr or seed, so that the message must not advise it.
    with pytest.raises(RunError, match="loss is nan at iteration 4; the last good checkpoint is .* another folder with a lower lr"):
        run(Diverging(), config, tmp_path, resume=True)
    assert (tmp_path / "last.pt").read_bytes() == before
    assert all(value.isfinite().all() for value in checkpoints.load(tmp_path / "last.pt")["nets"]["denoiser"].values())


def test_weights_that_are_not_finite_are_never_saved(pairs_folder, tmp_path):
    config = small()

    class Overflowing:
        """Its loss stays finite; its third step does not."""

        def __init__(self):
            self.inner = trainer(config, pairs_folder)
            self.state, self.restore, self.validate = self.inner.state, self.inner.restore, self.inner.validate

        def step(self, iteration):
            values = self.inner.step(iteration)
            if iteration == 2:
                next(self.inner.net.parameters()).data.fill_(float("inf"))
            return values

    run(Overflowing(), config, tmp_path, resume=False, stop_after=2)
    before = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(RunError, match="weights of denoiser are not finite.*last good checkpoint"):
        run(Overflowing(), config, tmp_path, resume=True, stop_after=3)
    assert (tmp_path / "last.pt").read_bytes() == before


def test_an_unknown_part_of_a_checkpoint_is_refused(pairs_folder, tmp_path):
    config = small(**METHODS["iscl-paper"])
    path = run(trainer(config, pairs_folder), config, tmp_path, resume=False, stop_after=1)
    with pytest.raises(CheckpointError, match="'teacher'"):
        load_checkpoint(path, "teacher")


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "last.pt"
    path.write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="last.pt"):
        load_checkpoint(path)


def test_checkpoints_open_as_hu_denoisers(pairs_folder, tmp_path):
    hu = torch.randn(1, 1, 40, 52) * 100
    for name, rows in (("supervised", ["denoiser"]), ("iscl-ct", ["denoiser", "extractor", "ensemble"]),
                       ("iscl-paper", ["denoiser", "extractor", "ensemble"])):
        config = small(**METHODS[name])
        path = run(trainer(config, pairs_folder), config, tmp_path / name, resume=False, stop_after=1)
        for row in rows:
            with torch.no_grad():
                assert load_checkpoint(path, row)(hu).shape == hu.shape
    with pytest.raises(CheckpointError, match="holds no extractor"):
        load_checkpoint(tmp_path / "supervised" / "last.pt", "extractor")


def test_the_log_averages_and_refuses_what_is_not_finite(tmp_path, capsys):
    log = RunLog(tmp_path / "log.csv", 4, every=2)
    for iteration, loss in enumerate((1.0, 3.0), start=1):
        log.note(iteration, {"loss": loss})
    assert list(csv.DictReader((tmp_path / "log.csv").open())) == [{"iteration": "2", "loss": "2"}]
    assert "left" in capsys.readouterr().err
    with pytest.raises(DivergedError, match="iteration 3"):
        log.note(3, {"loss": float("inf")})


def test_a_column_that_comes_later_is_added_to_the_file(tmp_path):
    append_csv(tmp_path / "log.csv", {"iteration": 1, "loss": 2.0})
    append_csv(tmp_path / "log.csv", {"iteration": 2, "loss": 1.0, "cycle": 0.5})
    append_csv(tmp_path / "log.csv", {"iteration": 3, "loss": 0.5, "cycle": 0.25})
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [row["cycle"] for row in rows] == ["", "0.5", "0.25"] and rows[0]["loss"] == "2"


def test_a_run_writes_its_configuration(pairs_folder, tmp_path):
    config = small(seed=5)
    run(trainer(config, pairs_folder), config, tmp_path, resume=False, stop_after=1)
    assert json.loads((tmp_path / "config.json").read_text())["seed"] == 5


# --- quick validation

def test_validation_knows_the_identity_and_a_perfect_denoiser(pairs_folder):
    chosen = cases(read_pairs(pairs_folder, "validation"), 1)
    identity = validate(nn.Identity(), chosen)
    assert identity["gain_db"] == pytest.approx(0) and identity["nps_ratio"] == pytest.approx(1)

    class Oracle(nn.Module):
        def forward(self, hu):
            return torch.from_numpy(chosen[0].clean)[None, None] + 0.1 * (hu - torch.from_numpy(chosen[0].clean))

    assert validate(Oracle(), chosen)["gain_db"] == pytest.approx(20, abs=0.5)


def test_the_mean_frequency_of_white_noise_and_of_its_blur():
    rng = np.random.default_rng(0)
    white = [rng.normal(size=(32, 32)) for _ in range(20)]
    assert mean_frequency(white) == pytest.approx(0.25, abs=0.02)
    blurred = [(s + np.roll(s, 1, 0) + np.roll(s, 1, 1) + np.roll(s, (1, 1), (0, 1))) / 4 for s in white]
    assert mean_frequency(blurred) < 0.2
