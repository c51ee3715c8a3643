"""Codes of what lint and the command line can find wrong with what they are given."""

from compiler.diagnostic import Code, Severity

NOTHING_TO_LINT = Code(
    "R050",
    "nothing-to-lint",
    Severity.ERROR,
    "The folder holds no recipe. A recipe is a YAML file that says `version` and `product`.",
)
UNREADABLE_PATH = Code(
    "R051",
    "unreadable-path",
    Severity.ERROR,
    "A path on the command line does not exist, or cannot be read.",
)
REFUSES_OVERWRITE = Code(
    "R052",
    "refuses-overwrite",
    Severity.ERROR,
    "The command would have to overwrite a file that is already there, and does not do that.",
)
NOT_A_BUILD = Code(
    "R053",
    "not-a-build",
    Severity.ERROR,
    "The folder holds no report.json of a build, or one that this version cannot read.",
)
UNKNOWN_WORD = Code(
    "R054",
    "unknown-word",
    Severity.ERROR,
    "`compress explain` knows codes such as T012, their slugs, passes and targets. The word is none of these.",
)
UNWRITABLE_PATH = Code(
    "R055",
    "unwritable-path",
    Severity.ERROR,
    "A file that the command has to write cannot be written: its folder does not exist, or is not yours to write in.",
)
