"""The JSON Schema of a recipe, by which editors complete and check it."""

from collections.abc import Mapping
from typing import Any, cast

from compiler.recipe import Recipe, Repeat

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAME = {"type": "string", "minLength": 1}
_REFERENCE = "#/$defs/"


def recipe_schema(pass_options: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of a recipe whose passes have these names and these schemas of their options."""
    schema = Recipe.model_json_schema()
    properties, definitions = schema["properties"], schema["$defs"]
    definitions.pop("Step", None)
    properties["target"] |= {"oneOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]}
    for replaced in ("type", "items"):
        properties["target"].pop(replaced, None)
    forms = _steps(pass_options, definitions)
    properties["passes"] |= {"type": "array", "items": {"oneOf": [*forms, _repeat(forms)]}}
    for section in ("data", "budget", "passes", "allow"):
        properties[section] = _or_null(properties[section])
    # What a recipe leaves out may stand in the file that it extends.
    required = schema.pop("required")
    schema["anyOf"] = [{"required": required}, {"required": ["extends"]}]
    return {"$schema": _DRAFT, **schema}


def _steps(pass_options: Mapping[str, dict[str, Any]], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the forms that an entry of `passes` takes: a bare name, or one name with that pass's options."""
    bare = [name for name, options in pass_options.items() if not _has_to_say(options)]
    forms: list[dict[str, Any]] = [{"enum": sorted(bare)}] if bare else []
    for name, options in sorted(pass_options.items()):
        moved = cast("dict[str, Any]", _rename(options, name))
        for key, definition in moved.pop("$defs", {}).items():
            definitions[f"{name}.{key}"] = definition
        form: dict[str, Any] = {"type": "object", "required": [name], "additionalProperties": False}
        form["properties"] = {name: moved if _has_to_say(options) else _or_null(moved)}
        forms.append(form | {key: moved[key] for key in ("title", "description") if key in moved})
    return forms or [{"not": {}}]


def _has_to_say(options: Mapping[str, Any]) -> bool:
    """Tell whether a pass cannot do without options: one, or one of several."""
    return bool(options.get("required") or options.get("anyOf"))


def _repeat(forms: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the form of an entry that runs passes several times over; its passes take every form but its own."""
    options = Repeat.model_json_schema()
    options.pop("$defs", None)
    options["properties"]["passes"]["items"] = {"oneOf": forms}
    told = {"type": "object", "required": ["repeat"], "additionalProperties": False}
    return {**told, "description": options["description"], "properties": {"repeat": options}}


def _rename(part: object, name: str) -> object:
    """Return a copy of a schema whose references lead to definitions that carry the pass's name."""
    if isinstance(part, list):
        return [_rename(item, name) for item in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    copy = {key: _rename(item, name) for key, item in cast("dict[str, object]", part).items()}
    reference = copy.get("$ref")
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        copy["$ref"] = f"{_REFERENCE}{name}.{reference.removeprefix(_REFERENCE)}"
    return copy


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Let a section be blank, as it is while its lines are commented out."""
    told = {key: schema[key] for key in ("title", "description", "default") if key in schema}
    return {"anyOf": [schema, {"type": "null"}], **told}
