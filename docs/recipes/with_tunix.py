"""pass@k training in tunix: an advantage estimator of ours in its registry, named in the configuration.

Runs as it is, in a minute without a GPU, on a model of 3 000 parameters made here: nothing is downloaded.
"""

import json

import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from tunix.models.qwen3.model import ModelConfig, Qwen3
from tunix.rl import function_registry, rl_cluster
from tunix.rl.grpo.grpo_learner import GRPOConfig, GRPOLearner
from tunix.rl.rollout.base_rollout import RolloutConfig

from thermodiff.exploration import pass_at_k_advantage


# --- the recipe ---
@function_registry.register_advantage_estimator("pass_at_2")
def pass_at_2(rewards, num_generations):
    correct = (rewards.reshape(-1, num_generations) > 0.5) * 1.0
    return pass_at_k_advantage(correct, 2).reshape(-1)


CONFIG = GRPOConfig(advantage_estimator="pass_at_2", num_generations=8, beta=0.0)


# --- something to try it on ---
class Digits:
    """A tokenizer of digits: 0 is padding, 1 begins, 2 ends, digit d is 3 + d."""

    def encode(self, text, **_):
        return [3 + int(digit) for digit in text if digit.isdigit()]

    def decode(self, ids, **_):
        return "".join(str(int(i) - 3) for i in ids if i >= 3)

    def pad_id(self):
        return 0

    def bos_id(self):
        return 1

    def eos_id(self):
        return 2


def says_seven(prompts, completions, **_):
    return np.array([1.0 if "7" in completion else 0.0 for completion in completions])


def tiny_model():
    size = {"num_layers": 1, "embed_dim": 16, "hidden_dim": 16, "num_heads": 2, "head_dim": 8}
    config = ModelConfig(
        vocab_size=13, num_kv_heads=2, rope_theta=10_000, norm_eps=1e-6, use_tied_embedding=True, **size
    )
    return Qwen3(config, rngs=nnx.Rngs(0))


def train(steps=3):
    """One line for each step: rewards and advantages of each group; then the largest change of a parameter."""
    mesh = jax.make_mesh((1, 1), ("fsdp", "tp"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
    role = rl_cluster.Role
    with jax.set_mesh(mesh):
        model = tiny_model()
        before = jax.tree.map(jnp.copy, nnx.state(model, nnx.Param))
        cluster = rl_cluster.RLCluster(
            actor=model,
            tokenizer=Digits(),
            cluster_config=rl_cluster.ClusterConfig(
                role_to_mesh={role.ACTOR: mesh, role.REFERENCE: mesh, role.ROLLOUT: mesh},
                rollout_engine="vanilla",
                offload_to_cpu=False,
                training_config=rl_cluster.RLTrainingConfig(
                    actor_optimizer=optax.adam(1e-2), eval_every_n_steps=1000, max_steps=steps
                ),
                rollout_config=RolloutConfig(
                    max_tokens_to_generate=5, max_prompt_length=4, kv_cache_size=16, temperature=1.0
                ),
            ),
        )

        def shown(rewards, advantages, **_):
            groups = np.asarray(rewards).reshape(-1, 8)
            print(json.dumps({"rewards": groups.tolist(), "advantages": np.asarray(advantages).tolist()}))
            return {}

        learner = GRPOLearner(
            rl_cluster=cluster, reward_fns=says_seven, algo_config=CONFIG, metric_fns=[shown]
        )
        prompts = [f"{a}{b}" for a in range(4) for b in range(4)]
        learner.train(grain.MapDataset.source(prompts).batch(2).map(lambda x: {"prompts": x}))
        after = nnx.state(cluster.actor_trainer.model, nnx.Param)
        change = jax.tree.map(lambda a, b: float(abs(a - b).max()), after, before)
        print(json.dumps({"moved": max(jax.tree.leaves(change))}))


if __name__ == "__main__":
    train()
