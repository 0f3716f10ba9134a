"""Policies over sequences of tokens: networks, and tables with a logit for every response."""
