from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import write_pair
from torch import nn

from iscl.cli import main
from iscl.export.keep import AIM, FLAT_AIM, SHARES, Row, flat_case, real_cases, suggestion, table
from iscl.nets import CtDenoiser
from iscl.training import read_pairs
from iscl.training.validation import cases


class _TakesTheFinePart(CtDenoiser):
    """Takes most of what a 3x3 mean takes out and nothing coarse, so that the share decides everything."""

    def noise(self, hu):
        smooth = nn.functional.avg_pool2d(nn.functional.pad(hu, (1, 1, 1, 1), mode="replicate"), 3, 1)
        return 0.6 * (hu - smooth)


@pytest.fixture(scope="module")
def chosen(pairs_folder):
    return cases(read_pairs(pairs_folder, "validation"))


@pytest.fixture(scope="module")
def own(pairs_folder):
    return cases(read_pairs(pairs_folder, "validation"), kernel=0)


def rows_of(anatomy, flat):
    return [Row(share, {"nps_ratio": a}, {}, {"worst_nps_ratio": f}, None) for share, a, f in zip(SHARES, anatomy, flat, strict=True)]


def test_more_kept_means_more_noise_and_a_finer_spectrum(chosen, own):
    rows = table(_TakesTheFinePart(), chosen, own, [])
    for group in ("mixed", "own", "flat"):
        cut = [getattr(row, group)["noise_cut"] for row in rows]
        texture = [getattr(row, group)["nps_ratio"] for row in rows]
        assert all(a > b for a, b in pairwise(cut))
        assert all(a < b for a, b in pairwise(texture))
        assert cut[0] > 0.1
    assert rows[0].real is None


def test_real_scans_are_measured_in_their_own_noise(tmp_path):
    rng = np.random.default_rng(0)
    for n, sd in enumerate((20, 30, 40)):
        hu = (40 + rng.normal(0, sd, (160, 160))).astype(np.int16)
        write_pair(tmp_path, f"r{n}", patient="P9", split="validation", domain="noisy", hu=hu, noise=np.empty((0, 160, 160), np.float16))
    real = real_cases(read_pairs(tmp_path, "validation"), limit=2)
    assert len(real) == 2
    figures = table(_TakesTheFinePart(), real, real, real)[0].real
    assert figures["noise_cut"] > 0.3 and figures["worst_nps_ratio"] < 0.8


def test_an_identity_leaves_everything_as_it_was(chosen, own):
    net = CtDenoiser()
    with torch.no_grad():
        net.unet.head.weight.zero_()
        net.unet.head.bias.zero_()
    for row in table(net, chosen, own, chosen):
        assert row.mixed["gain_db"] == row.own["gain_db"] == pytest.approx(0, abs=1e-6)
        assert row.flat["worst_nps_ratio"] == row.real["worst_nps_ratio"] == pytest.approx(1)


def test_a_flat_case_has_the_noise_and_no_anatomy(chosen):
    case = chosen[0]
    flat = flat_case(case)
    assert np.allclose(flat.noisy - flat.clean, case.noisy - case.clean, atol=1e-3)
    assert set(np.unique(flat.clean)) == {-1000.0, 40.0}


def test_the_smallest_share_that_reaches_both_aims_is_suggested():
    def climbing(aim):
        return [aim - 0.10 + 0.4 * share for share in SHARES]

    assert suggestion(rows_of(climbing(AIM), [1.0] * len(SHARES))) == 0.25
    assert suggestion(rows_of([1.0] * len(SHARES), climbing(FLAT_AIM))) == 0.25
    assert suggestion(rows_of([1.0] * len(SHARES), [1.0] * len(SHARES))) == 0.0
    assert suggestion(rows_of([0.1] * len(SHARES), [1.0] * len(SHARES))) == SHARES[-1]


def test_the_command_prints_a_row_for_each_share(pairs_folder, tmp_path, capsys):
    out = tmp_path / "run"
    common = ["--set", "iterations=2", "--set", "patches.batch=1", "--set", "patches.size=32", "--set", "validation_slices=1"]
    assert main(["train", "--config", "ct-fast-supervised", "--pairs", str(pairs_folder), "--out", str(out), *common]) == 0
    capsys.readouterr()
    assert main(["keep", "--checkpoint", str(out / "last.pt"), "--pairs", str(pairs_folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(SHARES) + 1 and lines[-1].startswith("suggested: ")
    assert all(line.endswith("| -") for line in lines[1:-1])
    plain = [float(line.split("|")[1].split()[1]) for line in lines[1:-1]]
    write_pair(tmp_path / "real", "r", patient="P9", split="validation", domain="noisy", noise=np.empty((0, 160, 160), np.float16))
    more = ["--real", str(tmp_path / "real"), "--strength", "0.5"]
    assert main(["keep", "--checkpoint", str(out / "last.pt"), "--pairs", str(pairs_folder), *more]) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines()[1:-1]]
    assert all(np.isfinite([float(figure) for figure in row[4].split()]).all() for row in rows)
    # Half of what the network takes out: half of the change in noise, which after two iterations is small.
    assert float(rows[0][1].split()[1]) == pytest.approx(plain[0] / 2, abs=0.002)
    red = tmp_path / "red"
    assert main(["train", "--config", "red-cnn-supervised", "--pairs", str(pairs_folder), "--out", str(red), *common]) == 0
    assert main(["keep", "--checkpoint", str(red / "last.pt"), "--pairs", str(pairs_folder)]) == 2
    assert "only ct networks" in capsys.readouterr().err
