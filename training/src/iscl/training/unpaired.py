"""ISCL runs: the published networks, or the ct networks, on unpaired patients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data import CLEAN_LIMIT_HU
from ..nets import CtDenoiser, PaperHuDenoiser, build, hu_to_unit
from ..nets.ct import NOISE_SCALE
from . import checkpoint
from .config import ConfigError, TrainConfig
from .iscl_step import Optimizers, Players, iscl_step
from .optim import Ema, Lookahead, linear_lr, parameters, set_lr
from .pairs import PairsError, PairSlice
from .patches import PatchSampler
from .run import half_precision
from .supervised import pair_loss
from .validation import cases, validate


class UnpairedSampler:
    """Noisy and clean patches of different patients, [N, 1, S, S] in HU.

    Clean: slices of clean-side patients as they are. Noisy: real noisy slices, and simulated low dose of noisy-side
    patients, in the share `real_share`.
    """

    def __init__(self, config: TrainConfig, pairs: list[PairSlice], real: list[PairSlice]) -> None:
        clean = [pair for pair in pairs if pair.domain == "clean" and pair.noise_sd < CLEAN_LIMIT_HU]
        simulated = [pair for pair in pairs if pair.domain == "noisy" and len(pair.noise)]
        real = [pair for pair in real if pair.domain == "noisy"]
        if not clean:
            raise PairsError("the clean set is empty: no slice of a clean-side patient is under the noise limit")
        if not simulated and not real:
            raise PairsError("the noisy set is empty: there is no noisy-side patient")
        shared = {p.patient for p in clean} & {p.patient for p in simulated + real}
        if shared:
            raise PairsError(f"these patients are on both sides: {', '.join(sorted(shared))}")
        self.real_share = 0.0 if not real else 1.0 if not simulated else config.iscl.real_share
        # Textures have to stay as scanned: the discriminators compare them.
        plain = replace(config.patches, zoom=0.0, lesions=0.0, recoloured=0.0, mixed_kernels=0.0, nearly_clean=0.0)
        single = replace(plain, batch=1)
        self.batch_size = config.patches.batch
        self.clean = PatchSampler(clean, plain, config.seed + 1)
        self.simulated = PatchSampler(simulated, single, config.seed + 2) if simulated else None
        self.real = PatchSampler(real, single, config.seed + 3) if real else None
        self.rng = np.random.default_rng(config.seed + 4)

    def batch(self) -> tuple[Tensor, Tensor]:
        noisy = []
        for _ in range(self.batch_size):
            if self.real is not None and self.rng.random() < self.real_share:
                noisy.append(self.real.plain())
            else:
                assert self.simulated is not None
                noisy.append(self.simulated.batch()[0])
        return torch.cat(noisy), self.clean.plain()

    def state(self) -> dict[str, Any]:
        parts = {"clean": self.clean, "simulated": self.simulated, "real": self.real}
        return {
            "mix": dict(self.rng.bit_generator.state),
            **{name: part.state() for name, part in parts.items() if part is not None},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state["mix"]
        for name, part in (("clean", self.clean), ("simulated", self.simulated), ("real", self.real)):
            if part is not None:
                part.set_state(state[name])


class IsclTrainer:
    """The published update order; with the ct networks also an anchor of simulated pairs, if asked for."""

    def __init__(
        self, config: TrainConfig, pairs: list[PairSlice], real: list[PairSlice], validation: list[PairSlice]
    ) -> None:
        self.config = config
        self.paper = config.iscl.networks == "paper"
        self.device = torch.device(config.device)
        self.half_precision = half_precision(config)
        if self.paper:
            if config.start_from or config.iscl.anchor_weight:
                raise ConfigError("start_from and iscl.anchor_weight belong to the ct networks; the paper trains from scratch")
            self.kinds = {"denoiser": "paper-generator", "generator": "paper-generator", "extractor": "paper-extractor",
                          "judge_noisy": "paper-discriminator", "judge_clean": "paper-discriminator"}
        else:
            self.kinds = {"denoiser": config.network, "generator": "ct-generator", "extractor": config.network,
                          "judge_noisy": "texture-discriminator", "judge_clean": "texture-discriminator"}
        if not self.paper and not isinstance(build(config.network), CtDenoiser):
            raise ConfigError(f"network {config.network} cannot be F and H of the ct networks: it gives no noise map")
        nets: dict[str, nn.Module] = {
            name: build(kind).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not declare this form
            for name, kind in self.kinds.items()
        }
        if config.start_from:
            start = checkpoint.start_weights(Path(config.start_from), config.network)
            nets["denoiser"].load_state_dict(start)
            nets["extractor"].load_state_dict(start)
        self.players = self._players(nets)
        self.ema = {
            name: Ema(nets[name], build(self.kinds[name]).to(self.device), config.ema) for name in ("denoiser", "extractor")
        }
        judge_lr = config.iscl.discriminator_lr or config.lr
        self.peak = {"discriminators": judge_lr, "translators": config.lr, "extractor": config.lr}
        p = self.players
        # RAdam's first steps are plain momentum steps, far too long for losses in HU: the ct networks take Adam.
        rule = torch.optim.RAdam if self.paper else torch.optim.Adam
        betas = (0.9, 0.999) if self.paper else (0.5, 0.99)
        self.optimizers = Optimizers(
            discriminators=Lookahead(rule(list(parameters(p.judge_noisy, p.judge_clean)), judge_lr, betas)),
            translators=rule(list(parameters(p.denoiser, p.generator)), config.lr, betas),
            extractor=Lookahead(rule(list(parameters(p.extractor)), config.lr, betas)),
        )
        self.sampler = UnpairedSampler(config, pairs, real)
        self.anchor_sampler = PatchSampler([s for s in pairs if len(s.noise)], config.patches, config.seed + 5)
        self.cases = cases(validation, config.validation_slices)

    def _players(self, nets: dict[str, nn.Module]) -> Players:
        denoiser, generator, extractor = nets["denoiser"], nets["generator"], nets["extractor"]
        bypassed = not self.config.iscl.use_extractor
        if self.paper:
            return Players(
                **nets,  # type: ignore[arg-type]  # the names of the networks, never `unit`
                add_noise=lambda y, seed: generator(y),
                extract=(lambda x: x - denoiser(x)) if bypassed else extractor,
            )
        noise_map = denoiser if bypassed else extractor
        assert isinstance(noise_map, CtDenoiser)
        return Players(
            **nets,
            add_noise=generator,
            extract=noise_map.noise,
            unit=NOISE_SCALE,
        )

    def step(self, iteration: int) -> dict[str, float]:
        config, iscl = self.config, self.config.iscl
        for name, peak in self.peak.items():
            set_lr(getattr(self.optimizers, name), linear_lr(peak, iteration, config.iterations, iscl.decay))
        x, y = (batch.to(self.device) for batch in self.sampler.batch())
        if self.paper:
            x, y = hu_to_unit(x), hu_to_unit(y)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half_precision):
            values = iscl_step(
                self.players, iscl, self.optimizers, x, y, self._anchor if iscl.anchor_weight else None,
                leading=iteration < iscl.discriminator_lead,
            )
        for name, ema in self.ema.items():
            ema.update(self.players.named()[name])
        return values

    def _anchor(self) -> Tensor:
        noisy, clean, edges, share = (part.to(self.device) for part in self.anchor_sampler.batch_with_edges())
        return pair_loss(self.players.denoiser, noisy, clean, edges, share, self.config.edge_weight)[0]

    def state(self) -> dict[str, Any]:
        return {
            "nets": {name: net.state_dict() for name, net in self.players.named().items()},
            "ema": {name: ema.net.state_dict() for name, ema in self.ema.items()},
            "kinds": self.kinds,
            "optimizers": {name: getattr(self.optimizers, name).state_dict() for name in self.peak},
            "ema_steps": {name: ema.steps for name, ema in self.ema.items()},
            "sampler": self.sampler.state(),
            "anchor_sampler": self.anchor_sampler.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        for name, net in self.players.named().items():
            net.load_state_dict(state["nets"][name])
        for name, ema in self.ema.items():
            ema.net.load_state_dict(state["ema"][name])
            ema.steps = state["ema_steps"][name]
        for name in self.peak:
            getattr(self.optimizers, name).load_state_dict(state["optimizers"][name])
        self.sampler.set_state(state["sampler"])
        self.anchor_sampler.set_state(state["anchor_sampler"])

    def validate(self) -> dict[str, float]:
        """F alone and x - H(x), by their averaged weights."""
        averaged = {}
        for name in ("denoiser", "extractor"):
            net = build(self.kinds[name])
            net.load_state_dict({key: value.cpu() for key, value in self.ema[name].net.state_dict().items()})
            averaged[name] = net
        figures = validate(self._to_hu(averaged, 1.0), self.cases)
        if self.config.iscl.use_extractor:
            figures |= {f"h_{key}": value for key, value in validate(self._to_hu(averaged, 0.0), self.cases).items()}
        return figures

    def _to_hu(self, nets: dict[str, nn.Module], gamma: float) -> nn.Module:
        if self.paper:
            return PaperHuDenoiser(nets["denoiser"], nets["extractor"], gamma)
        return nets["denoiser"] if gamma == 1.0 else nets["extractor"]
