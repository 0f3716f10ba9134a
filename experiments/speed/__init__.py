"""How fast, how large: benchmark, growth, crossovers."""
