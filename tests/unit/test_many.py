"""The same done to many items: in order, whatever happens to one of them.

In a process of its own each time, as this one has imported libraries that do not bear being forked.
"""

import subprocess
import sys

import pytest

_SETTING = """
import os
from compiler import many
many.cores = lambda: 3
here = os.getpid()
def squared(number): return number * number
def elsewhere(_): return os.getpid() != here
def at_odds(number): return 10 // number
def dies_elsewhere(number): return number if os.getpid() == here else os._exit(9)
"""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("many.each(squared, range(20)) == [n * n for n in range(20)]", "True"),
        ("all(many.each(elsewhere, range(3)))", "True"),
        ("any(many.each(elsewhere, range(2)))", "False"),
        ("many.each(dies_elsewhere, range(5))", "[0, 1, 2, 3, 4]"),
        ("many.each(at_odds, [1, 2, 0, 5])", "ZeroDivisionError"),
        ("[sys.modules.update(torch=sys), many.each(elsewhere, range(4))][1]", "[False, False, False, False]"),
    ],
)
def test_many_items_are_done_in_order(call: str, said: str) -> None:
    code = f"import sys\n{_SETTING}\ntry:\n    print({call})\nexcept ZeroDivisionError:\n    print('ZeroDivisionError')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == f"{said}\n", done.stderr
