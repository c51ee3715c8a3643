"""What can be wrong with latency models, with measurements from boards, and with fetching those."""

from compiler.diagnostic import Code, Severity

NO_SUCH_SETUP = Code(
    "T090",
    "no-such-setup",
    Severity.ERROR,
    "A board's profile may hold several latency models, each for other circumstances: another back end, or the engine "
    "without what surrounds it. `--setup` names one of them; `compress targets NAME` lists them.",
)
MEASUREMENT_UNREADABLE = Code(
    "R090",
    "measurement-unreadable",
    Severity.ERROR,
    "A measurement is the file measurement.json that an artifact's bench.sh or run.sh writes on the board. The "
    "compiler reads it together with the artifact that it was taken of, so that it has to lie in that artifact's "
    "folder.",
)
NOT_MEASURED = Code(
    "E030",
    "not-measured",
    Severity.ERROR,
    "The artifact was not timed. A kit for a board runs on that board only: through the system's ssh, which did not "
    "reach it, could not copy the files, or ran a command of the kit that failed (what it said stands above), or by "
    "your own hand, and then the measurement.json that it wrote has to be copied into the artifact's folder. A kit for "
    "the target `host` is run on this machine.",
)
MEASUREMENT_MISFIT = Code(
    "T091",
    "measurement-misfit",
    Severity.ERROR,
    "A measurement is of another board, another model file, or another back end than those beside it, or its self-test "
    "did not pass. Coefficients that were fitted to it would describe something else. Measure again, or name the right "
    "target.",
)
