"""Claims on entropy and information of data."""
