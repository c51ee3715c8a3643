"""What the end-to-end tests share: the quickstart without its retraining, built for both targets, and copies of it.

Retraining takes a minute; `test_finetune.py` and `test_quickstart_retrains.py` look at it.
"""

import shutil
from pathlib import Path

import pytest

from tests.support.commands import RECIPES, compress
from tests.support.quickstart import plain_recipe


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the quickstart; a quarter of the filters goes, which the network can do without being retrained."""
    folder = Path(shutil.copytree(RECIPES / "quickstart", tmp_path_factory.mktemp("plain") / "quickstart"))
    path = folder / "recipe.yaml"
    path.write_text(plain_recipe(path.read_text()))
    return folder


@pytest.fixture(scope="session")
def built(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the quickstart for both targets, and return the folder of both artifacts."""
    out = tmp_path_factory.mktemp("built")
    said = compress("build", plain / "recipe.yaml", "--target", "tx2", "--target", "host", "--out", out)
    assert said.status == 0, said.err
    return out / "quickstart"


@pytest.fixture
def quickstart(plain: Path, tmp_path: Path) -> Path:
    """Copy the quickstart's recipe, model and data."""
    return Path(shutil.copytree(plain, tmp_path / "quickstart"))
