"""Whatever stands in a recipe, loading it succeeds or tells the user why: nothing else is ever raised."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostic import CompressError
from compiler.recipe import load_recipe
from compiler.rendering import FORMATS, render

VALID = (Path(__file__).parents[2] / "golden/recipes/valid/barn_camera.yaml").read_text()
LINES = VALID.replace("extends: base/detector.yaml\n", "").splitlines()
WORDS = [
    "no",
    "~",
    "[]",
    "{}",
    "- ",
    ": ",
    "\t",
    "&a ",
    "*a",
    "!!int ",
    "'",
    '"',
    "<<",
    ".nan",
    "-1",
    "1e9",
    "\x85",
    "é",
    "#",
    "|",
    "?",
]
YAMLISH = st.text(st.sampled_from("ab:-[]{}&*!|>'\"%@`#,?0123.~ \n\t\0\ud800é\u2028"), max_size=60)


@contextmanager
def recipe_file(data: bytes) -> Generator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_bytes(data)
        yield path


def load_and_render(data: bytes, *sets: str) -> None:
    with recipe_file(data) as path:
        try:
            load_recipe(path, sets)
        except CompressError as fault:
            assert fault.diagnostics
            for fmt in FORMATS:
                assert "\x1b" not in render(fault.diagnostics, fmt)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=80), YAMLISH.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_arbitrary_bytes_load_or_are_explained(data: bytes) -> None:
    load_and_render(data)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_mutated_recipe_loads_or_is_explained(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(lines) - 1))
        column = data.draw(st.integers(0, len(lines[place])))
        length = data.draw(st.integers(0, 8))
        insert = data.draw(st.one_of(st.sampled_from(WORDS), YAMLISH))
        lines[place] = lines[place][:column] + insert + lines[place][column + length :]
    load_and_render("\n".join(lines).encode("utf-8", "surrogatepass"))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["passes", "0", "1", "model", "inputs", "fp16", "level-prune", "budget", "x", '"a.b"', ""])
    ),
    st.one_of(st.sampled_from(WORDS), YAMLISH),
)
def test_any_setting_applies_or_is_explained(keys: list[str], value: str) -> None:
    load_and_render("\n".join(LINES).encode(), ".".join(keys) + "=" + value)
