"""Recipes that load: values, places, extends, --set, paths and options."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from compiler.diagnostic import CompressError
from compiler.recipe import LoadedRecipe, load_recipe

VALID = Path(__file__).parents[2] / "golden" / "recipes" / "valid"
SMALL = "version: 1\nproduct: barn\nmodel: {onnx: net.onnx}\n"


class Prune(BaseModel):
    """Stands for the options of a pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: float = Field(ge=0, lt=1)
    only: tuple[str, ...] = ()


def write(folder: Path, text: str, name: str = "recipe.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load(folder: Path, text: str, *sets: str) -> LoadedRecipe:
    return load_recipe(write(folder, SMALL + text), sets)


def test_every_key_of_the_interface_is_read() -> None:
    recipe = load_recipe(VALID / "barn_camera.yaml").recipe
    assert (recipe.product, recipe.target, recipe.seed) == ("barn-camera", ("tx2",), 7)
    assert recipe.budget.parameters == 600_000
    assert [step.name for step in recipe.passes] == ["level-prune", "finetune", "fp16"]
    assert recipe.passes[1].options["learning_rate"] == "0.1x"
    assert recipe.data.calibration is not None
    assert recipe.data.calibration.limit == 64
    assert recipe.evaluate is not None
    assert recipe.allow[0].because == "measured on the board: faster"


def test_each_value_and_key_has_its_place() -> None:
    loaded = load_recipe(VALID / "barn_camera.yaml")
    assert str(loaded.at("passes", 0, "level-prune", "level")).endswith("barn_camera.yaml:19:26")
    assert str(loaded.key_at("passes", 0, "level-prune", "level")).endswith("barn_camera.yaml:19:19")
    assert str(loaded.step_at(("passes", 0), "level-prune")).endswith("barn_camera.yaml:19:5")
    assert loaded.at("passes", 9) is None
    assert loaded.text_at("model", "checkpoint") == "weights/barn.pt"


def test_later_values_win_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    base = "version: 1\nproduct: base\nbudget: {latency_ms: 9, parameters: 5}\npasses: [ptq, fp16]\nseed: 3\n"
    write(tmp_path, base, "base/base.yaml")
    loaded = load(tmp_path, "extends: base/base.yaml\nbudget: {latency_ms: 4}\npasses: [fp16]\n")
    assert loaded.recipe.product == "barn"
    assert (loaded.recipe.budget.latency_ms, loaded.recipe.budget.parameters, loaded.recipe.seed) == (4, 5, 3)
    assert [step.name for step in loaded.recipe.passes] == ["fp16"]
    assert [source.name for source in loaded.sources] == ["recipe.yaml", "base.yaml"]
    assert str(loaded.at("seed")) == f"{tmp_path}/base/base.yaml:5:7"


def test_path_counts_from_the_file_that_says_it(tmp_path: Path) -> None:
    write(tmp_path, "model: {onnx: nets/net.onnx}\ndata: {calibration: {images: calib}}\n", "base/base.yaml")
    text = "version: 1\nproduct: barn\nextends: base/base.yaml\ndata: {calibration: {coco: labels.json}}\n"
    recipe = load_recipe(write(tmp_path, text)).recipe
    assert recipe.model.onnx == tmp_path / "base/nets/net.onnx"
    assert recipe.data.calibration is not None
    assert recipe.data.calibration.images == tmp_path / "base/calib"
    assert recipe.data.calibration.coco == tmp_path / "labels.json"


@pytest.mark.parametrize("given", ["my-board.yaml", "[tx2, my-board.yaml]"])
def test_own_profile_counts_from_the_recipe_and_a_name_stays(tmp_path: Path, given: str) -> None:
    path = write(tmp_path, f"version: 1\nproduct: p\nmodel: {{onnx: m.onnx}}\ntarget: {given}\n")
    assert load_recipe(path).recipe.target == (*(("tx2",) if "tx2" in given else ()), str(tmp_path / "my-board.yaml"))
    assert load_recipe(path, ("target=tx2",)).recipe.target == ("tx2",)
    assert load_recipe(path, ("target=my-board.yaml",)).recipe.target == (str(Path.cwd() / "my-board.yaml"),)


def test_torch_file_becomes_absolute_and_a_module_stays(tmp_path: Path) -> None:
    inputs = "inputs: {images: [1, 3, 8, 8]}"
    start = "version: 1\nproduct: barn\n"
    by_file = load_recipe(write(tmp_path, f"{start}model: {{torch: 'nets/../net.py:build', {inputs}}}"))
    assert by_file.recipe.model.torch == f"{tmp_path}/net.py:build"
    by_module = load_recipe(write(tmp_path, f"{start}model: {{torch: 'nets.tiny:build', {inputs}}}"))
    assert by_module.recipe.model.torch == "nets.tiny:build"


def test_null_drops_what_the_base_says(tmp_path: Path) -> None:
    base = "model: {torch: 'a:b', args: {n: 1}, inputs: {x: [1]}}\ndata: {train: {images: t}}\n"
    write(tmp_path, base, "base.yaml")
    text = "version: 1\nproduct: barn\nextends: base.yaml\n"
    text += "model: {torch: null, args: null, onnx: net.onnx}\ndata: {train: null}\n"
    recipe = load_recipe(write(tmp_path, text)).recipe
    assert (recipe.model.torch, recipe.model.args, recipe.data.train) == (None, {}, None)


def test_blank_sections_say_nothing(tmp_path: Path) -> None:
    recipe = load(tmp_path, "data:\n  # calibration: {images: calib}\nbudget:\npasses:\nallow:\n").recipe
    assert (recipe.passes, recipe.allow, recipe.data.train) == ((), (), None)


def test_pass_may_stand_alone_or_with_blank_options(tmp_path: Path) -> None:
    recipe = load(tmp_path, "passes:\n  - fp16\n  - ptq:\n  - level-prune: {level: 0.5}\n").recipe
    assert [step.options for step in recipe.passes] == [{}, {}, {"level": 0.5}]


def test_options_of_a_pass_are_read_with_their_places(tmp_path: Path) -> None:
    loaded = load(tmp_path, "passes:\n  - level-prune: {level: 0.5, only: [stem]}\n  - level-prune: {levle: 2}\n")
    assert loaded.read_options(("passes", 0), "level-prune", Prune) == Prune(level=0.5, only=("stem",))
    with pytest.raises(CompressError) as caught:
        loaded.read_options(("passes", 1), "level-prune", Prune)
    assert [(item.code.id, item.help) for item in caught.value.diagnostics] == [
        ("R005", "add `level: ...`"),
        ("R003", "did you mean level?"),
    ]
    assert str(caught.value.diagnostics[1].span) == f"{tmp_path}/recipe.yaml:6:19"


def test_bare_pass_that_needs_an_option_is_told_at_its_name(tmp_path: Path) -> None:
    loaded = load(tmp_path, "passes: [level-prune]\n")
    with pytest.raises(CompressError) as caught:
        loaded.read_options(("passes", 0), "level-prune", Prune)
    (finding,) = caught.value.diagnostics
    assert finding.message == "`level` is missing in `level-prune`"
    assert str(finding.span) == f"{tmp_path}/recipe.yaml:4:10"


def test_set_replaces_adds_and_reaches_into_lists(tmp_path: Path) -> None:
    sets = ("passes.0.level-prune.level=0.5", "passes.1.ptq.bits=8", "budget.latency_ms=3", "target=[tx2, rk3399]")
    loaded = load(tmp_path, "passes:\n  - level-prune: {level: 0.7}\n  - ptq\n", *sets)
    assert [step.options for step in loaded.recipe.passes] == [{"level": 0.5}, {"bits": 8}]
    assert loaded.recipe.target == ("tx2", "rk3399")
    assert loaded.recipe.budget.latency_ms == 3
    assert str(loaded.at("passes", 0, "level-prune", "level")) == "--set 1:28"


def test_set_takes_quoted_keys_with_dots(tmp_path: Path) -> None:
    loaded = load(tmp_path, "", 'model.inputs."input.1"=[1, 3, 8, 8]')
    assert loaded.recipe.model.inputs == {"input.1": (1, 3, 8, 8)}


def test_file_named_by_set_counts_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert load(tmp_path, "", "model.onnx=other.onnx").recipe.model.onnx == tmp_path / "here" / "other.onnx"


@pytest.mark.parametrize("path", [Path("nowhere.yaml"), Path(), Path("a\0b"), Path("x" * 5000)])
def test_unreadable_recipe_is_a_diagnostic(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CompressError) as caught:
        load_recipe(path)
    assert [item.code.id for item in caught.value.diagnostics] == ["R011"]


def test_same_recipe_loads_to_the_same_value(tmp_path: Path) -> None:
    assert load(tmp_path, "seed: 4\n").recipe == load(tmp_path, "seed: 4\n").recipe
