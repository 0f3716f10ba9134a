"""Claims about single paths: the reverse SDE's likelihood, fluctuation theorems, what steps cost."""
