"""The processes of section 2's table, built when asked for so that their numbers have the precision of the test."""

import thermodiff as td


def process(name):
    return {
        "VE25": lambda: td.VarianceExploding(25.0),
        "VE10": lambda: td.VarianceExploding(10.0),
        "VP20": lambda: td.VariancePreserving(0.1, 20.0),
        "cosine": lambda: td.CosineVariancePreserving(0.01),
    }[name]()
