"""What accuracy costs in entropy: by stage of a training, by problem, by token.

May import exploration.rollouts, exploration.tokens, validation, types.
"""
