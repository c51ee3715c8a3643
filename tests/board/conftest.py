"""What the tests of the board share: the tools, or the words for what is missing."""

import pytest

from targets.emitters.acl.tools import Tools, find_tools, missing_tools


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Find the cross-compiler, the emulator and the library; without them the tests that need them are skipped."""
    found = find_tools()
    if found is None:
        pytest.skip(f"missing for the RK3399: {'; '.join(missing_tools())}")
    return found
