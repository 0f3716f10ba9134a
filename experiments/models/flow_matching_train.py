"""Flow matching in plain PyTorch: the velocity of a straight line from noise at t = 0 to data at t = 1, two moons.

python -m experiments.models.flow_matching_train results/flow_matching.pt
"""

import sys
from pathlib import Path

import torch
from sklearn.datasets import make_moons
from torch import nn


class Velocity(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.register_buffer("frequencies", torch.pi * torch.arange(1, 9))
        self.first = nn.Linear(2 + 17, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.last = nn.Linear(width, 2)

    def forward(self, x, t):
        angles = t[:, None] * self.frequencies
        h = self.first(torch.cat([x, t[:, None], angles.sin(), angles.cos()], dim=1))
        for layer in self.hidden:
            h = h + layer(nn.functional.silu(h))
        return self.last(h)


def train(iterations=20_000, batch=512, seed=0):
    torch.manual_seed(seed)
    data = torch.tensor(make_moons(20_000, noise=0.1, random_state=seed)[0], dtype=torch.float32)
    net = Velocity()
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations)
    for _ in range(iterations):
        x1 = data[torch.randint(len(data), (batch,))]
        x0 = torch.randn_like(x1)
        t = torch.rand(batch)
        loss = ((net(x0 + t[:, None] * (x1 - x0), t) - (x1 - x0)) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


if __name__ == "__main__":
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    torch.save(train().state_dict(), sys.argv[1])
