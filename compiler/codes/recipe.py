"""The codes of everything that can be wrong with a recipe as a text, and with the names in it: R001 to R023."""

from compiler.diagnostic import Code, Severity

YAML_SYNTAX = Code(
    "R001",
    "yaml-syntax",
    Severity.ERROR,
    "The file is not well-formed YAML, so nothing in it can be read. The place given is where the reader stopped, "
    "which is sometimes one line after the slip. Usual causes are a tab used to indent, a bracket or quote that "
    "is not closed, and a text with a colon in it that needs quotes.",
)
WRONG_TYPE = Code(
    "R002",
    "wrong-type",
    Severity.ERROR,
    "A value is of another kind than its key takes: a text where a number belongs, a list where a mapping "
    "belongs. YAML reads the bare words yes, no, on, off, true and false as booleans, so a text of that spelling "
    "needs quotes. The message says what the key takes and what it found.",
)
UNKNOWN_KEY = Code(
    "R003",
    "unknown-key",
    Severity.ERROR,
    "A mapping holds a key that means nothing there. Keys are never ignored, because a misspelt one would "
    "silently leave its setting at the default. Correct the spelling, or move the key to the section that it "
    "belongs to.",
)
DUPLICATE_KEY = Code(
    "R004",
    "duplicate-key",
    Severity.ERROR,
    "The same key stands twice in one mapping. Many YAML readers keep the last one without a word; here it is "
    "refused, because one of the two settings would have no effect. Delete one of them.",
)
MISSING_KEY = Code(
    "R005",
    "missing-key",
    Severity.ERROR,
    "A key that has no default is absent. The place given is the mapping that should hold it. Add the key there, "
    "or in the file that the recipe extends.",
)
UNKNOWN_PASS = Code(
    "R006",
    "unknown-pass",
    Severity.ERROR,
    "No installed package offers a pass of this name. `compress passes` lists the names. A pass from another "
    "package is found only when that package is installed in the same environment.",
)
UNKNOWN_TARGET = Code(
    "R007",
    "unknown-target",
    Severity.ERROR,
    "No installed package offers a target of this name. `compress targets` lists the names. A target is the file "
    "profiles/<name>.yaml of a target package.",
)
EXTENDS = Code(
    "R008",
    "extends-unresolved",
    Severity.ERROR,
    "The recipe that `extends` names cannot be used. Either the file is not there (the path counts from the file "
    "that says `extends`), or the files extend each other in a circle. Correct the path, or break the circle.",
)
BAD_SET = Code(
    "R009",
    "bad-set",
    Severity.ERROR,
    "A `--set` option cannot be applied. It has the form PATH=VALUE: keys joined by dots, a number for a place in "
    "a list (counted from 0), and a YAML value, as in `passes.0.level-prune.level=0.5`. A relative file name in "
    "it counts from the folder where the command runs.",
)
BAD_VALUE = Code(
    "R010",
    "value-not-allowed",
    Severity.ERROR,
    "A value is of the right kind but outside of what its key allows: beyond a limit, not one of a fixed set of "
    "words, or at odds with a neighbour. The message carries what was found and what is allowed.",
)
UNREADABLE = Code(
    "R011",
    "file-unreadable",
    Severity.ERROR,
    "The file cannot be opened. It is missing, is a folder, or this user may not read it. Check the path and its "
    "permissions.",
)
NOT_UTF8 = Code(
    "R012",
    "not-utf8",
    Severity.ERROR,
    "The file holds bytes that are not UTF-8 text. It was probably saved in an older encoding or in UTF-16, or it "
    "is not a text file at all. Save it again as UTF-8.",
)
TOO_LARGE = Code(
    "R013",
    "yaml-too-large",
    Severity.ERROR,
    "The file is larger, nested deeper, or grows larger through its aliases than any recipe needs. The bounds "
    "protect against files made to exhaust memory. Check that this is the right file.",
)
YAML_UNSUPPORTED = Code(
    "R014",
    "yaml-unsupported",
    Severity.ERROR,
    "The file uses a part of YAML that recipes do without: tags other than those of plain values, keys that are "
    "not text, several documents in one file, or an alias that holds itself. Write the value out in plain form.",
)
BARE_WORD_KEY = Code(
    "R015",
    "key-is-not-text",
    Severity.ERROR,
    "YAML reads a bare yes, no, on, off, true, false or null as a value, not as a name, even where a key stands. "
    "Put the key in quotes if the word is really meant.",
)
NOT_A_MAPPING = Code(
    "R016",
    "not-a-mapping",
    Severity.ERROR,
    "The file is empty, or its outermost level is not a mapping of keys to values. A recipe starts with lines "
    "such as `version: 1` and `product: barn-camera`. `compress init` writes one to start from.",
)
PRODUCT_NAME = Code(
    "R017",
    "product-name",
    Severity.ERROR,
    "The product's name becomes the name of a folder, so it is kept to what every file system takes: letters, "
    "digits, dots, underscores and hyphens, a letter or digit first, 100 characters at most, and no name that "
    "Windows reserves.",
)
MODEL_SOURCE = Code(
    "R018",
    "model-source",
    Severity.ERROR,
    "The model comes either from an ONNX file (`onnx`) or from a function that builds it in torch (`torch`), and "
    "exactly one must be named. `args` and `checkpoint` belong to torch only, and torch needs `inputs`. To "
    "replace the kind that an extended recipe names, set the other to null.",
)
UNKNOWN_CODE = Code(
    "R019",
    "unknown-code",
    Severity.ERROR,
    "No diagnostic has this code or slug, so allowing it would have no effect. Codes are a letter and three "
    "digits, as in T012. Take the one that the diagnostic itself prints.",
)
PLUGIN_CLASH = Code(
    "R020",
    "plugin-name-clash",
    Severity.ERROR,
    "Two installed packages offer a plugin of the same name, and the recipe could mean either. Uninstall one of "
    "them, or ask its author for another name.",
)
PLUGIN_BROKEN = Code(
    "R021",
    "plugin-broken",
    Severity.ERROR,
    "A plugin was found by its file name but cannot be used. Its module fails to import, or does not hold the "
    "class that the file name promises. The fault is in the package that the message names, not in the recipe.",
)
NO_OPERATORS = Code(
    "R022",
    "operators-missing",
    Severity.ERROR,
    "A target profile names a runtime for which no installed package has an operator table. The table is the file "
    "operators/<runtime>.yaml of a target package. Correct `runtime` in the profile, or add the table.",
)
CODE_CLASH = Code(
    "R023",
    "code-defined-twice",
    Severity.ERROR,
    "Two diagnostics carry the same code or the same slug, so neither could be explained or allowed. The fault is "
    "in the packages that the message names, not in the recipe.",
)
