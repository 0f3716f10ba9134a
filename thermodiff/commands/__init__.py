"""The command line: options, and for each command what prepares, runs and writes.

May import every room.
"""
