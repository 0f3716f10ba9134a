"""pass@k training in verl: an advantage estimator of ours in its registry, named as ``algorithm.adv_estimator``.

verl imports this file in each of its processes where VERL_USE_EXTERNAL_MODULES names it. Run by itself it hands a batch
to verl's own ``compute_advantage``; a training needs a GPU and a server of rollouts, and was not run.
"""

import json

import numpy as np
import torch
from verl.trainer.ppo.core_algos import register_adv_est

from thermodiff.exploration import pass_at_k_advantage


# --- the recipe ---
@register_adv_est("pass_at_2")
def pass_at_2(token_level_rewards, response_mask, index, config=None, **_):
    """One advantage a rollout, on each of its tokens; ``index`` names the problem of each row, in any order."""
    correct = (token_level_rewards.sum(dim=-1) > 0.5) * 1.0
    advantages = torch.zeros_like(correct)
    for problem in np.unique(index):
        rows = torch.as_tensor(index == problem)
        advantages[rows] = pass_at_k_advantage(correct[rows], 2)
    advantages = advantages[:, None] * response_mask
    return advantages, advantages


# --- something to try it on ---
def compute(rewards, problems, lengths):
    """What verl makes of rollouts with these rewards (on their last token), problems and lengths: advantages."""
    from verl import DataProto
    from verl.trainer.ppo.ray_trainer import compute_advantage

    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    scores = torch.zeros(mask.shape)
    scores[torch.arange(len(lengths)), torch.tensor(lengths) - 1] = torch.tensor(rewards)
    batch = DataProto.from_dict(
        tensors={"token_level_rewards": scores, "response_mask": mask.to(torch.int64)},
        non_tensors={"uid": np.array(problems, dtype=object)},
    )
    return compute_advantage(batch, adv_estimator="pass_at_2", config={}).batch["advantages"]


if __name__ == "__main__":
    rewards, problems, lengths = [1.0, 0, 0, 1, 0, 0, 1, 0], list("abababab"), [1, 2, 3, 4, 4, 3, 2, 1]
    answer = compute(rewards, problems, lengths)
    print(
        json.dumps(
            {"rewards": rewards, "problems": problems, "lengths": lengths, "advantages": answer.tolist()}
        )
    )
