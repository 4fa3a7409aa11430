"""The losses of ISCL (Lee and Jeong, IEEE TMI 2021), as functions of what the networks made.

x: noisy image, y: clean image of another patient. All arguments are of one shape; |.| is the mean absolute error.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as nnf


def discriminator_loss(
    noisy_real: Tensor, noisy_fake: Tensor, clean_real: Tensor, clean_fake: Tensor, fake_margin: float = 0.0
) -> Tensor:
    """Hinge: E relu(1-D_X(x)) + E relu(m+D_X(G(y))) + E relu(1-D_Y(y)) + E relu(m+D_Y(F(x))); the paper's m is 0.

    The arguments are the logits D_X(x), D_X(G(y)), D_Y(y), D_Y(F(x)).
    """
    return (
        nnf.relu(1.0 - noisy_real).mean() + nnf.relu(fake_margin + noisy_fake).mean()
        + nnf.relu(1.0 - clean_real).mean() + nnf.relu(fake_margin + clean_fake).mean()
    )


def boosting_loss(noisy_extracted: Tensor, clean_extracted: Tensor, fake_margin: float = 0.0) -> Tensor:
    """E relu(m+D_X(y + H(x))) + E relu(m+D_Y(x - H(x))): the noise extractor's products are fakes too. Arguments are
    logits."""
    return nnf.relu(fake_margin + noisy_extracted).mean() + nnf.relu(fake_margin + clean_extracted).mean()


def adversarial_loss(noisy_fake: Tensor, clean_fake: Tensor) -> Tensor:
    """-E D_X(G(y)) - E D_Y(F(x)). Arguments are logits."""
    return -noisy_fake.mean() - clean_fake.mean()


def cycle_loss(noisy: Tensor, noisy_again: Tensor, clean: Tensor, clean_again: Tensor) -> Tensor:
    """|x - G(F(x))| + |y - F(G(y))|."""
    return nnf.l1_loss(noisy_again, noisy) + nnf.l1_loss(clean_again, clean)


def bypass_loss(denoised: Tensor, noise_removed: Tensor, clean: Tensor, denoised_again: Tensor) -> Tensor:
    """Bypass consistency |F(x) - (x - H(x))| + |y - F(y + H(x))|."""
    return nnf.l1_loss(denoised, noise_removed) + nnf.l1_loss(denoised_again, clean)


def extractor_loss(noise: Tensor, pseudo_noise: Tensor, noise_of_fake: Tensor, noise_added: Tensor) -> Tensor:
    """Pseudo noise label |H(x) - (x - F(x))| and noise consistency |(G(y) - y) - H(G(y))|."""
    return nnf.l1_loss(noise, pseudo_noise) + nnf.l1_loss(noise_of_fake, noise_added)
