"""pass@k beyond the rollouts that there are: bounds that hold, and numbers inside them.

May import exploration.rollouts, validation, types.
"""
