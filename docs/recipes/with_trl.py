"""pass@k training and position shaping in TRL: advantages replaced in a subclass of its GRPO trainer.

Runs as it is, in half a minute without a GPU, on a model of 3 000 parameters made here: nothing is downloaded.
"""

import json
import tempfile

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

from thermodiff.exploration import pass_at_k_advantage, position_shaped_advantage


# --- the recipe ---
class PassAtKTrainer(GRPOTrainer):
    """GRPO with the advantages of pass@k, late tokens weighed a little more where alpha > 0."""

    k, alpha = 2, 0.0

    def _calculate_rewards(self, *args):
        self.all_rewards = super()._calculate_rewards(*args)  # (rollouts of all processes, reward functions)
        return self.all_rewards

    def _generate_and_score_completions(self, inputs):
        batch = super()._generate_and_score_completions(inputs)
        G = self.num_generations if self.model.training else self.num_generations_eval
        rewards = (self.all_rewards * self.reward_weights.to(self.all_rewards.device)).nansum(dim=1)
        correct = (rewards.reshape(-1, G) > 0.5) * 1.0
        advantages = pass_at_k_advantage(correct, self.k).reshape(-1)
        mine = len(inputs) * self.accelerator.process_index
        advantages = advantages[mine : mine + len(inputs)]
        if self.alpha > 0:  # one a token, (rollouts, tokens); TRL takes either
            mask = batch["completion_mask"] != 0
            advantages = position_shaped_advantage(advantages, mask, self.alpha)
        batch["advantages"] = advantages
        return batch


# --- something to try it on ---
WORDS = ["<pad>", "<eos>", "<unk>", *"0123456789"]


def tiny_tokenizer():
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


def tiny_model():
    torch.manual_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(WORDS), max_position_embeddings=32, **size, **ids))


def says_seven(completions, **_):
    return [1.0 if "7" in completion else 0.0 for completion in completions]


def train(alpha):
    """One line for each step: rewards and advantages of each group, largest change of a parameter so far."""
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            use_cpu=True,
            bf16=False,
            num_generations=8,
            per_device_train_batch_size=16,
            max_completion_length=5,
            max_steps=3,
            learning_rate=1e-2,
            epsilon_high=0.28,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            seed=0,
        )
        trainer = PassAtKTrainer(
            model=tiny_model(),
            reward_funcs=says_seven,
            args=config,
            train_dataset=Dataset.from_list([{"prompt": f"{a} {b}"} for a in range(4) for b in range(4)]),
            processing_class=tiny_tokenizer(),
        )
        trainer.alpha = alpha
        before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
        kept, score = [], trainer._generate_and_score_completions
        trainer._generate_and_score_completions = lambda inputs: kept.append(score(inputs)) or kept[-1]
        rewards, calculate = [], trainer._calculate_rewards
        trainer._calculate_rewards = lambda *args: rewards.append(calculate(*args)) or rewards[-1]
        trainer.train()
        moved = max(float((p - before[name]).abs().max()) for name, p in trainer.model.named_parameters())
        for r, batch in zip(rewards, kept, strict=True):
            line = {
                "rewards": r[:, 0].reshape(-1, 8).tolist(),
                "advantages": batch["advantages"].tolist(),
                "mask": batch["completion_mask"].tolist(),
                "moved": moved,
            }
            print(json.dumps(line))


if __name__ == "__main__":
    train(alpha=0.0)
    train(alpha=0.1)
