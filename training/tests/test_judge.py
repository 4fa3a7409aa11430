"""The judge on denoisers whose answers are known."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from judge_cases import GAP_MM, PIXEL_MM, SOFT_HU, body, known_stack
from scipy import ndimage
from scipy.stats import ncx2

from iscl.judge import FULL, QUICK, Denoiser, JudgeError, apply_stack, judge_series, load_onnx, prepare
from iscl.judge.places import APART_PX, CLEAR_SLICES
from iscl.judge.prepared import RULE_LESION
from iscl.judge.signals import CORE, EDGE_SIGMA_PX, Lesion, add, render

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def known():
    return prepare(known_stack(), QUICK)


def judged(run, prepared, inputs=1, outputs=1, setting="shipped", draws=8):
    result = judge_series(Denoiser("toy", run, inputs, outputs), prepared, draws)
    return {name: figure["value"] for name, figure in result[setting].items()} if result[setting] else None, result


def around(share):
    """Takes the noise down to `share`, around the anatomy, which is known here."""
    return lambda slab: SOFT_HU + share * (slab - SOFT_HU)


def test_slabs_take_their_neighbours_and_repeat_the_nearest_slice_at_the_ends():
    taken = []

    def run(slab):
        taken.append([int(image[0, 0]) for image in slab])
        return slab[1:-1]

    stack = np.arange(7, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    assert (apply_stack(Denoiser("5 to 3", run, 5, 3), stack) == stack).all()
    assert taken == [[0, 0, 1, 2, 3], [2, 3, 4, 5, 6], [5, 6, 6, 6, 6]]


def test_slices_too_far_apart_go_through_a_slab_each_alone():
    taken = []

    def run(slab):
        taken.append([int(image[0, 0]) for image in slab])
        return slab[1:-1]

    denoiser = Denoiser("5 to 3", run, 5, 3, spacing_mm=(0.4, 5.5))
    stack = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    assert (apply_stack(denoiser, stack, 8.0) == stack).all()
    assert taken == [[0] * 5, [1] * 5, [2] * 5]
    taken.clear()
    apply_stack(denoiser, stack, 5.5)
    assert taken == [[0, 0, 1, 2, 2]]


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 2), (3, 5), (3, 0), (5, 2)])
def test_even_or_growing_slabs_are_refused(inputs, outputs):
    with pytest.raises(JudgeError, match="odd"):
        Denoiser("bad", lambda slab: slab, inputs, outputs)


@pytest.mark.parametrize("made", [lambda s: s[:, 1:], lambda s: s * np.nan, lambda s: np.concatenate([s, s])])
def test_a_wrong_shape_or_nan_is_refused(made):
    with pytest.raises(JudgeError, match="made"):
        apply_stack(Denoiser("bad", made), np.zeros((2, 8, 8), np.float32))


def test_the_identity_changes_nothing(known):
    found, result = judged(lambda slab: slab, known)
    for name in (
        "noise_left",
        "contrast_5mm",
        "lighter_5mm",
        "darker_5mm",
        "contrast_10mm",
        "npw_5mm",
        "cho_5mm",
        "cho_10mm",
        "nps",
        "evenness",
        "kept_median",
        "kept_area",
        "contrast_slice",
        "contrast_edge",
        "step_edge",
    ):
        assert found[name] == pytest.approx(1, abs=2e-3), name
    assert found["leak_slice"] == pytest.approx(0, abs=1e-4)
    assert found["bias_soft"] == found["bias_air"] == 0
    assert result["strength"] == {"shipped": 1.0, "cut50": None, "cut60": None}
    assert result["cut60"] is None


def test_a_blur_in_the_plane_costs_what_the_blurred_disc_loses(known):
    sigma = 1.5
    found, _ = judged(lambda slab: ndimage.gaussian_filter(slab, (0, sigma, sigma)), known)
    # A disc of radius r blurred by a Gaussian is, at distance d, the chance that a Rayleigh-distributed step from there ends within r.
    radius = 10 / 2 / PIXEL_MM
    axis = np.arange(-9, 10)
    distance = np.hypot(axis[:, None], axis[None, :])
    core = distance <= CORE * radius

    def mean(blur):
        return ncx2.cdf((radius / blur) ** 2, 2, (distance[core] / blur) ** 2).mean()

    expected = mean(np.hypot(sigma, EDGE_SIGMA_PX)) / mean(EDGE_SIGMA_PX)
    assert expected < 0.97
    assert found["contrast_slice"] == pytest.approx(expected, abs=0.005)
    assert found["contrast_5mm"] < found["contrast_10mm"] < 1
    assert found["leak_slice"] == pytest.approx(0, abs=1e-4)
    assert found["step_edge"] == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("weight", [0.04, 0.2])
def test_a_blur_along_z_leaks_its_weight(known, weight):
    def run(slab):
        return weight * slab[:1] + (1 - 2 * weight) * slab[1:2] + weight * slab[2:]

    found, _ = judged(run, known, 3, 1)
    assert found["leak_slice"] == pytest.approx(weight, abs=1e-3)
    assert found["contrast_slice"] == pytest.approx(1 - 2 * weight, abs=1e-3)
    assert found["step_edge"] == pytest.approx(1 - 2 * weight, abs=1e-3)


def test_a_denoiser_that_erases_what_is_faint_is_found_out():
    def run(slab):
        smooth = ndimage.gaussian_filter(slab, (0, 6.0, 6.0))
        visible = np.abs(ndimage.gaussian_filter(slab - smooth, (0, 1.0, 1.0))) > 45
        return np.where(visible, slab, smooth)

    prepared = prepare(known_stack(size=256), FULL)
    found, _ = judged(run, prepared, draws=2)
    kept = {c: found[f"contrast|disc 10 mm {c} HU, liver-like"] for c in (10, 20, 60, 120)}
    assert kept[10] < 0.6 and kept[20] < 0.65
    assert kept[120] > 0.9
    assert kept[20] + 0.2 < kept[120]
    assert found["contrast_5mm"] < 0.5


def test_half_an_organ_denoised_is_uneven(known):
    def run(slab):
        half = np.where(np.arange(slab.shape[2]) < slab.shape[2] / 2, 0.25, 1.0)
        return SOFT_HU + half * (slab - SOFT_HU)

    uneven, _ = judged(run, known)
    assert uneven["evenness"] == pytest.approx(4, abs=0.2)
    assert uneven["kept_area"] == pytest.approx(0.5, abs=0.1)
    even, _ = judged(around(0.25), known)
    assert even["evenness"] == pytest.approx(1, abs=1e-3)
    assert even["kept_median"] == pytest.approx(0.25, abs=1e-3)
    assert even["kept_area"] == 0


def test_equal_noise_is_reached_by_plain_strength(known):
    # 0.2 of noise and contrast are left: 1 - 0.8 s = 0.4 at s = 0.75.
    found, result = judged(around(0.2), known, setting="cut60")
    assert result["strength"]["cut60"] == pytest.approx(0.75, abs=0.002)
    assert result["strength"]["cut50"] == pytest.approx(0.625, abs=0.002)
    assert found["noise_left"] == pytest.approx(0.4, abs=0.002)
    assert found["contrast_5mm"] == pytest.approx(0.4, abs=0.002)
    assert found["cho_5mm"] == pytest.approx(1, abs=0.01)
    assert found["evenness"] == pytest.approx(1, abs=1e-3)


def test_a_blend_measured_later_is_the_blend_measured_directly(known):
    def run(slab):
        return ndimage.gaussian_filter(slab, (0, 1.5, 1.5))

    blended, result = judged(run, known, setting="cut50")
    strength = result["strength"]["cut50"]
    direct, _ = judged(lambda slab: slab + strength * (run(slab) - slab), known)
    for name in ("contrast_5mm", "npw_5mm", "cho_5mm", "nps", "noise_left", "evenness", "contrast_slice", "bias_soft"):
        assert blended[name] == pytest.approx(direct[name], abs=2e-3), name


def test_a_shift_is_the_bias_of_its_tissue_alone(known):
    found, _ = judged(lambda slab: slab + np.where(slab > -500, 2.0, 0.0), known)
    assert found["bias_soft"] == pytest.approx(2, abs=1e-3)
    assert found["bias_air"] == 0
    assert np.isnan(found["bias_bone"])


def test_the_noise_of_the_smooth_twin_is_what_texture_is_held_against():
    smooth = ndimage.gaussian_filter(known_stack().stack, (0, 1.2, 1.2))
    prepared = prepare(known_stack(twin=smooth), QUICK)
    found, _ = judged(lambda slab: ndimage.gaussian_filter(slab, (0, 1.2, 1.2)), prepared)
    assert found["nps_twin"] == pytest.approx(1, abs=1e-3)
    assert found["nps"] < 0.8


def test_lesions_answer_as_if_each_were_alone(known):
    """A shipped U-Net sees far; what it makes of a lesion must not depend on the others of the round."""
    denoiser = load_onnx(MODELS / "iscl-ct-fast.onnx")
    places, stack = known.rounds[0], known.material.stack
    shape = known.shape_of(RULE_LESION)

    def kept(chosen, place):
        image = stack.copy()
        for other in chosen:
            add(image, shape, other.at, RULE_LESION.contrast_hu)
        z, r, c = place.at
        change = apply_stack(denoiser, image[z : z + 1]) - apply_stack(denoiser, stack[z : z + 1])
        return float(change[0, r - 2 : r + 3, c - 2 : c + 3].mean()) / RULE_LESION.contrast_hu

    fullest = Counter(p.at[0] for p in places).most_common(1)[0][0]
    together = [p for p in places if p.at[0] == fullest]
    assert len(together) >= 2
    differences = [kept(places, p) - kept([p], p) for p in together[:3]]
    assert max(map(abs, differences)) < 0.02


def test_places_are_apart_flat_and_the_same_every_time(known):
    again = prepare(known_stack(), QUICK)
    assert again.rounds == known.rounds and again.sites == known.sites

    def span(place):
        return [place.at[0] + k for k in known.shape_of(place.lesion).slices]

    for places in known.rounds:
        for i, a in enumerate(places):
            for b in places[:i]:
                near = max(span(a)[0] - span(b)[1], span(b)[0] - span(a)[1]) <= CLEAR_SLICES
                assert not near or np.hypot(a.at[1] - b.at[1], a.at[2] - b.at[2]) >= APART_PX
    inside = body()[0] > 0
    depth = ndimage.distance_transform_edt(inside)
    assert all(depth[p.at[1:]] > 12 for places in known.rounds for p in places)


@pytest.mark.parametrize("thickness", [1.0, 2.0, 5.0])
def test_a_rendered_ball_has_the_volume_of_the_ball(thickness):
    gap = thickness
    shape = render(Lesion("ball", 10, 1.0), 0.5, gap, thickness)
    volume = float(shape.values.sum()) * 0.5 * 0.5 * gap
    assert volume == pytest.approx(np.pi / 6 * 10**3, rel=0.01)


def test_a_ball_in_overlapping_slices_is_as_thick_as_each_slice_sees_it():
    shape = render(Lesion("ball", 10, 1.0), 0.5, 1.0, 2.0)
    assert float(shape.values.sum()) * 0.5 * 0.5 == pytest.approx(np.pi / 6 * 10**3, rel=0.01)
    assert shape.values.max() == pytest.approx(1, abs=0.01)
    assert GAP_MM == 2.0 and shape.slices == (-5, 5)
