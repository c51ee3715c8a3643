"""The last line of defence: an unexpected exception becomes a message that asks for a report, not a traceback."""

import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

_INTERRUPTED = 130
_BUG = 2


def guarded(run: Callable[[], object]) -> None:
    """Run the command line; an interrupt ends it quietly, a bug with a pointer to what a report should hold."""
    try:
        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was left half-written\n")
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the program ends here; nothing goes on
        with tempfile.NamedTemporaryFile("w", prefix="compress-bug-", suffix=".txt", delete=False) as file:
            file.write(traceback.format_exc())
        kind = f"{type(error).__name__}: {error}".splitlines()[0]
        sys.stderr.write(f"error: this is a fault of compress itself: {kind}\n")
        sys.stderr.write(f"  help: report it with the file {Path(file.name)} and the input that led to it\n")
        sys.exit(_BUG)
