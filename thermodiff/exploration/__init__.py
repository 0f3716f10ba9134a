"""What a policy can reach, and what its entropy buys: rollouts of language models, measured. Starts no JAX."""
