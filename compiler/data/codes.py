"""The codes of everything that can be wrong with a recipe's data, R101 to R129."""

from compiler.data.label_codes import LABEL_CODES
from compiler.diagnostic import Code, Severity

FOLDER_MISSING = Code(
    "R101",
    "images-folder-missing",
    Severity.ERROR,
    "The folder that `images` names is not there, or is a file. Paths in a recipe count from the folder that holds the "
    "recipe, not from where the command runs. Correct the path, or fetch the data set first.",
)
NO_IMAGES = Code(
    "R102",
    "no-images",
    Severity.ERROR,
    "The data source yields no image at all. A folder is searched for files ending in .bmp, .jpeg, .jpg, .png or "
    ".webp, not in its subfolders; a COCO file must list at least one image. Point `images` at the folder that holds "
    "them.",
)
IMAGE_UNREADABLE = Code(
    "R103",
    "image-unreadable",
    Severity.ERROR,
    "A file looks like an image by its name but cannot be decoded. It may be cut short, empty, or another format under "
    "a wrong name. Replace it or take it out; the compiler does not skip it, because the figures would then "
    "silently belong to fewer images.",
)
COCO_UNREADABLE = Code(
    "R104",
    "coco-unreadable",
    Severity.ERROR,
    "The file that `coco` names is missing or is not JSON text. Paths in a recipe count from the folder that holds the "
    "recipe. Open the file at the line that the message gives, or export the annotations again.",
)
COCO_MALFORMED = Code(
    "R105",
    "coco-malformed",
    Severity.ERROR,
    "The file is JSON but does not follow the COCO layout. It needs `images` (id, file_name), `annotations` (image_id, "
    "category_id, bbox as x, y, width, height in pixels) and `categories` (id, name). Identifiers may appear once "
    "only, and an annotation may name only images and categories that the file lists.",
)
COCO_IMAGE_MISSING = Code(
    "R106",
    "coco-image-missing",
    Severity.ERROR,
    "The COCO file lists an image that the `images` folder does not hold. Often the folder is one level too high or "
    "too low. Correct `images`, or add the missing files.",
)
COCO_IMAGE_ESCAPES = Code(
    "R107",
    "coco-image-escapes",
    Severity.ERROR,
    "A `file_name` in the COCO file is absolute or climbs out of the `images` folder with `..`. An annotation file may "
    "come from anywhere, so it may name files below the folder only. Rewrite the names relative to that folder.",
)
IMAGE_SIZE = Code(
    "R108",
    "image-size-mismatch",
    Severity.ERROR,
    "`resize: none` promises that every image already has the size that the model takes, and one has not. Resize the "
    "files, or let the compiler do it with `resize: letterbox` (keeps the proportions) or `resize: stretch`.",
)
HEAD_MISMATCH = Code(
    "R109",
    "yolo-head-mismatch",
    Severity.ERROR,
    "The outputs of the model do not fit the `anchors` of the recipe. The yolo decoder wants one list of anchors for "
    "each output, finest grid first, each a flat list of widths and heights, and outputs of shape [1, anchors x (5 + "
    "classes), rows, columns] that hold raw scores.",
)
CLASS_MISMATCH = Code(
    "R110",
    "class-count-mismatch",
    Severity.ERROR,
    "The model predicts another number of classes than the labels have. Class k of the model is taken to be the COCO "
    "category with the k-th smallest id, YOLO class k, or the k-th class folder, so the two numbers must agree. Check "
    "that the labels and the model belong together.",
)
NOT_LABELLED = Code(
    "R111",
    "data-not-labelled",
    Severity.ERROR,
    "Accuracy was asked for on images whose labels do not tell it: `ap50` and `ap` need true boxes, `top1` and `top5` "
    "classes, `pck` and `pckh` keypoints. Either the source names no labels, or none of the images taken has one. Name "
    "labels, raise `limit`, or measure `fidelity`, which needs none.",
)
INPUT_SIZE_UNKNOWN = Code(
    "R112",
    "input-size-unknown",
    Severity.ERROR,
    "Images are resized to the size that `preprocess.size` gives, and it gives none. The compiler fills it in from the "
    "model when the model declares a fixed height and width. State `size: [height, width]` otherwise.",
)

DATA_CODES: tuple[Code, ...] = (
    FOLDER_MISSING,
    NO_IMAGES,
    IMAGE_UNREADABLE,
    COCO_UNREADABLE,
    COCO_MALFORMED,
    COCO_IMAGE_MISSING,
    COCO_IMAGE_ESCAPES,
    IMAGE_SIZE,
    HEAD_MISMATCH,
    CLASS_MISMATCH,
    NOT_LABELLED,
    INPUT_SIZE_UNKNOWN,
    *LABEL_CODES,
)
