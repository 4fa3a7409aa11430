"""Training with pairs of independent noise and with probes."""

from __future__ import annotations

from typing import Any

import torch

from ..nets import CtDenoiser, build
from ..training.optim import Ema, cosine, set_lr
from .config import SlabConfig
from .losses import pair_loss, signal_loss
from .sampler import SlabSampler
from .volume import Volume


class SlabTrainer:
    """One network and its optimiser. `step` takes the progress of the run, 0 to 1, and returns what to log, as tensors."""

    def __init__(self, config: SlabConfig, volumes: list[Volume], device: torch.device, start: dict[str, torch.Tensor] | None = None) -> None:
        self.config, self.device = config, device
        torch.manual_seed(config.seed)
        self.kinds = {"denoiser": f"{config.network}"}
        self.net = self._network()
        if start is not None:
            self.net.load_state_dict(start)
        self.ema = Ema(self.net, self._network(), config.ema)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), config.lr, betas=(0.9, 0.99), weight_decay=1e-4, fused=device.type == "cuda")
        self.sampler = SlabSampler(volumes, config.draw, self.net.shape.inputs, device, config.seed)
        self.half_precision = device.type == "cuda"
        torch.backends.cudnn.benchmark = True

    def _network(self) -> CtDenoiser:
        net = build(self.config.network)
        assert isinstance(net, CtDenoiser)
        return net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not declare this form

    def step(self, iteration: int, progress: float) -> dict[str, torch.Tensor]:
        config = self.config
        set_lr(self.optimizer, config.lr * cosine(progress) * min(1.0, (iteration + 1) / config.warmup))
        drawn = self.sampler.batch()
        probe = self.net.middle(drawn.probe)
        target = self.net.middle(drawn.target)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half_precision):
            both = self.net(torch.cat([drawn.noisy + drawn.probe, drawn.noisy - drawn.probe])).float()
        plus, minus = both.chunk(2)
        pairs = 0.5 * (pair_loss(plus, target + probe, drawn.noise_sd) + pair_loss(minus, target - probe, drawn.noise_sd))
        signal = signal_loss(plus, minus, probe)
        loss = pairs + config.signal_weight * signal
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update(self.net)
        return {"loss": loss.detach(), "pairs": pairs.detach(), "signal": signal.detach()}

    def state(self) -> dict[str, Any]:
        return {
            "nets": {"denoiser": self.net.state_dict()}, "ema": {"denoiser": self.ema.net.state_dict()}, "kinds": self.kinds,
            "optimizer": self.optimizer.state_dict(), "ema_steps": self.ema.steps, "sampler": self.sampler.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from `state`, on any device; on another one the random numbers differ. Of a checkpoint that holds the averaged weights
        alone, those are where it goes on."""
        self.net.load_state_dict(state["nets"].get("denoiser", state["ema"]["denoiser"]))
        self.ema.net.load_state_dict(state["ema"]["denoiser"])
        self.ema.steps = state.get("ema_steps", 10**6)
        if state.get("optimizer"):
            self.optimizer.load_state_dict(state["optimizer"])
        if state.get("sampler"):
            self.sampler.set_state(state["sampler"])
