"""A DDPM in plain PyTorch, as tutorials have it: noise prediction, 1000 steps, linear betas, two moons.

python -m experiments.models.ddpm_train results/ddpm.pt
"""

import math
import sys
from pathlib import Path

import torch
from sklearn.datasets import make_moons
from torch import nn

STEPS = 1000
BETAS = torch.linspace(1e-4, 0.02, STEPS)
ALPHAS_CUMPROD = torch.cumprod(1 - BETAS, dim=0)


class TimeEmbedding(nn.Module):
    def __init__(self, width):
        super().__init__()
        half = width // 2
        self.register_buffer("frequencies", torch.exp(-math.log(10_000) * torch.arange(half) / (half - 1)))

    def forward(self, k):
        angles = k[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class NoisePredictor(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.embed = nn.Sequential(TimeEmbedding(width), nn.Linear(width, width), nn.SiLU())
        self.first = nn.Linear(2, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.last = nn.Linear(width, 2)

    def forward(self, x, k):
        h, e = self.first(x), self.embed(k)
        for layer in self.hidden:
            h = h + layer(nn.functional.silu(h + e))
        return self.last(h)


def train(iterations=20_000, batch=512, seed=0):
    torch.manual_seed(seed)
    data = torch.tensor(make_moons(20_000, noise=0.1, random_state=seed)[0], dtype=torch.float32)
    net = NoisePredictor()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations)
    for _ in range(iterations):
        x0 = data[torch.randint(len(data), (batch,))]
        k = torch.randint(STEPS, (batch,))
        eps = torch.randn_like(x0)
        a = ALPHAS_CUMPROD[k, None]
        loss = ((net(a.sqrt() * x0 + (1 - a).sqrt() * eps, k) - eps) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


if __name__ == "__main__":
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    torch.save(train().state_dict(), sys.argv[1])
