"""Training policies, on texts and by rewards, and exact numbers of what was trained."""
