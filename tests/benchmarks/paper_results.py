"""What the paper's experiment found, cell by cell, as it is kept in results/."""

from pathlib import Path

from pydantic import BaseModel

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9)
CRITERIA = {
    "l1": "L1",
    "cluster-paper": "cluster, paper preset",
    "cluster": "cluster, recommended",
    "random": "random",
    "global": "L1, global scope",
}


class Setting(BaseModel):
    """What is the same for all cells, in words."""

    network: str
    training: str
    device: str


class Row(BaseModel):
    """One network pruned to a level by a criterion, and retrained."""

    seed: int
    level: float
    criterion: str
    source: dict[str, float]
    pruned: dict[str, float]
    retrained: dict[str, float]
    parameters: int
    macs: int
    predicted_ms: float


class Table(BaseModel):
    """All cells of one data set."""

    setting: Setting
    rows: list[Row] = []

    def at(self, level: float, criterion: str) -> list[Row]:
        """Return a cell's rows, one for each seed."""
        return [row for row in self.rows if (row.level, row.criterion) == (level, criterion)]


def read_table(path: Path) -> Table:
    """Read what is kept."""
    return Table.model_validate_json(path.read_text("utf-8"))


def keep_table(table: BaseModel, path: Path) -> None:
    """Write it down again, with what was added."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(table.model_dump_json(indent=1) + "\n", "utf-8")
