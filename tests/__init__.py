"""The tests. This file lets them import their shared helpers as `tests.support`."""
