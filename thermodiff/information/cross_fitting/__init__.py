"""Every row judged by networks that never saw it.

May import training, scores, processes and what these may.
"""
