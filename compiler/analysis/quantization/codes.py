"""Codes of what quantisation can find."""

from compiler.diagnostic import Code, Severity

INTEGER_LAYERS = Code(
    "P081",
    "integer-layers",
    Severity.NOTE,
    "Which part of the network computes in 8-bit integers. The other layers stay in floating point, for the reasons "
    "that the message gives, and where integers meet them the values are converted.",
)
ISLANDS_COST = Code(
    "P082",
    "islands-cost",
    Severity.WARNING,
    "Layers without an integer kernel lie between layers that have one. They and the conversions back and forth around "
    "them are predicted to take at least half of what the integers save, or to make up half of what they lose. The "
    "file is smaller all the same; the network may not be faster.",
)
INTEGERS_NOT_FASTER = Code(
    "P083",
    "integers-not-faster",
    Severity.NOTE,
    "By the target's profile the layers take as long in 8-bit integers as in floating point, or nobody has measured "
    "integers there, so that no gain is assumed. The file is a quarter of the size all the same.",
)
NEAREST_KEPT = Code(
    "P084",
    "nearest-kept",
    Severity.NOTE,
    "The recipe asks for learned rounding, which makes the error of each layer least. The errors of layers can still "
    "add up to more at the outputs. It did so on calibration images that were kept aside, so the weights are rounded "
    "to the nearest integer instead.",
)
