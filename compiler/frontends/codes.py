"""The M1xx codes: what can go wrong between a torch factory and the model that it exports."""

from compiler.diagnostic import Code, Severity

FACTORY_SPEC_INVALID = Code(
    "M101",
    "factory-spec-invalid",
    Severity.ERROR,
    "A torch model is named by the function that builds it. Write `file.py:function`, where the file is relative to "
    "the recipe, or `package.module:function` for an installed package. The part after the colon is one plain name.",
)

FACTORY_SOURCE_MISSING = Code(
    "M102",
    "factory-source-missing",
    Severity.ERROR,
    "The file or the module that should hold the factory does not exist. A file is looked for relative to the folder "
    "of the recipe that names it. A module is looked for in each folder of the Python path; nothing is imported.",
)

FACTORY_FUNCTION_MISSING = Code(
    "M103",
    "factory-function-missing",
    Severity.ERROR,
    "The factory's file was read, but it has no function of the given name. A class that can be called with the "
    "recipe's arguments serves as well as a function.",
)

FACTORY_RAISES = Code(
    "M104",
    "factory-raises",
    Severity.ERROR,
    "The factory's own code failed, either while its file was imported or while the function ran. The place shown is "
    "the last line of your own code that was reached. Run the function alone in Python to see the whole traceback.",
)

FACTORY_ARGS_WRONG = Code(
    "M105",
    "factory-args-wrong",
    Severity.ERROR,
    "The arguments in the recipe do not fit the factory's signature. Every key under `args` is passed as a keyword. "
    "Every parameter without a default needs a key.",
)

FACTORY_RETURNS_NO_MODULE = Code(
    "M106",
    "factory-returns-no-module",
    Severity.ERROR,
    "The factory must return the network itself, a `torch.nn.Module`. A pair, a dictionary or a file of weights "
    "cannot be exported. Return the module, and name the weights as the recipe's checkpoint.",
)

CHECKPOINT_MISSING = Code(
    "M107",
    "checkpoint-missing",
    Severity.ERROR,
    "The checkpoint that the recipe names does not exist. Its path is relative to the folder of the recipe. Without a "
    "`checkpoint` key the factory's own weights are used.",
)

CHECKPOINT_UNREADABLE = Code(
    "M108",
    "checkpoint-unreadable",
    Severity.ERROR,
    "The checkpoint could not be read as plain tensors. Files are loaded with `weights_only`, since unpickling other "
    "objects can run any code. Save `model.state_dict()` with `torch.save`, alone or under the key `state_dict` or "
    "`model` of a dictionary. A file that ends in `.safetensors` is read as such.",
)

CHECKPOINT_MISMATCH = Code(
    "M109",
    "checkpoint-mismatch",
    Severity.ERROR,
    "The checkpoint's tensors are not the module's: a name is missing or unknown, or a shape differs. Every tensor "
    "must fit, since a layer left at its initial weights would spoil the model silently. Look at the factory's "
    "arguments first, such as the number of classes.",
)

INPUT_REFUSED = Code(
    "M110",
    "input-refused",
    Severity.ERROR,
    "The module could not compute its outputs for the inputs that the recipe declares. The inputs are passed in the "
    "order of the recipe, as float tensors of the given shapes. The layer shown is the one that was running.",
)

EXPORT_UNSUPPORTED = Code(
    "M111",
    "export-unsupported",
    Severity.ERROR,
    "The module runs, but it cannot be written as an ONNX graph. The message names the operator, and the layer where "
    "that is known. Replace the operation by one that ONNX has, or leave it to the code around the model.",
)

OUTPUT_NAMES_WRONG = Code(
    "M112",
    "output-names-wrong",
    Severity.ERROR,
    "A module may name its outputs in an attribute `output_names`. It must hold one name for each output tensor, all "
    "different from each other and from the inputs. Without the attribute the outputs are called output0, output1 and "
    "so on.",
)

STRUCTURE_UNREADABLE = Code(
    "M113",
    "structure-unreadable",
    Severity.ERROR,
    "A structure lock holds the graph of a torch model without its weights, so that a recipe is checked without torch. "
    "This one was edited, cut short, or written in another format version. Write it again with `compress lock`.",
)

BACKBONE_UNKNOWN = Code(
    "M114",
    "backbone-unknown",
    Severity.ERROR,
    "The installed timm has no network of this name. Names are those of `timm.list_models()`, with or without the tag "
    "of a set of weights behind a dot; newer versions of timm have more. Nothing is looked for in the network.",
)

BACKBONE_UNFIT = Code(
    "M115",
    "backbone-unfit",
    Severity.ERROR,
    "A network of timm cannot serve as a backbone here: timm cannot cut it into stages, its maps are not laid out as "
    "channels, height, width, or its operators cannot be written in the version of ONNX that the network uses.",
)
