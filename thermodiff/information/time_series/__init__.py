"""Information between series in time: rows that depend on one another.

May import what information may.
"""
