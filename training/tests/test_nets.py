import numpy as np
import pytest
import torch
from torch import nn

from iscl.nets import (
    BatchInstanceNorm,
    CtDenoiser,
    CtNoiseGenerator,
    PaperHuDenoiser,
    TextureDiscriminator,
    WideBlur,
    build,
    count_parameters,
    gflop,
    hu_to_unit,
    unit_to_hu,
    without_fine_share,
)
from iscl.nets.paper import symmetric_pad


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("paper-generator", 1_148_225), ("paper-extractor", 168_801), ("paper-discriminator", 2_790_177)],
)
def test_the_paper_networks_have_the_published_size(name, parameters):
    assert count_parameters(build(name)) == parameters


@pytest.mark.parametrize(("name", "gmac"), [("paper-generator", 22.0), ("paper-extractor", 43.6)])
def test_the_paper_networks_cost_what_is_published(name, gmac):
    assert gflop(build(name)) / 2 == pytest.approx(gmac, abs=0.05)


@pytest.mark.parametrize(("name", "budget"), [("ct-fast", 15.0), ("ct-quality", 25.0)])
def test_the_ct_networks_keep_to_the_browser_budget(name, budget):
    net = build(name)
    assert gflop(net) <= budget
    assert count_parameters(net) <= 3_000_000


@pytest.mark.parametrize("name", ["ct-fast", "ct-quality"])
def test_the_ct_networks_use_only_channel_counts_that_webgpu_computes_right(name):
    for layer in build(name).modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.in_channels == 1 or layer.in_channels % 4 == 0
            assert layer.out_channels % 4 == 0
            assert layer.groups == 1
        assert not isinstance(layer, (nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm))


def test_bin_is_its_definition():
    torch.manual_seed(0)
    layer = BatchInstanceNorm(3)
    x = torch.randn(4, 3, 5, 6) * 2 + 1
    with torch.no_grad():
        layer.rho.copy_(torch.tensor([1.7, -0.4, 0.25]))
        layer.gamma.copy_(torch.tensor([1.0, 2.0, 3.0]))
        layer.beta.copy_(torch.tensor([0.0, 0.5, -1.0]))
        found = layer(x).numpy()
    image = x.numpy().astype(np.float64)
    for channel, (rho, gamma, beta) in enumerate([(1.0, 1.0, 0.0), (0.0, 2.0, 0.5), (0.25, 3.0, -1.0)]):
        plane = image[:, channel]
        batch = (plane - plane.mean()) / np.sqrt(plane.var() + 1e-5)
        single = (plane - plane.mean((1, 2), keepdims=True)) / np.sqrt(plane.var((1, 2), keepdims=True) + 1e-5)
        expected = gamma * (rho * batch + (1 - rho) * single) + beta
        assert np.allclose(found[:, channel], expected, atol=1e-5)


def test_bin_starts_as_batch_norm():
    x = torch.randn(3, 2, 8, 8)
    expected = nn.functional.batch_norm(x, None, None, training=True)
    assert torch.allclose(BatchInstanceNorm(2)(x), expected, atol=1e-5)


def test_symmetric_padding_repeats_the_edge():
    x = torch.arange(5.0).view(1, 1, 1, 5).expand(1, 1, 5, 5)
    assert symmetric_pad(x, 3)[0, 0, 0].tolist() == [2, 1, 0, 0, 1, 2, 3, 4, 4, 3, 2]
    assert symmetric_pad(x, 1)[0, 0, 0].tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_the_paper_discriminator_gives_one_logit_for_a_64_pixel_patch():
    assert build("paper-discriminator")(torch.zeros(2, 1, 64, 64)).shape == (2, 1, 1, 1)


def test_hu_scaling_is_invertible_inside_its_range_and_clamps_outside():
    hu = torch.tensor([-2000.0, -1024.0, 0.0, 40.0, 3071.0, 9000.0])
    assert hu_to_unit(hu)[[1, 4]].tolist() == [-1.0, 1.0]
    assert unit_to_hu(hu_to_unit(hu)).tolist() == pytest.approx([-1024, -1024, 0, 40, 3071, 3071], abs=1e-3)


@pytest.mark.parametrize("size", [(64, 64), (33, 70), (16, 100)])
def test_hu_denoisers_take_any_size(size):
    hu = torch.randn(1, 1, *size) * 50
    paper = PaperHuDenoiser(build("paper-generator"), build("paper-extractor")).eval()
    with torch.no_grad():
        assert paper(hu).shape == hu.shape
        assert CtDenoiser("fast")(hu).shape == hu.shape


def busy_denoiser() -> CtDenoiser:
    torch.manual_seed(1)
    net = CtDenoiser("fast")
    nn.init.normal_(net.unet.head.weight, std=0.1)
    nn.init.constant_(net.unet.head.bias, 0.5)
    return net


def test_an_untrained_ct_denoiser_is_the_identity():
    hu = torch.randn(1, 1, 32, 32) * 300
    assert torch.equal(CtDenoiser("fast")(hu), hu)


def test_the_noise_map_has_no_wide_mean_whatever_the_network_says():
    net = busy_denoiser()
    with torch.no_grad():
        noise = net.noise(torch.randn(1, 1, 256, 256) * 100)
        raw = net.unet(torch.zeros(1, 1, 256, 256)) * 512
    assert abs(raw.mean()) > 100
    assert abs(noise[..., 48:-48, 48:-48].mean()) < 0.02 * noise.std()


def test_a_constant_residual_is_removed_exactly():
    assert WideBlur()(torch.full((1, 1, 64, 96), 7.0)).sub(7.0).abs().max() < 1e-5


def test_keep_leaves_a_share_of_the_fine_noise():
    net = busy_denoiser()
    hu = torch.randn(1, 1, 64, 64) * 100
    with torch.no_grad():
        noise = net.noise(hu)
        net.keep = 0.3
        kept = net(hu) - (hu - noise)
    mean = noise[0, 0].unfold(0, 3, 1).unfold(1, 3, 1).mean(dim=(-1, -2))
    assert torch.allclose(kept[0, 0, 1:-1, 1:-1], 0.3 * (noise[0, 0, 1:-1, 1:-1] - mean), atol=1e-3)


def test_a_coarse_residual_is_removed_whole_and_a_checkerboard_but_for_the_kept_share():
    plane = torch.linspace(-50, 50, 64).repeat(64, 1)[None, None]
    inner = (..., slice(1, -1), slice(1, -1))
    assert torch.allclose(without_fine_share(plane, 0.4)[inner], plane[inner], atol=1e-4)
    board = torch.ones(1, 1, 64, 64)
    board[..., ::2, ::2] = board[..., 1::2, 1::2] = -1.0
    # The mean over 3x3 of a checkerboard of +-1 is a ninth of its centre.
    assert torch.allclose(without_fine_share(board, 0.45)[inner], 0.6 * board[inner], atol=1e-5)


def test_a_tile_on_the_grid_equals_the_slice_away_from_its_edges():
    net = busy_denoiser()
    hu = torch.randn(1, 1, 512, 512) * 100
    with torch.no_grad():
        whole = net(hu)
        tile = net(hu[..., 64:448, 64:448])
    inner = slice(144, 240)
    assert (whole[..., 64:448, 64:448] - tile)[..., inner, inner].abs().max() < 0.01


def test_values_beyond_the_ct_range_do_not_reach_the_network():
    net = busy_denoiser()
    low, lower = torch.full((1, 1, 32, 32), -1024.0), torch.full((1, 1, 32, 32), -3024.0)
    with torch.no_grad():
        assert torch.equal(net.noise(low), net.noise(lower))


def test_the_generator_starts_as_clean_plus_seed():
    clean, seed = torch.randn(2, 1, 32, 32) * 100, torch.randn(2, 1, 32, 32) * 20
    assert torch.allclose(CtNoiseGenerator()(clean, seed), clean + seed, atol=1e-4)


def test_the_texture_discriminator_does_not_see_hu():
    torch.manual_seed(0)
    judge = TextureDiscriminator().eval()
    image = torch.randn(1, 1, 64, 64) * 20
    with torch.no_grad():
        assert torch.allclose(judge(image), judge(image + 500.0), atol=1e-4)
        assert not torch.allclose(judge(image), judge(image * 2), atol=1e-3)


def test_an_unknown_network_is_refused_by_name():
    with pytest.raises(KeyError, match="ct-fast"):
        build("ct-slow")
