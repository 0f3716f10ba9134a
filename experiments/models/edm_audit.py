"""What the denoiser of ``edm_train`` costs and how likely it holds the data, in five lines.

python -m experiments.models.edm_audit results/edm.pt
"""

import sys

import jax
import torch

import thermodiff as td
from experiments.models.edm_train import SIGMA_MAX, SIGMA_MIN, Preconditioned


def audit(net, **options):
    process = td.EDM(SIGMA_MIN, SIGMA_MAX)
    score = td.score_from_denoiser(td.torch_model(net), process, time=td.NoiseLevel())
    return td.audit(jax.random.key(0), score, process, td.two_moons(noise=0.1), **options)


if __name__ == "__main__":
    net = Preconditioned().eval()
    net.load_state_dict(torch.load(sys.argv[1], weights_only=True))
    print(audit(net, progress=True))
