"""What the guideline's steps do to accuracy, cell by cell, as it is kept in results/tta_rk3399.json."""

from pathlib import Path

from pydantic import BaseModel

STEPS = {
    "none": "the trained network",
    "G1": "G1: MobileNet V2 as backbone",
    "G1 retrained": "G1, retrained",
    "G2": "+ G2: a quarter of the channels before each transposed convolution",
    "G2 retrained": "G1 + G2, retrained",
    "G4": "+ G4: half precision",
    "ours": "the same with transposed convolutions split",
}
RETRAININGS = {
    "teacher": "teacher alone, no label",
    "both": "teacher, and labels of 70 images",
    "few": "labels of 70 images, no teacher",
    "all": "labels of all images, no teacher",
}


class Step(BaseModel):
    """The network after one step."""

    name: str
    accuracy: float
    parameters: int
    macs: int
    executed_macs: int


class Row(BaseModel):
    """One source network taken through the steps, retrained in one way."""

    data: str
    seed: int
    retraining: str
    steps: list[Step]

    def at(self, name: str) -> Step | None:
        """Return the network after a step, if this cell takes it."""
        return next((step for step in self.steps if step.name == name), None)


class Setting(BaseModel):
    """What is the same for all cells of a data set."""

    metric: str
    rule: str
    """When a point counts as found."""
    images: str
    network: str
    training: str
    guess: float
    """What always saying the joints' mean places scores."""


class Table(BaseModel):
    """All cells of both data sets."""

    settings: dict[str, Setting] = {}
    rows: list[Row] = []

    def of(self, data: str, retraining: str) -> list[Row]:
        """Return a cell's rows, one for each seed."""
        return [row for row in self.rows if (row.data, row.retraining) == (data, retraining)]


def read_table(path: Path) -> Table:
    """Read what is kept; nothing yet is an empty table."""
    return Table.model_validate_json(path.read_text("utf-8")) if path.exists() else Table()
