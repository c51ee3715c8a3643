"""What can be wrong with latency models, with measurements from boards, and with fetching those."""

from compiler.diagnostic import Code, Severity

NO_SUCH_SETUP = Code(
    "T090",
    "no-such-setup",
    Severity.ERROR,
    "A board's profile may hold several latency models, each for other circumstances: another back end, or the engine "
    "without what surrounds it. `--setup` names one of them; `compress targets NAME` lists them.",
)
