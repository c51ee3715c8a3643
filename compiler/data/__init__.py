"""Data sources, preprocessing, decoding and accuracy."""

from compiler.data.codes import DATA_CODES
from compiler.data.datasets import DataSource, Listing, Sample, list_source, read_listing, read_samples
from compiler.data.metrics import Evaluate, Run, average_precision, evaluate_detector
from compiler.data.preprocess import Geometry, Preprocess, prepare

__all__ = [
    "DATA_CODES",
    "DataSource",
    "Evaluate",
    "Geometry",
    "Listing",
    "Preprocess",
    "Run",
    "Sample",
    "average_precision",
    "evaluate_detector",
    "list_source",
    "prepare",
    "read_listing",
    "read_samples",
]
