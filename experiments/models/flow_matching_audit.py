"""What the flow of ``flow_matching_train`` costs and how likely it holds the data, in five lines.

python -m experiments.models.flow_matching_audit results/flow_matching.pt
"""

import sys

import jax
import torch

import thermodiff as td
from experiments.models.flow_matching_train import Velocity


def audit(net, **options):
    process = td.LinearInterpolant()
    clock = td.ContinuousTime(noise=0.0, data=1.0)
    score = td.score_from_velocity(td.torch_model(net), process, time=clock)
    return td.audit(jax.random.key(0), score, process, td.two_moons(noise=0.1), **options)


if __name__ == "__main__":
    net = Velocity().eval()
    net.load_state_dict(torch.load(sys.argv[1], weights_only=True))
    print(audit(net, progress=True))
