"""What all tests share: how hypothesis runs, and the option that rewrites golden files."""

import pytest
from hypothesis import settings

settings.register_profile("compress", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("compress")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what passes do into their golden files")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
