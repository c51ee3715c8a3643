"""Pictures of what the cluster criterion saw: a layer's feature maps by cluster, with those that stay marked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from compiler.analysis.criteria.cluster import choose_scenes, has_map
from compiler.analysis.criteria.cluster_options import ClusterOptions
from compiler.analysis.feature_maps import block_output
from compiler.analysis.pictures import Picture, draw_scene, draw_sheet, in_groups, photograph_on
from compiler.analysis.regions import Scene
from compiler.analysis.selectors import check_selectors, select
from compiler.codes.passes import TOO_MANY_PICTURES
from compiler.diagnostic import Diagnostic
from compiler.ir import ProgramView, runnable_bytes
from compiler.reference import Session

_DRAWN = ("Conv", "ConvTranspose")
MOST_PICTURES = 8
"""Layers that one report draws at most."""


def check_pictures(program: ProgramView, options: ClusterOptions) -> Iterator[Diagnostic]:
    """Yield an error for each pattern that matches no layer, and for more layers than a report draws."""
    patterns = options.pictures or ()
    yield from check_selectors(program, patterns, "cluster.pictures")
    count = sum(has_map(program, layer) for layer in select(program, patterns) if program.op(layer).op_type in _DRAWN)
    if count > MOST_PICTURES:
        said = f"cluster.pictures selects {count} layers, more than the {MOST_PICTURES} that a report draws"
        yield Diagnostic(TOO_MANY_PICTURES, said, "name the layers that matter")


def pictured_layers(program: ProgramView, options: ClusterOptions, pruned: Iterable[str]) -> list[str]:
    """Name the layers to draw, in the network's order: those of the recipe, else the first that loses filters."""
    layers = [layer for layer in pruned if has_map(program, layer)]
    if options.pictures is None:
        return layers[:1]
    wanted = select(program, options.pictures)
    return [layer for layer in layers if layer in wanted][:MOST_PICTURES]


def cluster_pictures(
    program: ProgramView,
    clusters: Mapping[str, Sequence[int]],
    kept: Mapping[str, Sequence[int]],
    scenes: Iterable[Scene],
    options: ClusterOptions,
) -> Iterator[Picture]:
    """Draw layers as the first of the images shows them; the network is the one before anything is removed."""
    layers = pictured_layers(program, options, clusters)
    scene = next(choose_scenes(scenes, options), None)
    if scene is None or not layers:
        return
    tensors = {layer: block_output(program, layer, options.tensor) for layer in layers}
    values = Session(runnable_bytes(program, list(dict.fromkeys(tensors.values())))).run(scene.feeds)
    shown = {"scene": draw_scene(scene), "scene_alt": f"{scene.name} as the network sees it, with {_boxes(scene)}"}
    for layer, tensor in tensors.items():
        sheet, columns, width, height = draw_sheet(photograph_on(scene, values[tensor][0]))
        count, total, stay = len(set(clusters[layer]) - {-1}), len(clusters[layer]), len(kept[layer])
        is_first = layer == layers[0]
        caption = f"{total} feature maps in {count} clusters; {stay} are kept."
        yield Picture(
            title=layer,
            caption=f"{caption} {_key(scene, options)}" if is_first else caption,
            sheet=sheet,
            sheet_alt=f"{total} feature maps of {layer} in {count} clusters, {stay} of them marked as kept",
            columns=columns,
            width=width,
            height=height,
            groups=in_groups(clusters[layer], kept[layer]),
            marked=tuple(kept[layer]),
            **(shown if is_first else {}),
        )


def _key(scene: Scene, options: ClusterOptions) -> str:
    """Say in plain words which image this is and what the frames mean."""
    which = "the image" if options.count == 1 else "the first of the images"
    where = "on objects" if options.regions == "boxes" else "in the middle of the image"
    return (
        f"They show {scene.name} ({_boxes(scene)}), {which} that the criterion looked at. Each runs from black, its "
        f"low values, to white, its high ones. Maps in one frame behave alike and are one cluster; of each, the map "
        f"that varies most {where} is kept and has a thick border. The filters of the others are removed."
    )


def _boxes(scene: Scene) -> str:
    return "1 box" if len(scene.visible) == 1 else f"{len(scene.visible)} boxes"
