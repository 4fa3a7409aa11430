import pytest
import torch
from torch import nn

from iscl.training.config import IsclOptions
from iscl.training.iscl_step import (
    Optimizers,
    Players,
    discriminator_step,
    extractor_step,
    frozen,
    iscl_step,
    translator_loss,
)
from iscl.training.losses import (
    adversarial_loss,
    boosting_loss,
    bypass_loss,
    cycle_loss,
    discriminator_loss,
    extractor_loss,
)
from iscl.training.optim import Ema, Lookahead, cosine_lr, linear_lr


def t(*values):
    return torch.tensor(values)


def test_discriminator_hinge_has_its_fake_margin_at_zero():
    # relu(1-2)=0, relu(1-0)=1 -> .5; relu(-1)=0, relu(3)=3 -> 1.5; relu(1-.5)=.5; relu(.25)=.25
    assert discriminator_loss(t(2.0, 0.0), t(-1.0, 3.0), t(0.5), t(0.25)).item() == pytest.approx(2.75)


def test_boosting_counts_only_fakes_taken_for_real():
    assert boosting_loss(t(2.0, -2.0), t(-1.0, 4.0)).item() == pytest.approx(1.0 + 2.0)


def test_a_fake_margin_of_one_makes_it_the_usual_hinge():
    assert discriminator_loss(t(1.0), t(-0.5), t(1.0), t(-3.0), fake_margin=1.0).item() == pytest.approx(0.5)
    assert boosting_loss(t(-0.25), t(0.0), fake_margin=1.0).item() == pytest.approx(1.75)


def test_adversarial_is_the_negated_logits():
    assert adversarial_loss(t(1.0, 3.0), t(-4.0, 0.0)).item() == pytest.approx(-2.0 + 2.0)


def test_cycle_bypass_and_extractor_are_mean_absolute_errors():
    assert cycle_loss(t(1.0, 2.0), t(1.0, 4.0), t(0.0, 0.0), t(3.0, 3.0)).item() == pytest.approx(1.0 + 3.0)
    assert bypass_loss(t(5.0), t(3.0), t(1.0), t(0.5)).item() == pytest.approx(2.5)
    assert extractor_loss(t(1.0, 1.0), t(2.0, 1.0), t(4.0), t(1.0)).item() == pytest.approx(3.5)


class Affine(nn.Module):
    """gain x + offset, to compute by hand."""

    def __init__(self, gain: float, offset: float = 0.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))
        self.offset = nn.Parameter(torch.tensor(offset))

    def forward(self, x):
        return self.gain * x + self.offset


def toy_players() -> Players:
    nets = {
        "denoiser": Affine(0.5), "generator": Affine(2.0, 1.0), "extractor": Affine(0.25),
        "judge_noisy": Affine(0.1), "judge_clean": Affine(-0.2),
    }
    return Players(**nets, add_noise=lambda y, seed: nets["generator"](y), extract=nets["extractor"])


X, Y = torch.full((2, 1, 4, 4), 4.0), torch.full((2, 1, 4, 4), 2.0)


def test_the_translator_loss_by_hand():
    # F(x)=2, G(y)=5, H(x)=1, G(F(x))=5, F(G(y))=2.5, F(y+H(x))=1.5
    # adversarial: -0.1*5 - (-0.2*2) = -0.1; cycle: |4-5| + |2-2.5| = 1.5; bypass: |2-(4-1)| + |2-1.5| = 1.5
    loss, values = translator_loss(toy_players(), IsclOptions(), X, Y)
    assert values == pytest.approx({"adversarial": -0.1, "cycle": 1.5, "bypass": 1.5})
    assert loss.item() == pytest.approx(-0.1 + 30 * 3.0)


def test_without_h_there_is_no_bypass():
    loss, values = translator_loss(toy_players(), IsclOptions(use_extractor=False), X, Y)
    assert "bypass" not in values
    assert loss.item() == pytest.approx(-0.1 + 30 * 1.5)


class Recorder:
    """An optimiser that notes its name and which gradients it was given."""

    def __init__(self, name, order, players):
        self.name, self.order, self.players = name, order, players

    def zero_grad(self):
        for net in self.players.named().values():
            net.zero_grad(set_to_none=True)

    def step(self):
        touched = {n for n, net in self.players.named().items() if any(p.grad is not None for p in net.parameters())}
        self.order.append((self.name, touched))


def test_the_updates_come_in_the_published_order_and_touch_only_their_own_networks():
    players, order = toy_players(), []
    optimizers = Optimizers(*(Recorder(name, order, players) for name in ("D", "FG", "H")))
    iscl_step(players, IsclOptions(), optimizers, X, Y)
    assert order == [
        ("D", {"judge_noisy", "judge_clean"}),
        ("FG", {"denoiser", "generator"}),
        ("H", {"extractor"}),
    ]
    assert all(p.requires_grad for net in players.named().values() for p in net.parameters())


def test_while_the_discriminators_lead_nothing_else_moves():
    players, order = toy_players(), []
    optimizers = Optimizers(*(Recorder(name, order, players) for name in ("D", "FG", "H")))
    iscl_step(players, IsclOptions(), optimizers, X, Y, leading=True)
    assert order == [("D", {"judge_noisy", "judge_clean"})]


def test_the_anchor_reaches_f_alone():
    players, order = toy_players(), []
    optimizers = Optimizers(*(Recorder(name, order, players) for name in ("D", "FG", "H")))
    values = iscl_step(players, IsclOptions(anchor_weight=2.0), optimizers, X, Y, lambda: players.denoiser(X).mean())
    assert values["anchor"] == pytest.approx(2.0)
    assert values["loss_fg"] == pytest.approx(89.9 + 2 * 2.0)
    assert order[1] == ("FG", {"denoiser", "generator"})


def test_the_discriminator_loss_by_hand_with_and_without_boosting():
    # D_X: real .4, fake .5 ; D_Y: real -.4, fake -.4 ; boosting D_X(y+H(x)=3)=.3, D_Y(x-H(x)=3)=-.6
    base = 0.6 + 0.5 + 1.4 + 0.0
    for options, expected in ((IsclOptions(), base + 0.3), (IsclOptions(use_extractor=False), base)):
        players = toy_players()
        values = discriminator_step(players, options, Recorder("D", [], players), X, Y)
        assert values["loss_d"] == pytest.approx(expected)


def test_the_extractor_loss_by_hand():
    # H(x)=1 against x-F(x)=2; H(G(y))=1.25 against G(y)-y=3
    players = toy_players()
    assert extractor_step(players, Recorder("H", [], players), X, Y)["loss_h"] == pytest.approx(1.0 + 1.75)


def test_frozen_networks_pass_gradients_and_keep_their_weights():
    net, x = Affine(3.0), torch.ones(2, requires_grad=True)
    with frozen(net):
        net(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert net.gain.grad is None and net.gain.requires_grad


def test_lookahead_moves_half_way_every_k_steps():
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = Lookahead(torch.optim.SGD([weight], lr=1.0), k=2, alpha=0.5)
    for expected in (0.0, 0.0, -1.0, -1.0):
        weight.grad = torch.tensor([1.0])
        optimizer.step()
        # fast: 1 -> 0 -> -1, slow becomes 0; then -1, -2, slow becomes -1
        assert weight.item() == expected


def test_lookahead_restores_its_slow_weights():
    def make():
        weight = nn.Parameter(torch.tensor([1.0]))
        return weight, Lookahead(torch.optim.SGD([weight], lr=0.3), k=3)

    def go(weight, optimizer, steps):
        for _ in range(steps):
            weight.grad = weight.detach().clone()
            optimizer.step()

    straight, straight_optimizer = make()
    go(straight, straight_optimizer, 7)
    first, first_optimizer = make()
    go(first, first_optimizer, 4)
    second, second_optimizer = make()
    second.data.copy_(first.data)
    second_optimizer.load_state_dict(first_optimizer.state_dict())
    go(second, second_optimizer, 3)
    assert torch.equal(straight, second)


def test_ema_follows_at_first_and_then_averages():
    source, average = Affine(1.0), Affine(0.0)
    ema = Ema(source, average, 0.999)
    assert average.gain.item() == 1.0
    source.gain.data.fill_(2.0)
    ema.update(source)
    assert average.gain.item() == pytest.approx(1 + (1 - 2 / 11))


def test_schedules_reach_their_ends():
    assert linear_lr(1e-4, 0, 100, 1e-3) == pytest.approx(1e-4)
    assert linear_lr(1e-4, 100, 100, 1e-3) == pytest.approx(1e-7)
    assert cosine_lr(1e-3, 0, 1000, 100) == pytest.approx(1e-5)
    assert cosine_lr(1e-3, 100, 1000, 100) == pytest.approx(1e-3)
    assert cosine_lr(1e-3, 1000, 1000, 100) == pytest.approx(1e-5)
