"""Codes of what single passes can find."""

from compiler.diagnostic import Code, Severity

BUILDER_CONVERTS = Code(
    "P014",
    "builder-converts",
    Severity.NOTE,
    "The board's own program turns the network into half precision; the file stays in 32 bits. Fidelity and accuracy "
    "in the report are emulated: what each layer writes is rounded to 16 bits, sums inside a layer are not. The kit's "
    "self-test on the board shows what its own kernels make of it.",
)
OPSET_NOT_LOWERED = Code(
    "P016",
    "opset-not-lowered",
    Severity.WARNING,
    "The target reads an older version of ONNX's operator set than the network uses, and at least one node has "
    "no exact counterpart there. The message names the first such node and what about it is too new.",
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
BACKBONE_JOINED = Code(
    "P067",
    "backbone-joined",
    Severity.NOTE,
    "How the rest of the network hangs on the new backbone: which of its stages a tensor of the old one is made from, "
    "and what was added or re-made because channels or sizes differ.",
)
BACKBONE_UNSEEN = Code(
    "P068",
    "backbone-unseen",
    Severity.NOTE,
    "A backbone `timm:NAME` is exported by timm and torch, which lint loads neither of. Until a build has exported it "
    "once on this machine, lint does not know its layers: what it says is about the network with its old backbone. The "
    "build checks the operators on the target before it does anything else.",
)
LIBRARY_MISSING = Code(
    "P069",
    "library-missing",
    Severity.ERROR,
    "A backbone `timm:NAME` is built by the library timm, which is an extra: `pip install compress[timm]`. It brings "
    "torchvision along, which must fit the installed torch. Only the machine that builds needs it; the board and "
    "`compress lint` do not. The compiler's own backbones need no extra.",
)
NO_CALIBRATION = Code(
    "P080",
    "no-calibration",
    Severity.ERROR,
    "A pass has to see what the network's tensors hold on real images, and the recipe names none. A few dozen pictures "
    "of what the camera will see are enough; they need no labels.",
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
BORDERS_ALONE = Code(
    "P098",
    "borders-alone",
    Severity.ERROR,
    "Inputs and outputs in half precision go with a network that computes in it. Where only the weights are stored in "
    "16 bits, arithmetic stays in 32, and every border would need a conversion that gains nothing.",
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
    "How many weights are zero, and what they take: as many bytes as before where every weight is stored, and less in "
    "a packed archive. The packed figures are those of the weights alone, as gzip packs them. If the target's kit "
    "leaves zeros out of its model file, a note of its own says what the file weighs.",
)
ZEROS_LEFT_OUT = Code(
    "P099",
    "zeros-left-out",
    Severity.NOTE,
    "The model file holds, of each weight that has enough zeros, one bit for every number and the numbers that are "
    "not zero. Plain ONNX operators put them together while the runtime loads the model: loading takes a moment "
    "longer, the loaded weights are the same bit for bit, and inference takes the same time. Weights for which that "
    "would be no smaller are stored as always. A kit that holds weights in files of their own packs those too.",
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
