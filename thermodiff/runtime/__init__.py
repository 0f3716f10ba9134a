"""The machine: devices, compiled programs, files, records, progress. Knows no mathematics.

May import validation, types.
"""
