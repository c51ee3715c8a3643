"""Codes of what planning and running a recipe's passes can find."""

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
BUILDER_CONVERTS = Code(
    "P014",
    "builder-converts",
    Severity.NOTE,
    "The board's own program turns the network into half precision; the file stays in 32 bits. Fidelity and accuracy "
    "in the report are emulated: what each layer writes is rounded to 16 bits, sums inside a layer are not. The kit's "
    "self-test on the board shows what its own kernels make of it.",
)
NOT_FASTER = Code(
    "P015",
    "smaller-not-faster",
    Severity.NOTE,
    "A pass removed much of the network's work, but the predicted time hardly falls. Starting a layer costs a "
    "fixed time on every board; once a layer is small, less work in it saves nothing. Fewer layers, a smaller input or "
    "another backbone would. The size gain is real all the same.",
)
OPSET_NOT_LOWERED = Code(
    "P016",
    "opset-not-lowered",
    Severity.WARNING,
    "The target reads an older version of ONNX's operator set than the network uses, and at least one node has "
    "no exact counterpart there. The message names the first such node and what about it is too new.",
)
BUDGET_UNCHECKED = Code(
    "P020",
    "budget-unchecked",
    Severity.WARNING,
    "The recipe sets a limit, and nothing was measured that could be held against it: an accuracy without labelled "
    "validation images, or a latency on a target without a model of its times. The limit protects nothing.",
)
CRITERION_LACKS = Code(
    "P021",
    "criterion-lacks",
    Severity.ERROR,
    "A pruning criterion needs something that the network or the recipe's data does not have: BatchNormalization after "
    "every layer, or labelled images. The message names it, the help what to do instead.",
)
GOAL_OUT_OF_REACH = Code(
    "P022",
    "goal-out-of-reach",
    Severity.ERROR,
    "The pruning pass cannot make the network as small or as fast as its goal asks: every layer has reached the fewest "
    "filters that the options allow, or, for a time, the cost of starting it. The message gives the lowest figure "
    "within reach.",
)
ROUNDED_AWAY = Code(
    "P023",
    "rounded-away",
    Severity.NOTE,
    "Rounding up to the target's preferred multiple of channels gives layers back every filter that the level would "
    "have taken, so they stay whole. On such a board the filters cost next to nothing; where size counts more than "
    "speed, `channel_multiple: 1` prunes them all the same.",
)
NOT_FINITE = Code(
    "P025",
    "not-finite",
    Severity.ERROR,
    "A layer of the network computes NaN or infinity on the recipe's images. Statistics of such values say nothing. "
    "Most often the preprocessing is not the one that the network was trained with, or a weight is itself NaN.",
)
NO_IMAGES_TO_MAKE_UP = Code(
    "P026",
    "no-images-to-make-up",
    Severity.ERROR,
    "`removed: absorb` and `removed: merge` replace removed channels by what they are on average, which only images "
    "can tell, and the recipe gives none that fit the network.",
)
TOO_MANY_PICTURES = Code(
    "P027",
    "too-many-pictures",
    Severity.ERROR,
    "`cluster: {pictures: ...}` selects more layers than a report draws. The pictures stand inside report.html and "
    "report.json, which are meant to stay small enough to mail.",
)
NESTED_REPEAT = Code(
    "P030",
    "nested-repeat",
    Severity.ERROR,
    "A `repeat` stands among the passes of another `repeat`. What the inner rounds would mean for the outer ones is "
    "not defined, so one level is all there is.",
)
HALF_MISFIT = Code(
    "P090",
    "half-misfit",
    Severity.WARNING,
    "Half precision holds numbers up to 65504, and loses digits below 0.00006. On the calibration images some tensors "
    "leave that range, and the target has no way to keep single layers in 32 bits. What the layers compute may become "
    "infinite or zero. The report's figures are those of half precision; if they are bad, leave fp16 out.",
)
HALF_UNSEEN = Code(
    "P091",
    "half-unseen",
    Severity.NOTE,
    "Whether tensors fit into half precision can only be seen on images, and the recipe names none for calibration. "
    "A dozen pictures of what the camera will see are enough; they need no labels.",
)
NO_GAIN_EXPECTED = Code(
    "P092",
    "no-gain-expected",
    Severity.NOTE,
    "By what is known of the target, a pass of the recipe will not make the network faster there. It can still be "
    "worth it for another reason, such as a smaller file. The message gives the reason; measure on the board.",
)
HALF_WHOLE = Code(
    "P093",
    "half-whole",
    Severity.ERROR,
    "On this target the board's own program converts the network to half precision, all of it or nothing. Options that "
    "choose layers would have no effect.",
)
ZEROS_UNUSED = Code(
    "P094",
    "zeros-unused",
    Severity.WARNING,
    "Setting single weights to zero makes a network faster only where the runtime has kernels that leave them out, and "
    "smaller only once it is packed. The target has no such kernels, so all that is gained there is a smaller "
    "download. If that is the aim, allow this code and say so; for speed, remove whole filters with level-prune.",
)
ZEROS_SIZE = Code(
    "P095",
    "zeros-size",
    Severity.NOTE,
    "How many weights are zero, and what they take: in the model file as many bytes as before, as runtimes read dense "
    "weights, and less in a packed archive. The packed figures are those of the weights alone, as gzip packs them.",
)
UNDONE_STEP = Code(
    "P034",
    "undone-step",
    Severity.WARNING,
    "A pass takes back what an earlier one did, so that the earlier one's work and loss of accuracy buy nothing. The "
    "message says what is lost. Change the order of the two, or leave one of them out.",
)
KERNEL_SPLIT = Code(
    "P060",
    "kernel-split",
    Severity.WARNING,
    "Convolutions were factorised along their kernel's axes. The guideline for boards advises against it: runtimes "
    "have fast code for square kernels of fixed sizes (Winograd for 3x3) and often none for 1xN, and two layers start "
    "twice, so the real time can rise where the predicted one falls. Measure on the board, or take the scheme "
    "`channel`.",
)
FIT_LACKS = Code(
    "P061",
    "fit-lacks-images",
    Severity.ERROR,
    "A pass is asked to fit its weights to what the network computes on images, and the recipe has no calibration "
    "images, or the network has no single image input to feed them to.",
)
FIT_LOST = Code(
    "P062",
    "fit-lost",
    Severity.ERROR,
    "A decision that is to be replayed was fitted to images, and the fitted weights are not part of a report. Run the "
    "pass again on the calibration images instead; the digest in the report tells whether the result is the same.",
)
BACKBONE_REFUSED = Code(
    "P063",
    "backbone-refused",
    Severity.ERROR,
    "None of the backbones that the recipe names can be used: the name or the width does not exist, or the target "
    "lacks an operator that they need. The message names it, the help the backbones that the target can run. Choose "
    "another backbone rather than rewrite operators.",
)
CUT_UNFIT = Code(
    "P064",
    "cut-unfit",
    Severity.ERROR,
    "The network cannot be cut where the recipe says, or no place was found: a tensor does not exist or is no map of "
    "fixed size, or parts of the old backbone would still be read. `compress inspect --stages` shows the places.",
)
WEIGHTS_UNFIT = Code(
    "P065",
    "weights-unfit",
    Severity.ERROR,
    "The file that is to fill the new backbone lacks one of its parameters, or has it in another shape. Parameter "
    "names are those of the reference implementation; width and kind must be the ones the file was trained with.",
)
BACKBONE_UNTRAINED = Code(
    "P066",
    "backbone-untrained",
    Severity.WARNING,
    "The new backbone starts from random weights. The network's size and speed are real, its answers mean nothing "
    "until it is trained. Give `weights`, or train the emitted network.",
)
BACKBONE_TRIED = Code(
    "P096",
    "backbone-tried",
    Severity.NOTE,
    "What each candidate would give: the whole network's parameters, its predicted time on the target and, with "
    "`trial_epochs`, its accuracy after so many epochs with the source network as teacher. One is kept; the message "
    "says which.",
)
CANDIDATES_UNJUDGED = Code(
    "P097",
    "candidates-unjudged",
    Severity.ERROR,
    "With `trial_epochs` the candidates are trained for a moment and the most accurate is kept. That takes pictures to "
    "train on, and validation pictures with a metric. Without them leave `trial_epochs` out: the fastest is kept then.",
)
BACKBONE_JOINED = Code(
    "P067",
    "backbone-joined",
    Severity.NOTE,
    "How the rest of the network hangs on the new backbone: which of its stages a tensor of the old one is made from, "
    "and what was added or re-made because channels or sizes differ.",
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
NO_CALIBRATION = Code(
    "P080",
    "no-calibration",
    Severity.ERROR,
    "A pass has to see what the network's tensors hold on real images, and the recipe names none. A few dozen pictures "
    "of what the camera will see are enough; they need no labels.",
)
