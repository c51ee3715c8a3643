"""Training a small network: what it promises, whatever the data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compiler.diagnostic import CompressError
from compiler.ir import Array, BatchNorm, Program, digest, model_bytes, parse_program, refresh_types
from compiler.reference import Session
from compiler.rewrites.write_values import write_values
from compiler.training.network import with_values
from compiler.training.options import TrainingOptions
from compiler.training.setup import Facts
from compiler.training.train import Trained, train
from tests.support.lessons import Images, Notes, lesson, shaken, small_network

SOURCE = small_network()


def options(**given: object) -> TrainingOptions:
    return TrainingOptions.model_validate({"epochs": 4, "batch": 4, "learning_rate": 0.01, "device": "cpu", **given})


def gap(program: Program) -> float:
    """Measure how far a network's outputs are from the source's, in the spread of the source's."""
    feeds = [Images().example(index, np.random.default_rng(0)).feeds for index in range(12)]
    sessions = [Session(model_bytes(item)) for item in (SOURCE, program)]
    wanted, found = ([session.run(feed) for feed in feeds] for session in sessions)
    gaps = [np.stack([a[name] - b[name] for a, b in zip(wanted, found, strict=True)]) for name in SOURCE.outputs]
    spreads = [np.stack([a[name] for a in wanted]).var() for name in SOURCE.outputs]
    return float(np.mean([np.square(each).mean() / spread for each, spread in zip(gaps, spreads, strict=True)]))


def constant(program: Program, name: str) -> Array:
    value = program.const(name)
    assert value is not None
    return value


def values(done: Trained) -> dict[tuple[str, int], np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    return {value.readers[0]: value.array for value in done.values}


def test_a_disturbed_network_comes_back_to_its_teacher() -> None:
    start = shaken(SOURCE)
    before = digest(start)
    done = train(start, lesson(SOURCE), options(epochs=40), 1)
    assert digest(start) == before
    assert gap(with_values(start, done.values)) < 0.2 * gap(start)
    losses = [line.loss for line in done.lines[1:]]
    assert losses[-1] < 0.3 * losses[0]
    assert (done.lines[0].epoch, done.best, len(losses)) == (0, 40, 40)


def test_the_source_itself_has_nothing_to_learn() -> None:
    done = train(SOURCE, lesson(SOURCE), options(batchnorm="frozen", weight_decay=0), 1)
    assert done.lines[1].loss == pytest.approx(0, abs=1e-10)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others() -> None:
    start = shaken(SOURCE)
    one, again, other = (train(start, lesson(SOURCE), options(), seed) for seed in (1, 1, 2))
    assert one.sha256 == again.sha256 != other.sha256
    assert [line.loss for line in one.lines[1:]] == [line.loss for line in again.lines[1:]]


def test_frozen_normalisation_stays_and_trained_one_moves() -> None:
    start = shaken(SOURCE)
    for kind, is_same in (("frozen", True), ("train", False)):
        found = values(train(start, lesson(SOURCE), options(batchnorm=kind), 1))
        for slot, name in enumerate("stmv", start=1):
            assert np.array_equal(found["norm", slot], constant(start, name)) == is_same, name


def test_a_checkpoint_is_taken_up_where_it_was(tmp_path: Path) -> None:
    start, whole = shaken(SOURCE), Notes()
    wanted = train(start, lesson(SOURCE, watcher=whole, checkpoints=tmp_path / "a"), options(ema=0.9), 1)

    class Stopped(Exception):  # noqa: N818 - a way out of the middle, not an error
        pass

    class Ending(Images):
        def example(self, index: int, rng: np.random.Generator):
            if len(notes.lines) == 2 and index == 5:
                raise Stopped
            return super().example(index, rng)

    notes = Notes()
    given: dict[str, Any] = {"checkpoints": tmp_path / "b", "watcher": notes}
    with pytest.raises(Stopped):
        train(start, lesson(SOURCE, Ending(), **given), options(ema=0.9), 1)
    assert len(notes.lines) == 2
    done = train(start, lesson(SOURCE, **given), options(ema=0.9), 1)
    assert (done.sha256, done.resumed) == (wanted.sha256, 2)
    assert "after epoch 2 of 4" in notes.notes[-1]
    assert notes.lines == whole.lines
    again = train(start, lesson(SOURCE, **given), options(ema=0.9), 1)
    assert (again.sha256, again.resumed, len(notes.lines)) == (wanted.sha256, 4, 4)


def test_a_checkpoint_of_anything_else_is_not_taken_up(tmp_path: Path) -> None:
    start = shaken(SOURCE)
    train(start, lesson(SOURCE, checkpoints=tmp_path), options(epochs=1), 1)
    twin = shaken(SOURCE, 0.2)
    for program, changed, seed in (
        (start, options(epochs=2), 1),
        (start, options(epochs=1), 2),
        (twin, options(epochs=1), 1),
    ):
        assert train(program, lesson(SOURCE, checkpoints=tmp_path), changed, seed).resumed is None


def test_the_best_epoch_by_the_metric_is_kept_and_patience_ends_the_rest() -> None:
    start, figures = shaken(SOURCE), iter([0.5, 0.6, 0.8, 0.7, 0.75, 0.1])
    seen: list[str] = []

    def score(program: Program) -> Mapping[str, float]:
        seen.append(digest(program))
        return {"ap50": next(figures)}

    done = train(start, lesson(SOURCE, score=score, metric="ap50"), options(epochs=30, patience=2), 1)
    assert [line.metrics["ap50"] for line in done.lines] == [0.5, 0.6, 0.8, 0.7, 0.75]
    assert done.best == 2
    assert digest(with_values(start, done.values)) == seen[2]
    assert seen[0] == digest(start)


def test_where_no_epoch_is_better_the_network_stays_as_it_was() -> None:
    start, figures = shaken(SOURCE), iter([0.5, 0.4, 0.3])

    def score(program: Program) -> Mapping[str, float]:
        return {"top1": next(figures)}

    done = train(start, lesson(SOURCE, score=score, metric="top1"), options(epochs=2), 1)
    assert done.best == 0
    assert digest(with_values(start, done.values)) == digest(start)


def test_a_loss_that_is_not_finite_stops_with_what_to_do() -> None:
    class Burst(Images):
        def example(self, index: int, rng: np.random.Generator):
            found = super().example(index, rng)
            return type(found)({"x": found.feeds["x"] * np.float32(np.inf)})

    with pytest.raises(CompressError) as caught:
        train(shaken(SOURCE), lesson(SOURCE, Burst()), options(), 1)
    (fault,) = caught.value.diagnostics
    assert fault.code.id == "P047"
    assert "epoch 1, batch 1 of 3" in fault.message


def test_labels_alone_teach_classes() -> None:
    labels = [index % 2 for index in range(12)]
    facts = Facts(has_images=True, labels=frozenset({"class"}), decode="scores", output="z")
    given = options(teacher="none", epochs=60, learning_rate=0.02, weight_decay=0)
    done = train(small_network(3), lesson(SOURCE, Images(classes=labels), facts), given, 1)
    assert done.loss == "classification"
    assert done.lines[1].loss > 0.5
    assert done.lines[-1].loss < 0.1


def test_a_loss_of_the_users_own_is_called_with_outputs_and_batch(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "def loss(outputs, batch):\n    assert batch.inputs[0].shape[0] == len(batch)\n"
        "    return outputs['y'].square().mean()\n"
    )
    facts = Facts(has_images=True, folder=tmp_path)
    done = train(SOURCE, lesson(SOURCE, facts=facts), options(teacher="none", loss="own.py:loss", epochs=20), 1)
    assert done.lines[-1].loss < 0.5 * done.lines[1].loss


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('no such label')", "ValueError: no such label"),
        ("return 1.5", "returns a float"),
        ("return outputs['y']", "returns a tensor of shape [4, 4, 8, 8]"),
        ("return outputs['y'].detach().mean()", "does not depend on the network's outputs"),
    ],
)
def test_a_faulty_loss_is_told_at_its_own_line(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "own.py").write_text(f"def loss(outputs, batch):\n    {body}\n")
    facts = Facts(has_images=True, folder=tmp_path)
    with pytest.raises(CompressError) as caught:
        train(SOURCE, lesson(SOURCE, facts=facts), options(loss="own.py:loss"), 1)
    (fault,) = caught.value.diagnostics
    assert fault.code.id == "P053"
    assert said in fault.message
    assert fault.span is not None and fault.span.file.endswith("own.py")


FOLDED = """
g (float[1,3,8,8] x) => (float[1,4,8,8] y)
   <float[6,3,3,3] w1, float[6] b1, float[6,4,2,2] w2, float[4,8,1,1] w3>
{
   [conv1] c = Conv <pads: ints = [1, 1, 1, 1]> (x, w1, b1)
   [relu] r = Relu (c)
   [up] u = ConvTranspose <strides: ints = [2, 2], group: int = 2> (r, w2)
   [relu2] v = Relu (u)
   [down] d = MaxPool <kernel_shape: ints = [2, 2], strides: ints = [2, 2]> (v)
   [last] y = Conv (d, w3)
}
"""


def folded_network() -> Program:
    program, rng = parse_program(FOLDED), np.random.default_rng(4)
    for name in ("w1", "b1", "w2", "w3"):
        program.replace_constant(name, rng.normal(0, 0.4, constant(program, name).shape).astype(np.float32))
    program.clear_journal()
    refresh_types(program)
    return program


def test_reinserted_normalisation_is_gone_again_at_the_end_and_was_there_meanwhile() -> None:
    source = folded_network()
    start = source.clone()
    start.replace_constant("w1", 1.3 * constant(source, "w1"))
    seen: list[Program] = []

    def score(program: Program) -> Mapping[str, float]:
        seen.append(program)
        return {"fidelity": float(len(seen))}

    training = lesson(source, score=score, metric="fidelity")
    done = train(start, training, options(batchnorm="reinsert", epochs=2), 1)
    with_norms, without = seen[-1], with_values(start, done.values)
    assert [len(list(program.each(BatchNorm))) for program in (seen[0], with_norms, without)] == [2, 2, 0]
    assert [op.name for op in without.each()] == [op.name for op in start.each()]
    feeds = [Images().example(index, np.random.default_rng(0)).feeds for index in range(3)]
    for one, other in ((start, seen[0]), (with_norms, without)):
        runs = [[Session(model_bytes(program)).run(feed)["y"] for feed in feeds] for program in (one, other)]
        assert np.allclose(*runs, rtol=1e-4, atol=1e-4)


def test_half_precision_on_a_cpu_trains_too() -> None:
    done = train(shaken(SOURCE), lesson(SOURCE), options(mixed_precision="bf16", epochs=20), 1)
    assert done.lines[-1].loss < 0.3 * done.lines[1].loss
    assert all(value.array.dtype == np.float32 for value in done.values)


def test_what_the_machine_lacks_is_refused() -> None:
    wanted = [{"mixed_precision": "fp16"}] + ([] if torch.cuda.is_available() else [{"device": "cuda"}])
    for given in wanted:
        with pytest.raises(CompressError) as caught:
            train(SOURCE, lesson(SOURCE), options(**given), 1)
        assert caught.value.diagnostics[0].code.id == "P051"


def test_a_constant_that_others_read_too_stays_theirs() -> None:
    program = SOURCE.clone()
    program.add("Identity", ["w2"], ["seen"], name="look")
    done = train(shaken(SOURCE), lesson(SOURCE), options(epochs=1), 1)
    before = constant(program, "w2")
    write_values(program, done.values)
    assert np.array_equal(constant(program, "w2"), before)
    assert np.array_equal(constant(program, program.op("conv2").input(1)), values(done)["conv2", 1])
