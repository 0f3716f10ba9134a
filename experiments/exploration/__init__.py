"""Claims on rollouts, pass@k and what lies beyond them."""
