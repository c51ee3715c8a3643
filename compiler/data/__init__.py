"""Data sources, preprocessing, decoding and accuracy."""

from compiler.data.augment import Augment
from compiler.data.average_precision import average_precision
from compiler.data.codes import DATA_CODES
from compiler.data.datasets import Sample, list_source, read_listing, read_samples
from compiler.data.evaluate import Evaluate
from compiler.data.metrics import Run, evaluate_detector, evaluate_listing, evaluate_samples, find_detections
from compiler.data.preprocess import Geometry, Preprocess, prepare
from compiler.data.records import Listing, Objects, Record, make_objects
from compiler.data.source import DataSource
from compiler.data.training_set import TrainingSample, TrainingSet, epoch_order, example_rng

__all__ = [
    "DATA_CODES",
    "Augment",
    "DataSource",
    "Evaluate",
    "Geometry",
    "Listing",
    "Objects",
    "Preprocess",
    "Record",
    "Run",
    "Sample",
    "TrainingSample",
    "TrainingSet",
    "average_precision",
    "epoch_order",
    "evaluate_detector",
    "evaluate_listing",
    "evaluate_samples",
    "example_rng",
    "find_detections",
    "list_source",
    "make_objects",
    "prepare",
    "read_listing",
    "read_samples",
]
