"""Pairs of the cache, and the patches that training draws from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import write_pair

from iscl.training import PairsError, PatchOptions, PatchSampler, make_config, read_pairs
from iscl.training.pairs import check_folders
from iscl.training.unpaired import UnpairedSampler


def small(**entries):
    patches = {"size": 32, "batch": 2, **entries.pop("patches", {})}
    return make_config({"iterations": 8, "log_every": 4, "validate_every": 8, "validation_slices": 1, "bf16": False,
                        "patches": patches, **entries})


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
    assert spread.min() > 18 and spread.max() < 32
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


def test_a_slice_over_the_clean_limit_never_gives_its_noise_as_a_target(tmp_path):
    # One slice of noise only: r of 40 HU; what a quarter dose adds to it would be 69 HU times the amplitude.
    rng = np.random.default_rng(0)
    r, added = np.rint(rng.normal(0, 40, (160, 160))), rng.normal(0, 40 * np.sqrt(3), (2, 160, 160))
    write_pair(tmp_path, "a", patient="P1", hu=(40 + r).astype(np.int16), noise=added.astype(np.float16), dose=np.float32(0.25),
               noise_sd=np.float32(40))
    pairs = read_pairs(tmp_path, "train")
    with pytest.raises(PairsError, match="a is over the clean limit of 14 HU.*independent_target"):
        PatchSampler(pairs, PatchOptions(size=64), 0)
    options = PatchOptions(size=64, batch=32, zoom=0.0, lesions=0.0, own_kernel=0.0, independent_target=True)
    assert PatchSampler(pairs, replace(options, lesions=1.0), 0).batch_with_edges()[2].eq(0).all()
    noisy, clean, _, share = PatchSampler(pairs, options, 0).batch_with_edges()
    target = clean - share * (noisy - clean)
    found = [float(np.corrcoef(x.numpy().ravel(), y.numpy().ravel())[0, 1]) for x, y in zip(noisy - 40, target - 40, strict=True)]
    assert np.abs(found).max() < 0.12 and abs(np.mean(found)) < 0.02
    spread = (noisy - clean).flatten(1).std(dim=1)
    assert spread.min() > 0.55 * 69 and spread.max() < 1.1 * 110


def test_noisy_series_of_clean_patients_stay_out_of_the_clean_side(pairs_folder, tmp_path):
    write_pair(tmp_path, "n", patient="P0", noise_sd=np.float32(30), dose=np.float32(0.25))
    config = small(patches={"independent_target": True})
    pairs = read_pairs(pairs_folder, "train")
    sampler = UnpairedSampler(config, pairs + read_pairs(tmp_path, "train"), [])
    assert {pair.name for pair in sampler.clean.pairs} == {pair.name for pair in pairs if pair.domain == "clean"}


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
