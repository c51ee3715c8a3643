"""Allocation: how many filters of each channel group stay, under one level or under one budget."""

from compiler.analysis.allocation.counts import Count, count_at, rounded_layers, unit_step

__all__ = ["Count", "count_at", "rounded_layers", "unit_step"]
