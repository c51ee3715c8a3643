"""Do the same to many items at once, on all cores, where that is safe and worth it."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WORTH_IT = 3
"""From so many items on another process saves more time than it takes to start."""

_WITH_THREADS = ("torch", "onnxruntime")
"""Libraries whose threads a forked process would lack and wait for without end."""


def each(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Apply a function to every item and keep the order.

    The function, the items and the results must pickle. Forked processes take turns where there are several cores and
    nothing was imported that does not bear it; otherwise all is done here. Raises what the function raises.
    """
    workers = min(len(items), cores())
    if workers < 2 or len(items) < _WORTH_IT or not _can_fork():
        return [work(item) for item in items]
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(workers, get_context("fork"), initializer=_leave_interrupts_alone)
    try:
        return list(pool.map(work, items))
    except BrokenProcessPool:  # the system ended one, short of memory perhaps: one at a time needs least
        return [work(item) for item in items]
    finally:
        pool.shutdown(cancel_futures=True)


def _can_fork() -> bool:
    """Tell whether this process may be copied; elsewhere than on Linux the system's own libraries may not bear it."""
    return sys.platform == "linux" and not any(name in sys.modules for name in _WITH_THREADS)


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _leave_interrupts_alone() -> None:
    """Let the first process alone answer Ctrl-C, else each would print a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
