"""Claims on the bound of arXiv 2510.06174 and on trained scores."""
