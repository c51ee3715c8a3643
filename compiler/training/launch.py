"""Which of several processes this is, as torchrun tells each of them. No torch here."""

import os


def world_size() -> int:
    """Count the processes that were started together; 1 for a build by itself.

    torchrun speaks to its processes through the environment; nothing else in the compiler reads it.
    """
    return int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def is_leader() -> bool:
    """Tell whether this process writes the artifact: the first of those started together, or the only one."""
    return world_size() == 1 or os.environ.get("RANK", "0") == "0"
