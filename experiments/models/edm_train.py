"""A denoiser with the preconditioning of Karras et al. (2022) in plain PyTorch, two moons.

python -m experiments.models.edm_train results/edm.pt
"""

import sys
from pathlib import Path

import torch
from sklearn.datasets import make_moons
from torch import nn

SIGMA_MIN, SIGMA_MAX, SIGMA_DATA = 0.002, 80.0, 0.7
P_MEAN, P_STD = -1.2, 1.2


class Inner(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.first = nn.Linear(3, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.last = nn.Linear(width, 2)

    def forward(self, x, c_noise):
        h = self.first(torch.cat([x, c_noise[:, None]], dim=1))
        for layer in self.hidden:
            h = h + layer(nn.functional.silu(h))
        return self.last(h)


class Preconditioned(nn.Module):
    """D(x; sigma) = c_skip x + c_out F(c_in x; c_noise)."""

    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x, sigma):
        s = sigma[:, None]
        norm = (s**2 + SIGMA_DATA**2).sqrt()
        c_skip, c_out, c_in = SIGMA_DATA**2 / norm**2, s * SIGMA_DATA / norm, 1 / norm
        return c_skip * x + c_out * self.inner(c_in * x, sigma.log() / 4)


def train(iterations=20_000, batch=512, seed=0):
    torch.manual_seed(seed)
    data = torch.tensor(make_moons(20_000, noise=0.1, random_state=seed)[0], dtype=torch.float32)
    net = Preconditioned()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations)
    for _ in range(iterations):
        x0 = data[torch.randint(len(data), (batch,))]
        sigma = (P_MEAN + P_STD * torch.randn(batch)).exp()
        weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
        denoised = net(x0 + sigma[:, None] * torch.randn_like(x0), sigma)
        loss = (weight[:, None] * (denoised - x0) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


if __name__ == "__main__":
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    torch.save(train().state_dict(), sys.argv[1])
