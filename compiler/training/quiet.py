"""A watcher that shows nothing."""

from compiler.training.setup import EpochLine


class Quiet:
    """Takes note of nothing."""

    def begin(self, epochs: int, batches: int, done: int, note: str) -> None:
        """Ignore the beginning."""

    def batch(self, epoch: int, number: int, loss: float) -> None:
        """Ignore a batch."""

    def epoch(self, line: EpochLine) -> None:
        """Ignore an epoch."""

    def end(self) -> None:
        """Ignore the end."""
