"""Carries exam results from the board to those who may see them, every night, and loses none."""

__version__ = "0.1.0"
