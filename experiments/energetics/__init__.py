"""What a sample costs: speed against accuracy, energy against time."""
