"""ISCL on slabs: real noisy runs of slices against clean ones, in the published order of updates.

All four players map runs of slices to runs of the same length. F and H work slab by slab, as the viewer does; G and both
discriminators work on groups of neighbouring slices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from ..nets import CtDenoiser, build
from ..nets.ct import NOISE_SCALE
from ..training import config as published
from ..training.iscl_step import Optimizers, Players, iscl_step
from ..training.optim import Ema, Lookahead, cosine, parameters, set_lr
from .config import SlabConfig
from .losses import QUIET_HU, pair_loss, signal_loss
from .sampler import UNPAIRED_DEPTH, SlabSampler
from .volume import Volume

AGREEMENT = 2.0
"""A neighbour is a target where the smoothed difference is under so many standard deviations of smoothed noise."""


class RunDenoiser(nn.Module):
    """A slab network over a run of slices: [N, D, H, W] in HU to the same; past the ends the last slice repeats, as in the viewer."""

    def __init__(self, net: CtDenoiser) -> None:
        super().__init__()
        self.net = net

    def forward(self, run: Tensor) -> Tensor:
        return run - self.noise(run)

    def noise(self, run: Tensor) -> Tensor:
        count, depth = run.shape[:2]
        shape = self.net.shape
        reach, slabs = (shape.inputs - shape.outputs) // 2, -(-depth // shape.outputs)
        levels = torch.arange(slabs, device=run.device)[:, None] * shape.outputs - reach + torch.arange(shape.inputs, device=run.device)
        folded = run[:, levels.clamp(0, depth - 1)].flatten(0, 1)
        return self.net.noise(folded).unflatten(0, (count, slabs)).flatten(1, 2)[:, :depth]


class Grouped(nn.Module):
    """A network of `slices` neighbours over runs whose length is a multiple of it. An `image` network gives runs again, [N, D, H, W];
    any other gives one map a group."""

    def __init__(self, net: nn.Module, slices: int, image: bool) -> None:
        super().__init__()
        self.net, self.slices, self.image = net, slices, image

    def forward(self, *runs: Tensor) -> Tensor:
        count, depth = runs[0].shape[:2]
        made = self.net(*(run.reshape(count * depth // self.slices, self.slices, *run.shape[2:]) for run in runs))
        return made.reshape(count, depth, *made.shape[2:]) if self.image else made


class SlabIsclTrainer:
    """F, G, H, D_X and D_Y; beside them the anchor of pairs and probes, probes on real slabs, and neighbours as targets."""

    def __init__(self, config: SlabConfig, volumes: list[Volume], device: torch.device, start: dict[str, Tensor] | None = None) -> None:
        self.config, self.device = config, device
        torch.manual_seed(config.seed)
        group = config.iscl.judge_slices
        suffix = "" if group == 1 else f"-{group}"
        self.kinds = {"denoiser": config.network, "generator": f"ct-generator{suffix}", "extractor": config.network,
                      "judge_noisy": f"texture-discriminator{suffix}", "judge_clean": f"texture-discriminator{suffix}"}
        self.nets = {name: build(kind).to(device) for name, kind in self.kinds.items()}
        if start is not None:
            self.nets["denoiser"].load_state_dict(start)
            self.nets["extractor"].load_state_dict(start)
        self.ema = {name: Ema(self.nets[name], build(self.kinds[name]).to(device), config.ema) for name in ("denoiser", "extractor")}
        f, h = self.nets["denoiser"], self.nets["extractor"]
        assert isinstance(f, CtDenoiser) and isinstance(h, CtDenoiser)
        self.denoiser = f
        denoiser, extractor = RunDenoiser(f), RunDenoiser(h)
        generator = Grouped(self.nets["generator"], group, image=True)
        self.players = Players(
            denoiser=denoiser, generator=generator, extractor=extractor,
            judge_noisy=Grouped(self.nets["judge_noisy"], group, image=False),
            judge_clean=Grouped(self.nets["judge_clean"], group, image=False),
            add_noise=generator, extract=(extractor if config.iscl.use_extractor else denoiser).noise, unit=NOISE_SCALE,
        )
        iscl, p = config.iscl, self.players
        self.peak = {"discriminators": iscl.discriminator_lr, "translators": config.lr, "extractor": config.lr}
        self.optimizers = Optimizers(
            discriminators=Lookahead(torch.optim.Adam(list(parameters(p.judge_noisy, p.judge_clean)), iscl.discriminator_lr, (0.5, 0.99))),
            translators=torch.optim.Adam(list(parameters(p.denoiser, p.generator)), config.lr, (0.5, 0.99)),
            extractor=Lookahead(torch.optim.Adam(list(parameters(p.extractor)), config.lr, (0.5, 0.99))),
        )
        self.options = published.IsclOptions(
            networks="ct", cycle_weight=iscl.cycle_weight, adversarial_weight=iscl.adversarial_weight, boosting_weight=iscl.boosting_weight,
            fake_margin=iscl.fake_margin, use_extractor=iscl.use_extractor, anchor_weight=1.0,
        )
        shape = f.shape
        self.runs = SlabSampler(volumes, config.draw, UNPAIRED_DEPTH, device, config.seed + 1)
        self.pairs = SlabSampler(volumes, config.draw, shape.inputs, device, config.seed + 2) if iscl.anchor_weight else None
        self.half_precision = device.type == "cuda"
        torch.backends.cudnn.benchmark = True

    def step(self, iteration: int, progress: float) -> dict[str, Tensor]:
        config = self.config
        for name, peak in self.peak.items():
            set_lr(getattr(self.optimizers, name), peak * cosine(progress) * min(1.0, (iteration + 1) / config.warmup))
        x, probe, noise_sd = self.runs.plain("noisy")
        y, _, _ = self.runs.plain("clean")
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half_precision):
            values = iscl_step(self.players, self.options, self.optimizers, x, y, self._besides(x, probe, noise_sd),
                               leading=iteration < config.iscl.discriminator_lead)
        for name, ema in self.ema.items():
            ema.update(self.nets[name])
        return {key: torch.as_tensor(value) for key, value in values.items()}

    def _besides(self, x: Tensor, probe: Tensor, noise_sd: Tensor) -> Callable[[], Tensor]:
        iscl, net = self.config.iscl, self.denoiser

        def loss() -> Tensor:
            total = x.new_zeros(())
            if self.pairs is not None:
                drawn = self.pairs.batch()
                both = net(torch.cat([drawn.noisy + drawn.probe, drawn.noisy - drawn.probe])).float()
                plus, minus = both.chunk(2)
                signal, target = net.middle(drawn.probe), net.middle(drawn.target)
                pairs = 0.5 * (pair_loss(plus, target + signal, drawn.noise_sd) + pair_loss(minus, target - signal, drawn.noise_sd))
                total = total + iscl.anchor_weight * (pairs + self.config.signal_weight * signal_loss(plus, minus, signal))
            if iscl.signal_on_real:
                run = self.players.denoiser
                total = total + iscl.signal_on_real * signal_loss(run(x + probe).float(), run(x - probe).float(), probe)
            if iscl.neighbour_weight:
                total = total + iscl.neighbour_weight * neighbour_loss(net, x, noise_sd)
            return total

        return loss

    def state(self) -> dict[str, Any]:
        return {
            "nets": {name: net.state_dict() for name, net in self.nets.items()},
            "ema": {name: ema.net.state_dict() for name, ema in self.ema.items()}, "kinds": self.kinds,
            "optimizers": {name: getattr(self.optimizers, name).state_dict() for name in self.peak},
            "ema_steps": {name: ema.steps for name, ema in self.ema.items()},
            "runs": self.runs.state(), "pairs": self.pairs.state() if self.pairs else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from `state`, on any device; on another one the random numbers differ. Of a checkpoint that holds the averaged weights
        alone, those are where it goes on."""
        for name, net in self.nets.items():
            if name in state["nets"] or name in state["ema"]:
                net.load_state_dict(state["nets"].get(name, state["ema"].get(name)))
        for name, ema in self.ema.items():
            ema.net.load_state_dict(state["ema"][name])
            ema.steps = state.get("ema_steps", {}).get(name, 10**6)
        if state.get("optimizers"):
            for name in self.peak:
                getattr(self.optimizers, name).load_state_dict(state["optimizers"][name])
        if state.get("runs"):
            self.runs.set_state(state["runs"])
        if state.get("pairs") and self.pairs is not None:
            self.pairs.set_state(state["pairs"])


def neighbour_loss(net: CtDenoiser, x: Tensor, noise_sd: Tensor) -> Tensor:
    """The slice two further on as the target of a real noisy slice, where the anatomy agrees (Neighbouring-slice Noise2Noise). Next
    neighbours share a quarter of their noise, the one after it almost none. The slab ends at the slice, so that it does not hold its
    target. x [N, D, H, W] in HU with D >= 5."""
    shape = net.shape
    middle = x.shape[1] // 2
    levels = [min(middle, middle - shape.inputs // 2 + k) for k in range(shape.inputs)]
    made = net(x[:, levels].contiguous()).float()[:, shape.outputs // 2]
    target = x[:, middle + 2]
    scale = (noise_sd + QUIET_HU).view(-1, 1, 1)
    difference = nnf.avg_pool2d(nnf.pad((x[:, middle] - target)[:, None], (3, 3, 3, 3), mode="reflect"), 7, 1)[:, 0]
    agrees = (difference.abs() < AGREEMENT * noise_sd.view(-1, 1, 1) * 0.3).float()
    return (agrees * ((made - target) / scale) ** 2).sum() / agrees.sum().clamp_min(1.0)
