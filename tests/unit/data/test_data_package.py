"""What the data package promises as a whole: a cheap import, and a manual page behind every code."""

import subprocess
import sys

from compiler.data import DATA_CODES


def test_importing_the_package_loads_no_heavy_library() -> None:
    program = "import sys, compiler.data; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"torch", "onnx", "onnxruntime", "PIL", "pycocotools", "sklearn", "matplotlib"} == set()


def test_every_code_is_unique_and_has_a_manual_of_two_to_four_sentences() -> None:
    assert len({code.id for code in DATA_CODES}) == len({code.slug for code in DATA_CODES}) == len(DATA_CODES)
    for code in DATA_CODES:
        assert code.id.startswith("R1")
        assert 2 <= code.manual.count(". ") + 1 <= 4, code.id
        assert code.manual.endswith(".")
