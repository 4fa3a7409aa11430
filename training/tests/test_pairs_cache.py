"""The cache of pairs, and the command that fills it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_data import SIZE, SMALL, command_line, write_small

from iscl.data import EmptySetError, SplitError, write_split
from iscl.data.pairs import PairConfig, build_one, check_cache, iter_cache, plan
from iscl.data.split import SplitRow
from iscl.phantom.write import instance, series_plan, write_instance
from iscl.simulate import FanBeam, Simulator


def cached(tmp_path: Path, **changes) -> tuple[Path, list, PairConfig]:
    """A cache of one quiet series, and the tasks of a split that differs from its own by `changes`."""
    write_small(tmp_path / "data" / "quiet", slices=1, sd=6.0)
    row = SplitRow("quiet", "quiet", "train", "clean", "clean", 8.0, "B40", 3.0, 1)
    config = PairConfig(fields=1)
    simulator = Simulator(FanBeam(views=180, detectors=256, detector_pitch=3.2, oversampling=1))
    for task in plan([row], tmp_path / "data", "clean", 8):
        assert build_one(task, tmp_path / "cache", simulator, config) == "made"
    return tmp_path / "cache", plan([replace(row, **changes)], tmp_path / "data", "clean", 8), config


def test_a_cache_of_the_same_split_goes_on(tmp_path):
    check_cache(*cached(tmp_path))


@pytest.mark.parametrize("changes", [{"split": "test"}, {"domain": "noisy"}])
def test_a_cache_of_another_split_is_refused(tmp_path, changes):
    # A patient who was moved to the test side must not stay in training by a file that was kept.
    with pytest.raises(SplitError, match="was made for train/clean.*delete"):
        check_cache(*cached(tmp_path, **changes))


def test_a_cache_of_other_settings_or_other_slices_is_refused(tmp_path):
    folder, tasks, config = cached(tmp_path)
    with pytest.raises(SplitError, match="dose 0.25 and 1 fields"):
        check_cache(folder, tasks, replace(config, dose=0.1))
    with pytest.raises(SplitError, match="no slice of this split"):
        check_cache(folder, [], config)


def test_simulate_refuses_what_can_give_no_pairs(tmp_path):
    # The row says clean, the slices are not: nothing would be cached.
    write_small(tmp_path / "data" / "loud", slices=1, sd=30.0)
    write_split([SplitRow("loud", "loud", "train", "clean", "clean", 8.0, "B40", 3.0, 1)], tmp_path / "s.csv")
    common = ("simulate", "--data", str(tmp_path / "data"), "--split", str(tmp_path / "s.csv"), "--out", str(tmp_path / "o"))
    with pytest.raises(EmptySetError, match="no slice was cached"):
        command_line(*common, "--workers", "1")
    with pytest.raises(ValueError, match="dose fraction 1.5"):
        command_line(*common, "--dose", "1.5")


def test_simulate_lowers_the_dose_of_noisy_series_when_asked(tmp_path):
    write_small(tmp_path / "data" / "loud", slices=1, sd=30.0)
    write_small(tmp_path / "data" / "quiet", slices=1, sd=8.0)
    rows = [SplitRow("loud", "loud", "blind", "noisy", "noisy", 30.0, "B40", 3.0, 1),
            SplitRow("quiet", "quiet", "train", "clean", "clean", 8.0, "B40", 3.0, 1)]
    write_split(rows, tmp_path / "s.csv")
    common = ("simulate", "--data", str(tmp_path / "data"), "--split", str(tmp_path / "s.csv"), "--fields", "1", "--workers", "1")
    assert command_line(*common, "--out", str(tmp_path / "o"), "--quality", "noisy", "--noise-limit", "50") == 0
    (entry,) = iter_cache(tmp_path / "o")
    assert str(entry["split"]) == "blind" and 25 < entry["noise_sd"] < 35
    # A quarter of the dose has twice the noise: the rest of it is sqrt(3) times the slice's own.
    assert entry["field_sd"][0] == pytest.approx(np.sqrt(3) * 30, rel=0.1)
    with pytest.raises(EmptySetError, match="not under 20 HU"):
        command_line(*common, "--out", str(tmp_path / "p"), "--quality", "noisy", "--noise-limit", "20")


def test_a_real_noisy_slice_without_a_body_is_skipped(tmp_path):
    air = np.full((SIZE, SIZE), -1000.0, np.float32)
    write_instance(instance(air, 0, series_plan(0.25), SMALL, 1), tmp_path / "air")
    (task,) = plan([SplitRow("air", "air", "train", "noisy", "noisy", 30.0, "B40", 3.0, 1)], tmp_path, "noisy", 1)
    assert build_one(task, tmp_path / "cache", None, PairConfig()) == "skipped"
