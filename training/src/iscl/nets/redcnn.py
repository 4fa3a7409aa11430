"""RED-CNN (Chen et al., IEEE TMI 2017), the supervised comparator, at its published size (1.85 M parameters)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as nnf

from .ct import HU_MAX, HU_MIN, HU_SCALE


class RedCnn(nn.Module):
    """Five 5x5 convolutions, five 5x5 transposed ones, three shortcuts; HU in, HU out, any H and W.

    The published net uses valid convolutions on 55x55 patches; padding 2 keeps the size here, so that slices keep it too.
    """

    def __init__(self, channels: int = 96) -> None:
        super().__init__()
        self.encode = nn.ModuleList(
            [nn.Conv2d(1 if i == 0 else channels, channels, 5, padding=2) for i in range(5)]
        )
        self.decode = nn.ModuleList(
            [nn.ConvTranspose2d(channels, 1 if i == 4 else channels, 5, padding=2) for i in range(5)]
        )
        for parameter in self.decode[4].parameters():
            nn.init.zeros_(parameter)

    def forward(self, hu: Tensor) -> Tensor:
        image = hu.clamp(HU_MIN, HU_MAX) * (1.0 / HU_SCALE)
        x, shortcuts = image, []
        for index, layer in enumerate(self.encode):
            x = nnf.relu(layer(x))
            if index in (1, 3):
                shortcuts.append(x)
        for index, layer in enumerate(self.decode[:4]):
            x = layer(x)
            if index in (0, 2):
                x = x + shortcuts.pop()
            x = nnf.relu(x)
        # The last shortcut is the image; without the published final ReLU, because HU are signed.
        return hu + self.decode[4](x) * HU_SCALE
