"""The codes of everything that can be wrong with labels, arrays and what a metric makes of them, R113 to R128."""

from compiler.diagnostic import Code, Severity

YOLO_MALFORMED = Code(
    "R113",
    "yolo-malformed",
    Severity.ERROR,
    "A YOLO label file, or the data.yaml above it, is not what the format says. Each line of a label file is `class "
    "x y width height`: the number of the class, then centre and size as shares of the photograph from 0 to 1; "
    "keypoints may follow when data.yaml states `kpt_shape`. Outlines of segments are not boxes; convert them first.",
)
LABELS_MISSING = Code(
    "R114",
    "labels-missing",
    Severity.ERROR,
    "Images have no label file. YOLO keeps the labels of picture.jpg in picture.txt in the labels folder; with a "
    "data.yaml that folder is the path of `images` with its last part `images` replaced by `labels`. Where an image "
    "without a file is meant to show no object, say `unlabelled: background`.",
)
UNKNOWN_CLASS = Code(
    "R115",
    "label-class-unknown",
    Severity.ERROR,
    "A label carries the number of a class that the data set, or the network, does not have. Classes count from 0. "
    "Correct the label, or the list of names.",
)
BOX_OUTSIDE = Code(
    "R116",
    "box-outside-image",
    Severity.ERROR,
    "A true box lies outside of its photograph, or a coordinate that should be a share from 0 to 1 is more. Often "
    "labels were made for another size of the image, or in pixels where the format wants shares. Overhang of a box "
    "that lies partly on the photograph is fine.",
)
ROTATION_MARK = Code(
    "R117",
    "image-rotation-mark",
    Severity.ERROR,
    "A photograph carries a mark (EXIF orientation) by which viewers turn it, and the recipe does not say whether to. "
    "Labels fit only one of the two, and a network sees another picture than the person who looks at the file. Say "
    "`orientation: upright` under `preprocess` to turn images as viewers do, or `orientation: stored` to take the "
    "pixels as they lie in the file.",
)
IMAGE_DEPTH = Code(
    "R118",
    "image-depth",
    Severity.ERROR,
    "An image has more than 8 bits in each channel. `scale`, `mean` and `std` count in steps of 0 to 255, so such an "
    "image would come out white or dark. Convert the files to 8 bits, or give prepared arrays as an .npz file.",
)
SIZE_CONTRADICTION = Code(
    "R119",
    "image-size-contradiction",
    Severity.ERROR,
    "The label file states another width and height than the image has, so its boxes would lie in wrong places. The "
    "image was resized or turned after it was labelled. Give the images that were labelled; where the two are only "
    "swapped, `orientation` under `preprocess` settles it.",
)
NPZ_UNREADABLE = Code(
    "R120",
    "npz-unreadable",
    Severity.ERROR,
    "The file that `npz` names is missing, cut short, or no archive of arrays. Write it with "
    "`numpy.savez(file, name=array)`.",
)
NPZ_MALFORMED = Code(
    "R121",
    "npz-malformed",
    Severity.ERROR,
    "The archive opens but an array in it cannot serve. Arrays of Python objects are refused, since unpickling them "
    "can run any code. The first axis of every array counts the examples, so all must be equally long; `labels` holds "
    "one whole number for each example.",
)
ARRAY_MISMATCH = Code(
    "R122",
    "array-mismatch",
    Severity.ERROR,
    "A prepared array does not fit the network's input: another name, shape or element type. Nothing is converted, "
    "because a network that was fed other numbers than it was trained on gives figures that mean nothing. Arrays of "
    "8-bit integers shaped [examples, height, width, 3] count as photographs and go through `preprocess`.",
)
CLASS_FOLDERS = Code(
    "R123",
    "class-folders",
    Severity.ERROR,
    "The folder that `classes` names does not hold one subfolder of images for each class. Class 0 is the first "
    "subfolder by name, as in torchvision; where names are numbers whose order as text is another (10 before 2), "
    "or the network has its own order, state it with `names`.",
)
PYTHON_DATA = Code(
    "R124",
    "python-data-malformed",
    Severity.ERROR,
    "The function that `python` names returns something else than a sequence of examples. It returns an object with a "
    "length and `[index]`, such as a list or a torch Dataset. Each example is an image (path, 8-bit array of height x "
    "width x 3, or PIL image), a pair of image and class number, or a dictionary with `image` or `inputs` and any of "
    "`boxes`, `classes`, `keypoints`, `label`.",
)
OUTPUT_MISMATCH = Code(
    "R125",
    "output-mismatch",
    Severity.ERROR,
    "The outputs of the network are not what the metric reads: scores of classes for `top1` and `top5`, heat maps [1, "
    "keypoints, rows, columns] or coordinates for `pck` and `pckh`, boxes and scores for the decoders `boxes` and "
    "`ssd`. Where the network has several outputs, `output` or `outputs` under `evaluate` names the right ones.",
)
KEYPOINT_MISMATCH = Code(
    "R126",
    "keypoint-mismatch",
    Severity.ERROR,
    "The labelled keypoints do not fit the network or the metric. The network must predict as many as are labelled; "
    "`head` and `torso` name two of them by number, from 0; and each image may show one labelled person or animal, "
    "since the network's output belongs to the whole image.",
)
SIZE_MISMATCH = Code(
    "R127",
    "input-size-mismatch",
    Severity.ERROR,
    "`preprocess` makes images of another size, or with another number of channels, than the network takes. Leave "
    "`size` and `layout` out, and the compiler takes them from the network; or correct them.",
)
AUGMENT_NEEDS_IMAGES = Code(
    "R128",
    "augment-needs-images",
    Severity.ERROR,
    "The recipe asks for augmentation, and the training data are prepared arrays, in which nothing can be turned, "
    "shifted or coloured. Give images, or 8-bit arrays shaped [examples, height, width, 3], or leave `augment` out.",
)
IMAGES_UNFIT = Code(
    "R129",
    "images-do-not-fit",
    Severity.ERROR,
    "The recipe gives images, and the network does not take one image at a time: its input has another form than [1, "
    "channels, height, width] with 1 or 3 channels, or there are several inputs. Where the channels come last, say "
    "`model: {input_layout: nhwc}`; where the batch is fixed, export with a batch of 1; for all else give prepared "
    "arrays, `npz` or `python`.",
)

LABEL_CODES: tuple[Code, ...] = (
    YOLO_MALFORMED,
    LABELS_MISSING,
    UNKNOWN_CLASS,
    BOX_OUTSIDE,
    ROTATION_MARK,
    IMAGE_DEPTH,
    SIZE_CONTRADICTION,
    NPZ_UNREADABLE,
    NPZ_MALFORMED,
    ARRAY_MISMATCH,
    CLASS_FOLDERS,
    PYTHON_DATA,
    OUTPUT_MISMATCH,
    KEYPOINT_MISMATCH,
    SIZE_MISMATCH,
    AUGMENT_NEEDS_IMAGES,
    IMAGES_UNFIT,
)
