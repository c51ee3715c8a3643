"""Losses: how far outputs are from labels, or from a teacher's outputs."""
