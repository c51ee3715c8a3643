"""What 8-bit integers gain over floats on the RK3399's processor, by libraries that were timed in both.

Nobody published times of Arm Compute Library's integers on this board. ncnn and TensorFlow Lite ran on the same cores,
which have no instruction for dot products of bytes: int8_pairs.csv has their times, network by network.
"""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "int8_pairs.csv"


def gains() -> dict[str, float]:
    """Return the geometric mean of float over integer times for each series of measurements."""
    found = defaultdict[str, list[float]](list)
    with FILE.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found[row["series"]].append(float(row["fp32_ms"]) / float(row["int8_ms"]))
    return {series: float(np.exp(np.log(values).mean())) for series, values in found.items()}


if __name__ == "__main__":
    for name, gain in gains().items():
        print(f"{name:14} integers are {gain:.2f} times as fast as floats")
