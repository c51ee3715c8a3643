"""Allocation: how many filters of each channel group stay, under one level or under one budget."""

from compiler.analysis.allocation.allocate import Allocation, Bounds, Limits, Shared, Weights, allocate
from compiler.analysis.allocation.counts import Count, count_at, rounded_layers, unit_step
from compiler.analysis.allocation.faults import check_scope
from compiler.analysis.allocation.goal import Goal
from compiler.analysis.allocation.record import record
from compiler.analysis.allocation.rounds import goal_on_the_way, sizes_at_start
from compiler.analysis.allocation.weigh import samples_for, weigh

__all__ = [
    "Allocation",
    "Bounds",
    "Count",
    "Goal",
    "Limits",
    "Shared",
    "Weights",
    "allocate",
    "check_scope",
    "count_at",
    "goal_on_the_way",
    "record",
    "rounded_layers",
    "samples_for",
    "sizes_at_start",
    "unit_step",
    "weigh",
]
