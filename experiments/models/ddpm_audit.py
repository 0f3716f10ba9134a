"""What the DDPM of ``ddpm_train`` costs and how likely it holds the data, in five lines.

python -m experiments.models.ddpm_audit results/ddpm.pt
"""

import sys

import jax
import torch

import thermodiff as td
from experiments.models.ddpm_train import BETAS, NoisePredictor


def audit(net, **options):
    process = td.TabulatedProcess.from_betas(BETAS)
    score = td.score_from_noise_prediction(td.torch_model(net), process)
    return td.audit(jax.random.key(0), score, process, td.two_moons(noise=0.1), **options)


if __name__ == "__main__":
    net = NoisePredictor().eval()
    net.load_state_dict(torch.load(sys.argv[1], weights_only=True))
    print(audit(net, progress=True))
