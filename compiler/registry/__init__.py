"""What is installed, by name: passes, boards, rules, emitters and codes; nothing is imported before it is asked for."""

from compiler.registry.lookup import (
    codes,
    emitter_for,
    find_code,
    load_named_target,
    load_pass,
    pass_names,
    rules,
    target_files,
    target_names,
)

__all__ = [
    "codes",
    "emitter_for",
    "find_code",
    "load_named_target",
    "load_pass",
    "pass_names",
    "rules",
    "target_files",
    "target_names",
]
