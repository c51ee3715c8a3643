"""Options of the two scopes that do not fit together."""

from collections.abc import Collection
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from compiler.codes.recipe import BAD_VALUE

_GLOBAL = ("goal", "max_level", "sensitivity_images")


def check_scope(title: str, scope: str, stated: Collection[str]) -> None:
    """Check the options that a recipe states against the scope. Raises what pydantic turns into a fault of the recipe.

    A missing `level` is told as pydantic tells of an option that always has to be there.
    """
    if "level" not in stated and not (scope == "global" and "goal" in stated):
        details = InitErrorDetails(type="missing", loc=("level",), input={})
        raise ValidationError.from_exception_data(title, [details])
    for option in _GLOBAL:
        if scope != "global" and option in stated:
            help_ = "add `scope: global`, or remove it"
            context = {"fault": f"`{option}` needs `scope: global`", "key": option, "help": help_}
            raise PydanticCustomError(cast("Any", BAD_VALUE.slug), "{fault}", context)
