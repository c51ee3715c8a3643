"""Editing a program by name keeps its indexes, its journal and shared constants right."""

import numpy as np
import pytest

from compiler.ir import BatchNorm, Conv, CycleError, Edit, Program, TensorType, digest, parse_program, verify

PAIR = """
g (float[1,2,4,4] x) => (float[1,2,4,4] y, float[1,2,4,4] z)
   <float[2,2,1,1] w, float[2] s, float[2] t, float[2] m, float[2] v>
{
   [one] a = Conv (x, w)
   [norm] y = BatchNormalization (a, s, t, m, v)
   [two] z = Conv (y, w)
}
"""
CAPTURE = """
g (float[2] x, bool yes) => (float[2] y)
{
   [early] a = Relu (x)
   [copy] b = Identity (a)
   [choose] y = If (yes) <then_branch = t () => (float[2] p) { p = Neg (b) },
                          else_branch = e () => (float[2] q) { q = Abs (b) }>
}
"""


def test_a_shared_constant_is_not_changed_for_its_other_readers() -> None:
    program = parse_program(PAIR)
    before = program.const("w")
    program.give_const(program.op("one"), Conv.W, np.zeros((2, 2, 1, 1), np.float32))
    assert program.const(program.op("two").input(1)) is before
    assert program.op("one").input(1) == "one_1"
    assert program.journal == (Edit("connect", "one", "input 1"), Edit("rewrite", "one", "input 1"))


def test_a_constant_that_lost_its_last_reader_is_gone() -> None:
    program = parse_program(PAIR)
    for name in ("one", "two"):
        program.give_const(program.op(name), Conv.W, np.zeros((2, 2, 1, 1), np.float32))
    assert "w" not in program.constants


def test_a_stored_array_cannot_be_written_to() -> None:
    program = parse_program(PAIR)
    value = program.const("w")
    assert value is not None
    with pytest.raises(ValueError, match="read-only"):
        value[0] = 1


def test_taking_over_moves_the_name_of_the_result() -> None:
    program = parse_program(PAIR)
    norm = next(program.each(BatchNorm))
    program.take_over(program.op("one"), norm)
    assert [op.name for op in program.each()] == ["one", "two"]
    assert program.op("one").outputs == ("y",)
    assert program.producer("a") is None
    assert verify(program) == []


def test_a_link_is_private_when_one_node_reads_it_once_and_nothing_else_does() -> None:
    program = parse_program("""
    g (float[2] x) => (float[2] y, float[2] b, float[2] e)
    { a = Relu (x)  b = Relu (a)  c = Relu (b)  d = Relu (c)  y = Add (d, d)  e = Mul (c, y) }
    """)
    assert [name for name in "abcd" if program.is_private(name)] == ["a"]


def test_a_tensor_that_a_subgraph_reads_keeps_its_name() -> None:
    program = parse_program(CAPTURE)
    assert [op.name for op in program.readers("b")] == ["choose"]
    assert program.is_captured("b")
    assert not program.is_private("b")
    assert not program.bypass(program.op("copy"))
    assert program.journal == ()


def test_nodes_removed_while_iterating_are_passed_over() -> None:
    program = parse_program("g (float[2] x) => (float[2] y) { [a] b = Relu (x)  [c] d = Neg (x)  [e] y = Abs (x) }")
    seen: list[str] = []
    for op in program.each():
        seen.append(op.name)
        if op.name == "a":
            program.remove(program.op("c"))
    assert seen == ["a", "e"]


def test_a_cycle_is_named() -> None:
    program = Program("loop", {"": 13})
    program.add_input("x", TensorType(np.dtype(np.float32), (2,)))
    program.add("Add", ["x", "b"], ["a"], name="first")
    program.add("Relu", ["a"], ["b"], name="second")
    program.add_output("b")
    with pytest.raises(CycleError) as caught:
        list(program.each())
    assert set(caught.value.names) == {"first", "second"}
    assert "cycle" in verify(program)[0]


def test_setting_what_is_set_already_is_no_edit() -> None:
    program = parse_program("g (float[1,1,4,4] x) => (y) { [pool] y = MaxPool <kernel_shape = [2, 2]> (x) }")
    pool = program.op("pool")
    program.set_attribute(pool, "kernel_shape", [2, 2])
    program.set_attribute(pool, "pads", None)
    program.set_input(pool, 0, "x")
    program.set_metadata("a", "b")
    program.set_metadata("a", "b")
    program.set_opset(13)
    assert program.journal == (Edit("note", "", "a=b"),)


def test_an_absent_optional_input_stays_absent() -> None:
    program = parse_program("g (float[2] x) => (y) { [clip] y = Clip (x) }")
    clip = program.op("clip")
    program.give_const(clip, 2, np.array(1, np.float32))
    assert clip.inputs == ("x", "", "clip_2")
    assert not clip.has(1)
    program.set_input(clip, 2, "")
    assert clip.inputs == ("x",)
    assert program.constants == ()


def test_a_folded_result_that_nobody_reads_is_not_kept() -> None:
    program = parse_program("""
    g (float[2] x) => (float[2] y) <float[4] k>
    { [split] a, b = Split (k)  [use] y = Add (x, b) }
    """)
    program.replace_by_constant(program.op("split"), [np.zeros(2, np.float32), np.ones(2, np.float32)])
    assert program.constants == ("b",)
    assert verify(program) == []


def test_names_stay_unique_whatever_hint_is_given() -> None:
    program = Program("names", {"": 13})
    assert [program.add_constant("k", np.zeros(1)) for _ in range(3)] == ["k", "k_2", "k_3"]
    assert [program.add("Relu", ["k"], [f"y{i}"], name="relu").name for i in range(3)] == ["relu", "relu_2", "relu_3"]


def _weight(program: Program) -> None:
    program.give_const(program.op("two"), 1, np.zeros((2, 2, 1, 1), np.float32))


def _attribute(program: Program) -> None:
    program.set_attribute(program.op("one"), "group", 1)


def _note(program: Program) -> None:
    program.set_metadata("k", "v")


def _opset(program: Program) -> None:
    program.set_opset(14)


def test_a_digest_sees_weights_structure_metadata_and_opset() -> None:
    program = parse_program(PAIR)
    digests = {digest(program)}
    for edit in (_weight, _attribute, _note, _opset):
        twin = program.clone()
        edit(twin)
        digests.add(digest(twin))
    assert len(digests) == 5
    assert digest(parse_program(PAIR)) in digests
    assert digest(parse_program(PAIR, seed=1)) not in digests
