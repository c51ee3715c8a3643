"""`compress bench --ssh` with the RK3399's program, built by the kit's own CMake and run on an emulated processor.

It takes longer than other tests, because the engine is compiled as on the board.
"""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from compiler.ir import model_bytes, parse_program
from targets.emitters.acl.tools import Tools
from tests.support.commands import compress
from tests.support.ssh_server import SSHD, serving

_NETWORK = """
g (float[1,3,16,16] x) => (float[1,8,16,16] y) <float[8,3,3,3] w>
{ [a] b = Conv <pads: ints = [1, 1, 1, 1]> (x, w) [b] y = Relu (b) }
"""


def words_for(tools: Tools) -> str:
    """Say by the environment what compiles the program, and what runs it."""
    libraries = f"{tools.binaries}:{tools.system}/lib"
    words = {
        "CXX": tools.compiler,
        "LDFLAGS": "-Wl,--allow-shlib-undefined",
        "ACL_ROOT": f"{tools.library}/usr",
        "RUNNER": f"{tools.emulator} -cpu cortex-a72 -L {tools.system} -E LD_LIBRARY_PATH={libraries}",
    }
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in words.items())


@pytest.mark.skipif(SSHD is None, reason="no sshd here; install openssh-server")
@pytest.mark.skipif(shutil.which("cmake") is None, reason="no cmake here; install cmake")
def test_the_program_is_built_run_and_timed_through_ssh(tmp_path: Path, tools: Tools) -> None:
    (tmp_path / "net.onnx").write_bytes(model_bytes(parse_program(_NETWORK)))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("version: 1\nproduct: p\nmodel: {onnx: net.onnx}\ntarget: rk3399\n", "utf-8")
    assert compress("build", recipe, "--out", tmp_path / "out").status == 0
    kit = tmp_path / "out/p/rk3399"
    options = "--force --no-pin --backend neon --precision fp32 --runs 2 --warm-up 0"
    with serving(tmp_path, words_for(tools)) as client:
        said = compress("bench", kit, "--ssh", "board", "--ssh-config", client, "--run-with", options)
    assert said.status == 0, said.err
    found = json.loads((kit / "measurement.json").read_text("utf-8"))
    assert (found["run"]["verdict"], found["run"]["backend"]) == ("PASS", "neon")
    assert found["runner"].startswith(tools.emulator.replace("/", ""))
    assert "ms predicted (rk3399, neon)" in said.out
