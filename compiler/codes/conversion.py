"""What can be wrong where another project's converter makes the runtime's files, E040 to E044."""

from compiler.diagnostic import Code, Severity

CONVERTER_MISSING = Code(
    "E040",
    "converter-missing",
    Severity.ERROR,
    "The runtime's files are made by a converter that is installed separately, because not everybody needs it. The "
    "message names the Python packages, the help the command that installs them. `compress lint` works without them.",
)
CONVERSION_REFUSED = Code(
    "E041",
    "conversion-refused",
    Severity.ERROR,
    "The converter stopped, or it left layers over that the runtime does not have. The message names what it left over "
    "in the converter's own words. The operator table does not know this form of an operator yet: write the network "
    "with other operators there, or end it before that layer and compute the rest in your own program.",
)
CONVERSION_DIFFERS = Code(
    "E042",
    "conversion-differs",
    Severity.ERROR,
    "The converted network ran on this machine and computed something else than the network itself does in ONNX "
    "Runtime. Converters can misread a network without a word, so that every build compares. Nothing was written. "
    "Build for another target to see that the network is sound, then leave out its unusual layers one by one.",
)
FORM_NOT_CONVERTIBLE = Code(
    "E043",
    "form-not-convertible",
    Severity.ERROR,
    "The runtime computes one image at a time on 32-bit floats: each input needs a first axis of 1, and an output must "
    "not be an input handed through. Give the input's shape in the recipe, and leave such outputs out.",
)
NETWORK_RAN = Code(
    "E044",
    "network-ran",
    Severity.NOTE,
    "The converted network ran in its runtime on this machine and put out what the network does in ONNX Runtime. The "
    "board's processor has kernels of its own: run the kit's self-test there as well.",
)
