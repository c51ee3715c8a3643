"""What the end-to-end tests share: the quickstart built once for both targets, and a copy of its folder."""

import shutil
from pathlib import Path

import pytest

from tests.support.commands import RECIPES, compress


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the quickstart for both targets, and return the folder of both artifacts."""
    out = tmp_path_factory.mktemp("built")
    said = compress("build", RECIPES / "quickstart/recipe.yaml", "--target", "tx2", "--target", "host", "--out", out)
    assert said.status == 0, said.err
    return out / "quickstart"


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    """Copy the quickstart's recipe, model and data."""
    return Path(shutil.copytree(RECIPES / "quickstart", tmp_path / "quickstart"))
