"""From a recipe's words to a ranking: ask the criterion, and say what it lacks."""

from collections.abc import Iterable

import numpy as np

from compiler.analysis.channels import Channels
from compiler.analysis.criteria.cluster import rank_by_clusters
from compiler.analysis.criteria.cluster_options import ClusterOptions
from compiler.analysis.criteria.ranking import Ranking, rank_by_scores
from compiler.analysis.regions import Scene
from compiler.codes.passes import CRITERION_LACKS
from compiler.diagnostic import CompressError, Diagnostic
from compiler.ir import ProgramView


def rank(  # noqa: PLR0913, PLR0917 - a criterion, and all that one may look at
    criterion: str,
    options: ClusterOptions,
    program: ProgramView,
    channels: Channels,
    scenes: Iterable[Scene],
    rng: np.random.Generator,
) -> Ranking:
    """Ask the criterion of this name. Raises CompressError when it lacks what it needs."""
    if criterion != "cluster":
        found = rank_by_scores(criterion, program, channels, rng)
        if isinstance(found, str):
            said = f"criterion {criterion} needs a BatchNormalization right after every layer, {found} has none"
            raise CompressError(Diagnostic(CRITERION_LACKS, said, "choose l1, or `only` layers that have one"))
        return found
    ranking = rank_by_clusters(program, channels, scenes, options, int(rng.integers(2**32)))
    if ranking is None:
        raise CompressError(no_scenes(options))
    return ranking


def no_scenes(options: ClusterOptions) -> Diagnostic:
    """Say what images the cluster criterion lacks."""
    wanted = "images with boxes" if options.regions == "boxes" else "images"
    said = f"criterion cluster needs {wanted}, and the recipe's data has none"
    advice = "add `coco` labels to data.calibration or data.validation, or set `cluster: {regions: whole}`"
    return Diagnostic(CRITERION_LACKS, said, advice)
