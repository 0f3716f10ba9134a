"""Where the boundary of what a policy can solve lies, and how training moves it.

May import exploration.rollouts, validation, types.
"""
