import csv
import json
import math

import numpy as np
import pytest
import torch
from conftest import write_pair
from torch import nn

from iscl.training import (
    CheckpointError,
    ConfigError,
    PairsError,
    PatchOptions,
    PatchSampler,
    RunError,
    load_checkpoint,
    make_config,
    read_pairs,
)
from iscl.training import checkpoint as checkpoints
from iscl.training.iscl_step import Optimizers, Players, iscl_step
from iscl.training.config import IsclOptions
from iscl.training.optim import Lookahead
from iscl.training.pairs import check_folders
from iscl.training.progress import DivergedError, RunLog, append_csv
from iscl.training.run import prepare, run
from iscl.training.supervised import SupervisedTrainer, edge_loss, pair_loss, supervised_loss, with_opposite_noise
from iscl.training.unpaired import IsclTrainer, UnpairedSampler
from iscl.training.validation import cases, mean_frequency, validate


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def small(**entries):
    patches = {"size": 32, "batch": 2, **entries.pop("patches", {})}
    return make_config({"iterations": 8, "log_every": 4, "validate_every": 8, "validation_slices": 1, "bf16": False,
                        "patches": patches, **entries})


# --- data

def test_pairs_are_read_with_their_split(pairs_folder):
    train = read_pairs(pairs_folder, "train")
    assert [pair.patient for pair in train] == ["P0", "P1", "P2", "P3"]
    assert train[0].noise.shape == (3, 160, 160) and train[0].hu.dtype == np.int16


def test_an_empty_folder_and_an_absent_split_are_refused(tmp_path, pairs_folder):
    with pytest.raises(PairsError, match="iscl simulate"):
        read_pairs(tmp_path, "train")
    with pytest.raises(PairsError, match="'test'"):
        read_pairs(pairs_folder, "test")


def test_a_patient_in_two_splits_is_refused(tmp_path):
    write_pair(tmp_path, "a", patient="P1", split="train")
    write_pair(tmp_path, "b", patient="P1", split="validation")
    with pytest.raises(PairsError, match="more than one split.*P1"):
        read_pairs(tmp_path, "train")


def test_a_patient_on_both_sides_is_refused(tmp_path):
    write_pair(tmp_path, "a", patient="P1", domain="clean")
    write_pair(tmp_path, "b", patient="P1", domain="noisy")
    with pytest.raises(PairsError, match="both the clean and the noisy side.*P1"):
        read_pairs(tmp_path, "train")


def test_a_damaged_pair_is_named(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"not a zip")
    with pytest.raises(PairsError, match="broken.npz"):
        read_pairs(tmp_path, "train")


def test_a_truncated_pair_and_one_without_a_side_are_named(tmp_path):
    write_pair(tmp_path, "half", patient="P1")
    whole = (tmp_path / "half.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PairsError, match="half.npz"):
        read_pairs(tmp_path, "train")
    content = dict(np.load(write_pair(tmp_path, "half", patient="P1") or tmp_path / "half.npz"))
    del content["domain"]
    np.savez(tmp_path / "half.npz", **content)
    with pytest.raises(PairsError, match="domain"):
        read_pairs(tmp_path, "train")


@pytest.mark.parametrize(
    ("entries", "message"), [({"split": "test"}, "more than one split"), ({"domain": "noisy"}, "both the clean and the noisy")]
)
def test_a_patient_may_not_differ_between_the_folders(entries, message, tmp_path):
    write_pair(tmp_path / "pairs", "a", patient="P1")
    write_pair(tmp_path / "real", "b", **{"patient": "P2", **entries})
    check_folders(tmp_path / "pairs", tmp_path / "real")
    write_pair(tmp_path / "real", "c", **{"patient": "P1", **entries})
    with pytest.raises(PairsError, match=f"{message}.*P1"):
        check_folders(tmp_path / "pairs", tmp_path / "real")


def test_a_slice_too_small_for_foreign_noise_is_found_at_the_start(tmp_path):
    write_pair(tmp_path, "large", patient="P1", size=160)
    write_pair(tmp_path, "small", patient="P2", size=70)
    pairs = read_pairs(tmp_path, "train")
    with pytest.raises(PairsError, match="small is 70 pixels wide.*needs 86"):
        PatchSampler(pairs, PatchOptions(size=64), 0)
    sampler = PatchSampler(pairs, PatchOptions(size=64, foreign_noise=1.0, zoom=0.0), 0)
    assert sampler.batch()[0].shape == (8, 1, 64, 64)


def test_patches_differ_from_their_target_by_noise_of_the_drawn_amplitude(pairs_folder):
    options = PatchOptions(size=64, batch=16, amplitude=(1.0, 1.0), nearly_clean=0,
                           foreign_noise=0, recoloured=0, mixed_kernels=0, zoom=0)
    noisy, clean = PatchSampler(read_pairs(pairs_folder, "train"), options, 0).batch()
    assert noisy.shape == clean.shape == (16, 1, 64, 64)
    assert noisy.dtype == clean.dtype == torch.float32
    spread = (noisy - clean).flatten(1).std(dim=1)
    assert 18 < spread.min() and spread.max() < 32
    assert abs((noisy - clean).mean()) < 2


def test_the_sampler_is_a_function_of_its_seed_and_state(pairs_folder):
    pairs = read_pairs(pairs_folder, "train")
    first, second = (PatchSampler(pairs, PatchOptions(size=32), 7) for _ in range(2))
    assert torch.equal(first.batch()[0], second.batch()[0])
    state = first.state()
    expected = first.batch()[0]
    first.batch()
    first.set_state(state)
    assert torch.equal(first.batch()[0], expected)
    assert not torch.equal(PatchSampler(pairs, PatchOptions(size=32), 8).batch()[0], second.batch()[0])


def test_lesions_go_into_image_and_target_alike(pairs_folder):
    pairs = read_pairs(pairs_folder, "train")
    plain = PatchOptions(size=64, batch=8, nearly_clean=1.0, amplitude=(1e-6, 1e-6), zoom=0, recoloured=0, lesions=1.0)
    noisy, clean = PatchSampler(pairs, plain, 0).batch()
    assert torch.allclose(noisy, clean, atol=0.01)


def test_unpaired_batches_come_from_different_patients(pairs_folder, tmp_path):
    write_pair(tmp_path, "real", patient="P7", domain="noisy", seed=7, noise=np.empty((0, 160, 160), np.float16))
    pairs, real = read_pairs(pairs_folder, "train"), read_pairs(tmp_path, "train")
    sampler = UnpairedSampler(small(), pairs, real)
    assert {pair.patient for pair in sampler.clean.pairs} == {"P0", "P1"}
    assert {pair.patient for pair in sampler.simulated.pairs} == {"P2", "P3"}
    assert {pair.patient for pair in sampler.real.pairs} == {"P7"}
    x, y = sampler.batch()
    assert x.shape == y.shape == (2, 1, 32, 32)


def test_own_kernel_patches_have_field_0_of_their_slice_where_it_belongs(tmp_path):
    # Noise that names its field and its place: field k is k + 1 times the slice's HU.
    rng = np.random.default_rng(0)
    hu = rng.integers(10, 200, (160, 160)).astype(np.int16)
    noise = np.stack([hu * (k + 1.0) for k in range(3)]).astype(np.float16)
    write_pair(tmp_path, "a", patient="P1", hu=hu, noise=noise)
    options = PatchOptions(size=64, batch=24, amplitude=(1.0, 1.0), nearly_clean=0.0, lesions=0.0, zoom=0.5, own_kernel=1.0)
    noisy, clean = PatchSampler(read_pairs(tmp_path, "train"), options, 0).batch()
    ratio = (noisy - clean) / clean
    # Resampled or not, turned or not, image and noise went the same way; recolouring or another field would show here.
    assert torch.allclose(ratio.abs(), torch.ones_like(ratio), atol=1e-3)
    assert len(ratio.flatten(1).mean(dim=1).sign().unique()) == 2
    # Where zoomed up to twofold, interpolation averages pixels; where not, they are the slice's own whole numbers.
    whole = [bool((patch == patch.round()).all()) for patch in clean]
    assert any(whole) and not all(whole)


def test_an_independent_target_shares_no_noise_with_the_input(tmp_path):
    # Anatomy 40 HU everywhere; r of 8 HU is the slice's own noise, and a quarter dose adds sqrt(3) times it.
    rng = np.random.default_rng(0)
    r = np.rint(rng.normal(0, 8, (160, 160)))
    added = rng.normal(0, 8 * np.sqrt(3), (1, 160, 160))
    write_pair(tmp_path, "a", patient="P1", hu=(40 + r).astype(np.int16), noise=added.astype(np.float16), dose=np.float32(0.25))
    plain = {"size": 64, "batch": 32, "zoom": 0.0, "lesions": 0.0, "nearly_clean": 0.0, "foreign_noise": 0.0, "own_kernel": 1.0}

    def correlation(independent):
        options = PatchOptions(**plain, independent_target=independent)
        noisy, clean, _, share = PatchSampler(read_pairs(tmp_path, "train"), options, 0).batch_with_edges()
        # Each amplitude for itself: r and the target's share of n cancel in every patch.
        pairs = zip(noisy - 40, clean - share * (noisy - clean) - 40, strict=True)
        return [float(np.corrcoef(x.numpy().ravel(), y.numpy().ravel())[0, 1]) for x, y in pairs], share.flatten()

    found, share = correlation(True)
    assert np.abs(found).max() < 0.12 and abs(np.mean(found)) < 0.02
    assert share.min() > 0 and share.max() <= 1 / 3 / 0.6**2 + 1e-6
    found, share = correlation(False)
    assert min(found) > 0.15 and share.eq(0).all()


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


def test_without_own_kernel_patches_stay_those_of_earlier_configurations(pairs_folder):
    pairs = read_pairs(pairs_folder, "train")
    first = PatchSampler(pairs, PatchOptions(size=32), 5)
    again = PatchSampler(pairs, PatchOptions(size=32, own_kernel=0.0), 5)
    assert torch.equal(first.batch()[0], again.batch()[0])
    other = PatchSampler(pairs, PatchOptions(size=32, own_kernel=0.5), 5)
    assert not torch.equal(PatchSampler(pairs, PatchOptions(size=32), 5).batch()[0], other.batch()[0])


def test_an_empty_side_is_refused(pairs_folder):
    pairs = read_pairs(pairs_folder, "train")
    with pytest.raises(PairsError, match="clean set is empty"):
        UnpairedSampler(small(), [p for p in pairs if p.domain == "noisy"], [])
    with pytest.raises(PairsError, match="noisy set is empty"):
        UnpairedSampler(small(), [p for p in pairs if p.domain == "clean"], [])


# --- losses of the supervised run

def test_the_supervised_loss_is_in_units_of_the_noise():
    clean = torch.zeros(1, 1, 2, 2)
    noisy = torch.tensor([[[[20.0, -20.0], [20.0, -20.0]]]])
    spread = math.sqrt(4 * 400 / 3) + 10
    assert supervised_loss(torch.full((1, 1, 2, 2), 5.0), noisy, clean).item() == pytest.approx(5 / spread)


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
