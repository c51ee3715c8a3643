"""What all tests share: how hypothesis runs, and the option that rewrites golden files."""

import os
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("compress", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("compress")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what passes do into their golden files")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail CI when a test was skipped: CI installs all that the tests need."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped: list[object] = [] if reporter is None else list(reporter.stats.get("skipped", ()))
    if os.environ.get("CI") == "true" and reporter is not None and skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} skipped: in CI every test has to run", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
