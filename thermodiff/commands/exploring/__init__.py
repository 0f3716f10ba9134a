"""What ``thermodiff explore`` reads, measures, says and draws.

May import every room.
"""
