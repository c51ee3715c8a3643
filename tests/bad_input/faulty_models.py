"""Models that cannot be compressed, each with the code that says so: first as files, then as graphs."""

import gzip
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

from tests.bad_input.networks import Fault, external, floats, insert, node, sound, subgraph


def _zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"w": [1.0]}))
    return content.getvalue()


WHOLE = sound().SerializeToString()

FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "M002"),
    "one byte": (WHOLE[:1], "M002"),
    "the first half": (WHOLE[: len(WHOLE) // 2], "M002"),
    "all but the last byte": (WHOLE[:-1], "M002"),
    "text": (b"this is no model\n" * 20, "M002"),
    "zeros": (bytes(4096), "M002"),
    "0xff": (b"\xff" * 4096, "M002"),
    "JSON": (b'{"model": {"graph": []}}', "M002"),
    "a pickle": (pickle.dumps({"conv.weight": [0.5] * 9}), "M002"),
    "a torch checkpoint": (_zipped(), "M002"),
    "a packed model": (gzip.compress(WHOLE), "M002"),
    "a large file pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "M002"),
    "a model without a graph": (ModelProto(ir_version=8).SerializeToString(), "M002"),
}


def _raw(content: bytes) -> Fault:
    def apply(model: ModelProto) -> None:
        model.graph.initializer[0].raw_data = content

    return apply


def _dims(*dims: int) -> Fault:
    def apply(model: ModelProto) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)

    return apply


def _input(*dims: int | str) -> Fault:
    def apply(model: ModelProto) -> None:
        model.graph.input[0].CopyFrom(floats("x", dims))

    return apply


def _opset(version: int) -> Fault:
    def apply(model: ModelProto) -> None:
        model.opset_import[0].version = version

    return apply


def _text_tensor(model: ModelProto) -> None:
    model.graph.initializer.append(
        TensorProto(name="words", data_type=TensorProto.STRING, dims=[1], string_data=[b"hello"])
    )


def _sparse(model: ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "sparse")
    index = numpy_helper.from_array(np.zeros(1, np.int64), "index")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, index, [4]))


def _without_input_type(model: ModelProto) -> None:
    model.graph.input[0].ClearField("type")


def _sequence_input(model: ModelProto) -> None:
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    model.graph.input[0].CopyFrom(helper.make_value_info("x", helper.make_sequence_type_proto(kind)))


def _text_input(model: ModelProto) -> None:
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.STRING, [1, 3, 8, 8]))


def _twice_made(model: ModelProto) -> None:
    model.graph.node.append(node("Relu", "x", "c"))


def _twice_stored(model: ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def _attribute_of_another_kind(model: ModelProto) -> None:
    attribute = model.graph.node[0].attribute[0]
    attribute.CopyFrom(AttributeProto(name="pads", type=AttributeProto.STRING, s=b"wide"))


def _function_that_calls_itself(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("own", 1))
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("own", 1)]
    body = [helper.make_node("Again", ["a"], ["b"], domain="own")]
    model.functions.append(helper.make_function("own", "Again", ["a"], ["b"], body, opsets))
    model.graph.node[1].CopyFrom(helper.make_node("Again", ["c"], ["y"], domain="own"))


def _custom_domain(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    insert(helper.make_node("Sparkle", ["c"], ["z"], domain="com.example"))(model)


def _clear(field: str) -> Fault:
    def apply(model: ModelProto) -> None:
        model.graph.ClearField(field)

    return apply


def _reads(index: int, name: str) -> Fault:
    def apply(model: ModelProto) -> None:
        model.graph.node[index].input[0] = name

    return apply


def _kind(index: int, kind: str) -> Fault:
    def apply(model: ModelProto) -> None:
        model.graph.node[index].op_type = kind

    return apply


_FAR = np.array([2**40, -1], np.int64)
_PADS = np.array([0, 0, 2**40, 0, 0, 0, 0, 0], np.int64)

GRAPHS: dict[str, tuple[Fault, str]] = {
    "weights cut short": (_raw(b"\0" * 7), "M007"),
    "weights too long": (_raw(b"\0" * 4320), "M007"),
    "weights gone": (lambda model: model.graph.initializer[0].ClearField("raw_data"), "M005"),
    "an unknown element type": (lambda model: setattr(model.graph.initializer[0], "data_type", 99), "M007"),
    "no element type": (lambda model: model.graph.initializer[0].ClearField("data_type"), "M009"),
    "another element type": (lambda model: setattr(model.graph.initializer[0], "data_type", 11), "M007"),
    "a negative dimension": (_dims(4, -3, 3, 3), "M007"),
    "two negative dimensions": (_dims(4, -3, -3, 3), "M007"),
    "more weights than atoms": (_dims(2**40, 2**40, 3, 3), "M007"),
    "a kernel of rank one": (_dims(108), "M012"),
    "a text tensor": (_text_tensor, "M009"),
    "sparse weights": (_sparse, "M009"),
    "opset 0": (_opset(0), "M004"),
    "opset 6": (_opset(6), "M004"),
    "opset 99": (_opset(99), "M004"),
    "a negative opset": (_opset(-1), "M004"),
    "no opset": (lambda model: model.ClearField("opset_import"), "M004"),
    "a cycle": (_reads(0, "y"), "M006"),
    "a node that feeds itself": (_reads(1, "y"), "M006"),
    "an input from nowhere": (_reads(1, "nowhere"), "M005"),
    "a tensor made twice": (_twice_made, "M005"),
    "a tensor stored twice": (_twice_stored, "M005"),
    "no outputs": (_clear("output"), "M009"),
    "no inputs": (_clear("input"), "M005"),
    "no nodes": (_clear("node"), "M002"),
    "an output that nothing makes": (lambda model: setattr(model.graph.output[0], "name", "ghost"), "M005"),
    "an unknown operator": (_kind(1, "Sparkle"), "M005"),
    "an operator without a name": (_kind(1, ""), "M005"),
    "an operator of another domain": (_custom_domain, "M020"),
    "a function that calls itself": (_function_that_calls_itself, "M017"),
    "an attribute of another kind": (_attribute_of_another_kind, "M005"),
    "an input without a type": (_without_input_type, "M010"),
    "a sequence as input": (_sequence_input, "M009"),
    "text as input": (_text_input, "M009"),
    "an open size": (_input("batch", 3, "height", "width"), "M010"),
    "an open rank": (lambda model: model.graph.input[0].CopyFrom(floats("x", None)), "M010"),
    "a negative input size": (_input(1, 3, -8, 8), "M010"),
    "an input without elements": (_input(1, 3, 0, 8), "M010"),
    "an input of a million megapixels": (_input(1, 3, 2**20, 2**20), "M008"),
    "an input whose size overflows": (_input(2**40, 2**40, 2**40, 2**40), "M008"),
    "an input of another depth": (_input(1, 5, 8, 8), "M012"),
    "an input of rank three": (_input(3, 8, 8), "M012"),
    "a Reshape into the endless": (insert(node("Reshape", "c to", "z"), constants={"to": _FAR}), "M012"),
    "a Pad into the endless": (insert(node("Pad", "c by", "z"), constants={"by": _PADS}), "M008"),
    "an Expand into the endless": (
        insert(node("Expand", "c to", "z"), constants={"to": np.array([2**20, 2**20, 1, 4, 8, 8], np.int64)}),
        "M008",
    ),
    "a Tile into the endless": (
        insert(node("Tile", "c by", "z"), constants={"by": np.array([1, 1, 2**30, 2**30], np.int64)}),
        "M008",
    ),
    "a constant into the endless": (
        insert(node("ConstantOfShape", "to", "k"), node("Identity", "c", "z"), constants={"to": np.array([2**40])}),
        "M008",
    ),
    "a Range without an end": (
        insert(
            node("Range", "from end step", "k"),
            node("Identity", "c", "z"),
            constants={"from": np.array(0), "end": np.array(2**60), "step": np.array(1)},
        ),
        "M008",
    ),
    "a choice with an unknown branch": (
        insert(
            node("If", "yes", "z", then_branch=subgraph(reads="ghost"), else_branch=subgraph()),
            constants={"yes": np.array(True)},
        ),
        "M005",
    ),
    "a stride of nought": (
        lambda model: model.graph.node[0].attribute.append(helper.make_attribute("strides", [0, 0])),
        "M012",
    ),
    "a dilation below nought": (
        lambda model: model.graph.node[0].attribute.append(helper.make_attribute("dilations", [-4, 1])),
        "M012",
    ),
    "groups that do not divide": (
        lambda model: model.graph.node[0].attribute.append(helper.make_attribute("group", 7)),
        "M012",
    ),
    "weights beside that are not there": (external("weights.bin"), "M003"),
    "weights above the folder": (external("../weights.bin"), "M003"),
    "weights far above the folder": (external("../" * 30 + "etc/hostname"), "M003"),
    "weights at an absolute path": (external("/etc/hostname"), "M003"),
    "weights with a NUL in the name": (external("weights\0.bin"), "M003"),
    "weights in the folder itself": (external("."), "M003"),
    "weights without a place": (external(""), "M003"),
    "weights behind a link": (external("link.bin"), "M003"),
    "weights past the file's end": (external("some.bin", offset=4, length=432), "M003"),
    "weights at a place that is no number": (external("some.bin", offset="far"), "M003"),
    "weights before the file's start": (external("some.bin", offset=-8, length=432), "M003"),
    "too few weights beside": (external("some.bin"), "M007"),
}


def prepare_files(folder: Path) -> None:
    """Put the weight files beside a model, and one that it must not reach above it."""
    (folder.parent / "weights.bin").write_bytes(bytes(432))
    (folder / "some.bin").write_bytes(bytes(100))
    (folder / "link.bin").symlink_to(folder.parent / "weights.bin")
