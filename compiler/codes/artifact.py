"""The codes of everything that can be wrong with an artifact or with writing one, E001 to E020."""

from compiler.diagnostic import Code, Severity

MANIFEST_MISSING = Code(
    "E001",
    "manifest-missing",
    Severity.ERROR,
    "The folder holds no manifest.json, so it is no artifact, or the manifest was left behind when it was copied. "
    "An artifact is the folder `<out>/<product>/<target>`, not a folder above it. Name that folder, or copy it "
    "whole.",
)
MANIFEST_INVALID = Code(
    "E002",
    "manifest-invalid",
    Severity.ERROR,
    "The manifest cannot be read, is cut short, or does not hold what this version of the compiler writes. The "
    "message names the key. Manifests are not meant to be edited; build the artifact again.",
)
UNSAFE_NAME = Code(
    "E003",
    "unsafe-name",
    Severity.ERROR,
    "The manifest lists a file by a name that is absolute, climbs out of the folder or holds characters that no "
    "file of an artifact has. The compiler never writes such a name: somebody changed the manifest. Do not use the "
    "folder; build the artifact again.",
)
FILE_MISSING = Code(
    "E004",
    "file-missing",
    Severity.ERROR,
    "A file of the artifact is gone, or the manifest does not list a file that every artifact has. Copy the folder "
    "again, whole.",
)
FILE_CHANGED = Code(
    "E005",
    "file-changed",
    Severity.ERROR,
    "A file's SHA-256 digest is not the one in the manifest: the file was edited or damaged since the build. The "
    "self-test is not run on changed files. Copy the folder again, or build anew.",
)
FILE_UNLISTED = Code(
    "E006",
    "file-unlisted",
    Severity.ERROR,
    "The folder holds a file that the manifest does not list and that no script of the kit writes. Move it "
    "elsewhere, so that what is deployed is what was built.",
)
NOT_A_PLAIN_FILE = Code(
    "E007",
    "not-a-plain-file",
    Severity.ERROR,
    "The folder holds a symbolic link, a device or a pipe. A link may lead outside the artifact and breaks when the "
    "folder moves, so it is not followed. Put a copy of the file in its place.",
)
SELF_TEST_UNREADABLE = Code(
    "E008",
    "self-test-unreadable",
    Severity.ERROR,
    "An array in `expected/` cannot be read, or has another shape or element type than the manifest says. Build the "
    "artifact again.",
)
SELF_TEST_STOPPED = Code(
    "E009",
    "self-test-stopped",
    Severity.ERROR,
    "ONNX Runtime on this machine could not load or run the artifact's model. The message is the runtime's own. An "
    "older runtime than the one that built the artifact is a common cause; compare `versions` in the manifest.",
)
SELF_TEST_DIFFERS = Code(
    "E010",
    "self-test-differs",
    Severity.ERROR,
    "The model computes something else than it did when it was built. For each output the largest difference, "
    "divided by the range of the expected values, must not exceed the tolerance in the manifest. A little above it "
    "points at another runtime version or processor; far above it at a wrong file.",
)
NOT_AN_ARTIFACT = Code(
    "E011",
    "not-an-artifact",
    Severity.ERROR,
    "The place where the artifact should go is taken by a file, or by a folder that holds something else than an "
    "artifact. A build replaces earlier artifacts only, so that a mistyped `--out` deletes nothing. Name another "
    "place or move the folder away.",
)
FOLDER_UNWRITABLE = Code(
    "E012",
    "folder-unwritable",
    Severity.ERROR,
    "The artifact could not be written: no permission, no space, or a path that is too long. An earlier artifact in "
    "the same place is untouched.",
)
INPUT_NOT_STATIC = Code(
    "E013",
    "input-not-static",
    Severity.ERROR,
    "An input of the model has a dimension without a number. The kit builds one engine for one shape. Give the "
    "shape under `model: inputs:` in the recipe.",
)
OPSET_TOO_NEW = Code(
    "E014",
    "kit-opset",
    Severity.ERROR,
    "The model uses a later version of ONNX's operator set than the board's runtime knows. The runtime does not "
    "refuse it, it reads it wrongly in places. Export the model at the version that the message names.",
)
HALF_WEIGHTS = Code(
    "E015",
    "kit-half-weights",
    Severity.ERROR,
    "A constant of the model is stored as FP16. TensorRT 8.2 reads some FP16 constants as FP32; FP16 is asked of "
    "its builder instead, with the pass `fp16`. Hand in the model with FP32 weights.",
)
BOARD_UNKNOWN = Code(
    "E016",
    "board-unknown",
    Severity.ERROR,
    "The profile's compute capability belongs to no board that the emitter can recognise, so the kit could not tell "
    "whether it runs on the right one. Correct `compute_capability` in the profile.",
)
PROGRAM_NOT_RUN = Code(
    "E017",
    "program-not-run",
    Severity.NOTE,
    "The kit's program was not run here, or not in the precision that it is for: tools are missing, or the machine "
    "cannot compute it. The model's own self-test on this machine was run all the same. The message says what is "
    "missing and the help where it comes from.",
)
PROGRAM_RAN = Code(
    "E018",
    "program-ran",
    Severity.NOTE,
    "The kit's program was compiled for the board's processor, ran under emulation, and put out what the model "
    "should. Emulation shows that the program is right, not how fast it is, and it does not try the board's graphics "
    "processor.",
)
PROGRAM_DIFFERS = Code(
    "E019",
    "program-differs",
    Severity.ERROR,
    "The kit's source text is not what this compiler writes for the kit's model. Somebody changed it, or another "
    "version of the compiler wrote it. It was not run: foreign programs are not run on your machine. Build the "
    "artifact again.",
)
PROGRAM_STOPPED = Code(
    "E020",
    "program-stopped",
    Severity.ERROR,
    "The kit's program could not be compiled, or stopped with a problem when it ran under emulation. The message is "
    "the tool's or the program's own. On the board it would stop as well.",
)
