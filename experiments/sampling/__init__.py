"""What samples cost: clocks, samplers and the quality at equal score calls."""
