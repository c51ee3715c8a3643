"""What a recipe can say about the cluster criterion."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from compiler.analysis.feature_maps import Seen


class ClusterOptions(BaseModel):
    """How the cluster criterion looks at feature maps."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    preset: Literal["recommended", "paper"] = Field(
        default="recommended", description="paper: one image, raw statistics; recommended: several images, standardised"
    )
    images: int | None = Field(
        default=None, ge=1, description="how many images the recommended preset looks at; default: 16"
    )
    regions: Literal["boxes", "whole"] = Field(
        default="boxes", description="boxes: objects against background; whole: centre against border, without labels"
    )
    mask: Literal["cells", "area"] = Field(
        default="cells", description="cells: a box counts whole each cell it touches; area: the share that it covers"
    )
    order: Literal["one-shot", "sequential"] = Field(
        default="one-shot", description="sequential: look at each layer with the earlier ones already pruned; slow"
    )
    pictures: tuple[str, ...] | None = Field(
        default=None, description="layers whose feature maps the report draws; default: the first one pruned; []: none"
    )
    tensor: Seen = Field(default="post-activation", description="which tensor of a layer is its feature map")

    @model_validator(mode="after")
    def _paper_looks_at_one(self) -> Self:
        if self.preset == "paper" and self.images not in (None, 1):
            raise ValueError(f"the paper's preset looks at 1 image, not at {self.images}")
        return self

    @property
    def count(self) -> int:
        """How many images to look at."""
        return 1 if self.preset == "paper" else self.images or 16
