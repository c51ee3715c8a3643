"""What the losses compute."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.training.batches import Batch
from compiler.training.losses.boxes import complete_iou
from compiler.training.losses.classification import classification_loss
from compiler.training.losses.detection import detection_loss
from compiler.training.losses.distillation import distance, spreads
from compiler.training.losses.heads import head_distance, head_spread
from compiler.training.losses.keypoints import keypoint_loss

ANCHORS = ((8.0, 8.0, 16.0, 16.0), (32.0, 32.0, 48.0, 48.0))
SIZE = (64, 64)


def batch_of(labels: Tensor | None = None, keypoints: Tensor | None = None) -> Batch:
    count = len(labels) if labels is not None else len(keypoints) if keypoints is not None else 0
    return Batch(
        (),
        torch.zeros(0, 6),
        torch.full((count,), -1) if labels is None else labels,
        torch.zeros(count, 0, 3) if keypoints is None else keypoints,
    )


def same(value: Tensor) -> Tensor:
    return value


def test_outputs_of_any_scale_weigh_the_same() -> None:
    rng = torch.Generator().manual_seed(0)
    a, noise = torch.randn(2, 5, generator=rng), torch.randn(2, 5, generator=rng)
    teacher = {"small": a, "large": 1000 * a + 500}
    student = {"small": a + 0.1 * noise, "large": 1000 * (a + 0.1 * noise) + 500}
    spread = spreads([teacher], ["small", "large"])
    alone = {name: float(distance(student, teacher, {name: spread[name]})) for name in spread}
    assert alone["large"] == pytest.approx(alone["small"], rel=1e-3)
    assert float(distance(student, teacher, spread)) == pytest.approx(alone["small"], rel=1e-3)


def test_always_saying_the_teachers_mean_costs_one() -> None:
    teacher = {"y": torch.randn(400, 7, generator=torch.Generator().manual_seed(1))}
    mean = {"y": teacher["y"].mean().expand(400, 7)}
    assert float(distance(mean, teacher, spreads([teacher], ["y"]))) == pytest.approx(1.0, rel=1e-5)


def test_an_output_that_never_varies_divides_by_one() -> None:
    assert spreads([{"y": torch.full((3, 3), 7.0)}], ["y"]) == {"y": 1.0}


def test_spreads_over_batches_are_those_of_all_values() -> None:
    parts = [torch.randn(4, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    found = spreads([{"y": part} for part in parts], ["y"])["y"]
    assert found == pytest.approx(float(torch.cat(parts).double().var(correction=0)), rel=1e-9)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_classification_is_torchs_cross_entropy_of_the_labelled_images(smoothing: float) -> None:
    scores = torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
    labels = torch.tensor([3, -1, 0, 2, -1])
    found = classification_loss(scores, batch_of(labels), smoothing, same, are_shares=False)
    kept = labels >= 0
    assert torch.allclose(found, F.cross_entropy(scores[kept], labels[kept], label_smoothing=smoothing))


def test_classification_of_shares_takes_their_logarithm() -> None:
    scores = torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
    batch = batch_of(torch.tensor([0, 1, 2, 3, 0]))
    raw = classification_loss(scores, batch, 0.0, same, are_shares=False)
    assert torch.allclose(classification_loss(scores.softmax(1), batch, 0.0, same, are_shares=True), raw)


def test_complete_iou_of_equal_boxes_is_one_and_falls_with_distance_and_shape() -> None:
    true = torch.tensor([[10.0, 10, 4, 8]] * 4)
    found = torch.tensor([[10.0, 10, 4, 8], [11, 10, 4, 8], [30, 10, 4, 8], [10, 10, 8, 4]])
    same_box, near, far, turned = (float(value) for value in complete_iou(found, true))
    assert same_box == pytest.approx(1.0, abs=1e-5)
    # Shared 3 x 8 of 5 x 8, and centres 1 apart in a hull with a diagonal of 5^2 + 8^2.
    assert near == pytest.approx(24 / 40 - 1 / 89, abs=1e-5)
    assert far < 0
    bent = 4 / np.pi**2 * (np.arctan(0.5) - np.arctan(2)) ** 2
    assert turned == pytest.approx(16 / 48 - bent * bent / (1 - 16 / 48 + bent), abs=1e-5)


def heads_of(classes: int = 2, fill: float = 0.0) -> list[Tensor]:
    return [torch.full((2, 2 * (5 + classes), side, side), fill) for side in (8, 4)]


def by_anchor(head: Tensor) -> Tensor:
    images, channels, rows, columns = head.shape
    return head.reshape(images, 2, channels // 2, rows, columns)


BOXES = torch.tensor([[0, 1, 10.0, 12, 20, 24], [1, 0, 4, 4, 60, 50]])


def test_heads_that_say_the_boxes_cost_little_and_wrong_ones_much() -> None:
    heads = [head.requires_grad_() for head in heads_of()]
    optimiser = torch.optim.Adam(heads, lr=0.2)
    first = last = float("nan")
    for step in range(400):
        loss = detection_loss(heads, BOXES, ANCHORS, SIZE, same)
        first = loss.item() if step == 0 else first
        last = loss.item()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    # Objectness is asked to be the overlap, which is never quite 1, so something is left.
    assert last < 0.1 * first
    # What was learnt reads back as the boxes, by the decoder that measures accuracy.
    from compiler.data.decode import decode_yolo, suppress

    arrays = [head[:1].detach().numpy() for head in heads]
    found = suppress(decode_yolo(arrays, ANCHORS, SIZE, 0.5), 0.5)
    assert np.allclose(found.boxes, [[10, 12, 20, 24]], atol=1)
    assert found.classes.tolist() == [1]


def test_the_order_of_boxes_does_not_matter() -> None:
    heads = [head + 0.1 * torch.randn(head.shape, generator=torch.Generator().manual_seed(3)) for head in heads_of()]
    twins = torch.cat([BOXES, BOXES + torch.tensor([0, 0, 1.0, 1, 1, 1])])
    one = detection_loss(heads, twins, ANCHORS, SIZE, same)
    other = detection_loss(heads, twins.flip(0), ANCHORS, SIZE, same)
    assert torch.allclose(one, other, rtol=1e-6)


def test_heads_whose_channels_lie_innermost_in_memory_cost_the_same() -> None:
    heads = heads_of(fill=0.3)
    inner = [head.contiguous(memory_format=torch.channels_last) for head in heads]
    wanted = detection_loss(heads, BOXES, ANCHORS, SIZE, same)
    assert torch.allclose(detection_loss(inner, BOXES, ANCHORS, SIZE, same), wanted)


def test_images_without_boxes_teach_that_there_is_nothing() -> None:
    heads = [head.requires_grad_() for head in heads_of()]
    loss = detection_loss(heads, torch.zeros(0, 6), ANCHORS, SIZE, same)
    loss.backward()
    for head in heads:
        assert head.grad is not None
        parts = by_anchor(head.grad)
        assert (parts[:, :, 4] > 0).all()
        assert parts[:, :, :4].abs().max() == 0


def test_a_box_goes_to_anchors_of_like_size_in_three_cells() -> None:
    heads = [head.requires_grad_() for head in heads_of()]
    detection_loss(heads, torch.tensor([[0, 0, 26.0, 29, 34, 37]]), ANCHORS, SIZE, same).backward()
    fine, coarse = (by_anchor(head.grad) for head in heads if head.grad is not None)
    # Centre (30, 33) lies at (3.75, 4.125) of the fine grid: its cell, the one to the right, the one above.
    wanted = torch.tensor([[0, 3, 3], [0, 4, 3], [0, 4, 4], [1, 3, 3], [1, 4, 3], [1, 4, 4]])
    assert torch.equal(fine[0, :, 0].abs().nonzero(), wanted)
    # The smallest anchor of the coarse grid is four times as wide: too much.
    assert coarse[0, :, 0].abs().max() == 0


def test_keypoints_cost_nothing_on_their_own_peaks_and_only_labelled_ones_count() -> None:
    keypoints = torch.tensor([[[16.0, 24, 2], [0, 0, 0]]])
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    peak = torch.exp(-((columns - 4) ** 2 + (rows - 6) ** 2) / 8)
    maps = torch.stack([peak, torch.full((16, 16), 5.0)])[None]
    assert float(keypoint_loss(maps, batch_of(keypoints=keypoints), SIZE)) == pytest.approx(0, abs=1e-12)
    moved = torch.stack([peak + 1, maps[0, 1]])[None]
    assert float(keypoint_loss(moved, batch_of(keypoints=keypoints), SIZE)) == pytest.approx(0.25)


def random_heads(seed: int) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    heads = {f"p{side}": torch.randn(2, 14, side, side, generator=rng) for side in (8, 4)}
    return {name: head - 3 * (torch.arange(14)[None, :, None, None] % 7 == 4) for name, head in heads.items()}


def test_heads_like_the_teachers_cost_nothing_and_its_means_cost_one() -> None:
    teacher = random_heads(1)
    known = {name: head_spread([head], 2) for name, head in teacher.items()}
    assert float(head_distance(teacher, teacher, known, same)) == pytest.approx(0, abs=1e-5)
    mean: dict[str, Tensor] = {}
    for name, head in teacher.items():
        cells = by_anchor(head)
        seen = cells[:, :, 4].sigmoid()
        values = (cells * seen[:, :, None]).sum((0, 1, 3, 4)) / seen.sum()
        values[4] = torch.logit(seen.mean())
        mean[name] = values[None, None, :, None, None].expand_as(cells).reshape(head.shape)
    assert float(head_distance(mean, teacher, known, same)) == pytest.approx(1.0, rel=1e-4)


def test_boxes_where_the_teacher_sees_nothing_do_not_matter() -> None:
    teacher = random_heads(2)
    for head in teacher.values():
        by_anchor(head)[:, :, 4, :2] = -30
    known = {name: head_spread([head], 2) for name, head in teacher.items()}
    empty, full = ({name: head.clone() for name, head in teacher.items()} for _ in range(2))
    for name in teacher:
        by_anchor(empty[name])[:, :, :4, :2] += 5
        by_anchor(full[name])[:, :, :4, 2:] += 5
    assert float(head_distance(empty, teacher, known, same)) == pytest.approx(0, abs=1e-5)
    assert float(head_distance(full, teacher, known, same)) > 1
