"""Policies trained once and read by all experiments: problems, texts, recipes, and what is measured of each."""
