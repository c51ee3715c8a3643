"""Codes of what planning and running a recipe's passes can find, whichever passes they are."""

from compiler.diagnostic import Code, Severity

EMPTY_SELECTOR = Code(
    "P001",
    "empty-selector",
    Severity.ERROR,
    "An `only` or `skip` pattern matches no layer, so the pass would silently do something else than the recipe "
    "says. Patterns are layer names, globs such as `stage1.*`, or operator types such as `Conv`.",
)
BROKEN_PROGRAM = Code(
    "P002",
    "broken-program",
    Severity.ERROR,
    "A pass left the network in a state that the verifier refuses. This is a fault of the pass, not of the recipe; "
    "the message names the pass. Nothing was written.",
)
CHANGED_NOTHING = Code(
    "P003",
    "changed-nothing",
    Severity.WARNING,
    "A pass of the recipe left the network exactly as it was. Either there was nothing for it to do and the step "
    "can go, or its options or selectors keep it from doing what was meant.",
)
MADE_WORSE = Code(
    "P004",
    "made-worse",
    Severity.WARNING,
    "After a pass the network has more parameters, more bytes, or a longer predicted time than before. That can be "
    "intended; if it is, allow this code in the recipe and say why.",
)
NOT_EXACT = Code(
    "P005",
    "not-exact",
    Severity.ERROR,
    "A pass that promises to keep the network's outputs changed them by more than float rounding. This is a fault "
    "of the pass. Nothing was written.",
)
PRECISION_REFUSED = Code(
    "P006",
    "precision-refused",
    Severity.ERROR,
    "The recipe asks for a number format that the target cannot compute fast, or not at all. The message gives the "
    "reason and the help what to use instead.",
)
NO_EMITTER = Code(
    "P007",
    "no-emitter",
    Severity.ERROR,
    "The target can be linted and planned for, but the part of the compiler that writes its program is still to "
    "come, so nothing can be built for it yet.",
)
BUDGET_MISSED = Code(
    "P008",
    "budget-missed",
    Severity.ERROR,
    "The finished network does not meet a limit that the recipe's budget sets. The artifact is written all the same, "
    "so that it can be looked at; the exit status says that the goal was missed.",
)
UNUSED_ALLOW = Code(
    "P009",
    "unused-allow",
    Severity.WARNING,
    "The recipe allows a finding that did not occur. Remove the entry, so that the list shows only what is really "
    "being tolerated.",
)
NO_TARGET = Code(
    "P010",
    "no-target",
    Severity.ERROR,
    "The recipe names no target and none was given on the command line, so there is no board to build for.",
)
NO_DATA = Code(
    "P011",
    "no-data",
    Severity.NOTE,
    "The recipe states no validation data or no metric, so the report holds no accuracy figures. Fidelity against "
    "the source network is still measured.",
)
UNTRAINED = Code(
    "P012",
    "no-checkpoint",
    Severity.WARNING,
    "The recipe's network comes from a torch factory and no checkpoint is given, so its weights are the untrained "
    "ones that the factory starts from. Sizes and times hold; accuracy means nothing.",
)
NOT_RUNNABLE = Code(
    "P013",
    "not-runnable",
    Severity.ERROR,
    "ONNX Runtime cannot run the network on this machine, so neither the effect of the passes nor the artifact's "
    "self-test can be computed. The message is ONNX Runtime's own; most often two shapes do not fit together.",
)
NOT_FASTER = Code(
    "P015",
    "smaller-not-faster",
    Severity.NOTE,
    "A pass removed much of the network's work, but the predicted time hardly falls. Starting a layer costs a "
    "fixed time on every board; once a layer is small, less work in it saves nothing. Fewer layers, a smaller input or "
    "another backbone would. The size gain is real all the same.",
)
UNSTEADY_TEST = Code(
    "P017",
    "unsteady-test",
    Severity.WARNING,
    "The kit's self-test compares the board's outputs with those that the compiler computed, on one input. On every "
    "input at hand this network puts out next to nothing, or multiplies rounding errors, so that two right "
    "computations can differ by more than the test allows. The network is not at fault; a picture in which it finds "
    "something makes the test mean something.",
)
BUDGET_UNCHECKED = Code(
    "P020",
    "budget-unchecked",
    Severity.WARNING,
    "The recipe sets a limit, and nothing was measured that could be held against it: an accuracy without labelled "
    "validation images, or a latency on a target without a model of its times. The limit protects nothing.",
)
NESTED_REPEAT = Code(
    "P030",
    "nested-repeat",
    Severity.ERROR,
    "A `repeat` stands among the passes of another `repeat`. What the inner rounds would mean for the outer ones is "
    "not defined, so one level is all there is.",
)
STOPPED_EARLY = Code(
    "P031",
    "stopped-early",
    Severity.NOTE,
    "The recipe's budget says `stop_when_met`, and every limit of it was met before the list of passes was through. "
    "The passes that were left were not run. To run them all, remove `stop_when_met`, or tighten a limit.",
)
UNUSUAL_ORDER = Code(
    "P032",
    "unusual-order",
    Severity.NOTE,
    "Two passes stand in another order than the one that usually serves best: replace the backbone (G1 of the "
    "guideline), factorise (G2), prune filters, set weights to zero (G5), quantise (G3), then half precision (G4). The "
    "order of the recipe is kept; the message says what it may cost.",
)
SPOILT_STEP = Code(
    "P033",
    "spoilt-step",
    Severity.WARNING,
    "An earlier pass leaves the network in a form in which this one can do little or nothing. The message says what "
    "stands in the way. Change the order of the two.",
)
UNDONE_STEP = Code(
    "P034",
    "undone-step",
    Severity.WARNING,
    "A pass takes back what an earlier one did, so that the earlier one's work and loss of accuracy buy nothing. The "
    "message says what is lost. Change the order of the two, or leave one of them out.",
)
