"""What the rules find together: one refusal a layer, from the rule that knows best."""

from compiler.check import check_program
from compiler.ir import parse_program
from compiler.registry import load_named_target, rules


def test_a_layer_that_the_table_refuses_is_not_refused_again_for_lack_of_a_function() -> None:
    grouped = parse_program("""
    g (float[1,4,8,8] x) => (float[1,4,9,9] y) <float[4,2,2,2] w>
    { [deconv] y = ConvTranspose <group: int = 2> (x, w) }
    """)
    found = check_program(grouped, load_named_target("rk3399"), rules())
    assert [(item.code.id, item.message) for item in found] == [("T007", "group is 2, and rk3399 takes 1")]


def test_a_layer_that_only_the_writer_of_the_program_refuses_is_refused_by_it() -> None:
    deep = parse_program("""
    g (float[1,2,2,8,8] x) => (float[1,2,2,10,10] y) <int64[10] border = {0, 0, 0, 1, 1, 0, 0, 0, 1, 1}>
    { [pad] y = Pad (x, border) }
    """)
    found = check_program(deep, load_named_target("rk3399"), rules())
    assert found[0].code.id == "T051"
