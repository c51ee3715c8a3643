"""The command line: names, options and help. Each command imports its work when it runs, so help is fast."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="compress",
    help="Get convolutional networks onto small boards: a recipe in, a deployable artifact and a report out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


class LintFormat(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a value.")]
TargetOption = Annotated[list[str] | None, typer.Option("--target", help="Board; may be given several times.")]
FormatOption = Annotated[Format, typer.Option("--format", help="text or json.")]
InputOption = Annotated[
    list[str] | None, typer.Option("--input", metavar="NAME=1,3,480,640", help="Shape of an input that is open.")
]
RecipeArgument = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", show_default=False)]


@app.command()
def build(  # noqa: PLR0913, PLR0917 - one parameter per option
    recipe: RecipeArgument,
    target: TargetOption = None,
    out: Annotated[Path, typer.Option(help="Folder for artifacts.")] = Path("build"),
    sets: SetOption = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Load the network anew.")] = False,
    output: FormatOption = Format.TEXT,
    dump_ir: Annotated[bool, typer.Option("--dump-ir", help="Write the network after each pass.")] = False,
) -> None:
    """Build a recipe: run its passes and write the artifact and the report for each target."""
    from compiler.build import Options
    from compiler.commands.build import build_command

    options = Options(tuple(target or ()), out, tuple(sets or ()), is_dumping=dump_ir, is_caching=not no_cache)
    _leave(build_command(recipe, options, output.value))


@app.command()
def lint(
    paths: Annotated[
        list[Path], typer.Argument(help="Recipes, folders of recipes, or ONNX files.", show_default=False)
    ],
    target: TargetOption = None,
    sets: SetOption = None,
    output: Annotated[LintFormat, typer.Option("--format", help="text, json, sarif or github.")] = LintFormat.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
) -> None:
    """Check recipes and models for their targets, without data, GPU or vendor tools."""
    from compiler.commands.lint import lint_command

    _leave(lint_command(paths, tuple(target or ()), tuple(sets or ()), output.value, is_strict=strict))


@app.command()
def inspect(  # noqa: PLR0913, PLR0917 - options of the command line
    model: Annotated[Path, typer.Argument(help="An ONNX file.", show_default=False)],
    target: Annotated[str | None, typer.Option("--target", help="Board to predict the latency on.")] = None,
    setup: Annotated[str | None, typer.Option("--setup", help="Another latency model of the board.")] = None,
    output: FormatOption = Format.TEXT,
    groups: Annotated[bool, typer.Option("--groups", help="Show which layers lose filters together.")] = False,
    stages: Annotated[bool, typer.Option("--stages", help="Show where a backbone could be cut off.")] = False,
    inputs: InputOption = None,
) -> None:
    """Show a model layer by layer: parameters, multiply-accumulates, bytes and predicted milliseconds."""
    if groups and target is not None:
        raise typer.BadParameter("no board has a say in the groups; leave out --target or --groups")
    if setup is not None and target is None:
        raise typer.BadParameter("--setup picks one of a board's latency models; add --target")
    if stages and (groups or target is not None):
        raise typer.BadParameter("--stages stands alone; leave out --target and --groups")
    shapes = _shapes(inputs)
    if stages:
        from compiler.commands.inspect_stages import inspect_stages_command

        _leave(inspect_stages_command(model, shapes, output.value))
    if groups:
        from compiler.commands.inspect_groups import inspect_groups_command

        _leave(inspect_groups_command(model, shapes, output.value))
    from compiler.commands.inspect import inspect_command

    _leave(inspect_command(model, shapes, target, setup, output.value))


@app.command()
def targets(name: Annotated[str | None, typer.Argument(help="One target, in full.")] = None) -> None:
    """List the boards that the compiler knows, or describe one."""
    from compiler.commands.listing import targets_command

    _leave(targets_command(name))


@app.command()
def passes(name: Annotated[str | None, typer.Argument(help="One pass, in full.")] = None) -> None:
    """List the passes that a recipe may name, or describe one with its options."""
    from compiler.commands.listing import passes_command

    _leave(passes_command(name))


@app.command()
def explain(word: Annotated[str, typer.Argument(help="A code such as T012, its slug, a pass or a target.")]) -> None:
    """Print the manual page of a code, a pass or a target."""
    from compiler.commands.listing import explain_command

    _leave(explain_command(word))


@app.command()
def init(
    model: Annotated[Path, typer.Argument(help="An ONNX file.", show_default=False)],
    target: Annotated[str, typer.Option("--target", help="Board.")] = "tx2",
    out: Annotated[Path, typer.Option(help="The recipe to write.")] = Path("recipe.yaml"),
    inputs: InputOption = None,
) -> None:
    """Write a commented recipe for a model."""
    from compiler.commands.init import init_command

    _leave(init_command(model, _shapes(inputs), target, out))


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors."""
    from compiler.commands.listing import schema_command

    _leave(schema_command())


@app.command()
def lock(recipe: RecipeArgument) -> None:
    """Write down the structure of a recipe's torch network, so that lint need not import torch."""
    from compiler.commands.lock import lock_command

    _leave(lock_command(recipe))


@app.command()
def verify(
    artifact: Annotated[Path, typer.Argument(help="An artifact's folder.", show_default=False)],
    output: FormatOption = Format.TEXT,
) -> None:
    """Check an artifact's files against its manifest, and run its self-test in ONNX Runtime."""
    from compiler.commands.verify import verify_command

    _leave(verify_command(artifact, output.value))


@app.command()
def bench(
    artifact: Annotated[Path, typer.Argument(help="An artifact's folder.", show_default=False)],
    ssh: Annotated[str | None, typer.Option("--ssh", help="Where to run it: user@board.")] = None,
    ssh_config: Annotated[Path | None, typer.Option("--ssh-config", help="A configuration file for ssh.")] = None,
    arguments: Annotated[str, typer.Option("--run-with", help="Options for the kit's last script.")] = "",
    output: FormatOption = Format.TEXT,
) -> None:
    """Time an artifact on a board through ssh, and set what it took beside the prediction in its report.

    Without --ssh, an artifact for the target `host` is run on this machine; for any other target, the measurement.json
    that is in the artifact's folder already is taken.
    """
    from compiler.commands.bench import bench_command

    _leave(bench_command(artifact, ssh, ssh_config, arguments, output.value))


@app.command()
def calibrate(
    target: Annotated[str, typer.Argument(help="The board, by name or by profile file.", show_default=False)],
    measurements: Annotated[
        list[Path], typer.Argument(help="measurement.json files, each in its artifact's folder.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="The profile to write.")] = None,
    output: FormatOption = Format.TEXT,
) -> None:
    """Fit a copy of a board's latency model to your own measurements."""
    from compiler.commands.calibrate import calibrate_command

    _leave(calibrate_command(target, measurements, out, output.value))


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="A build's folder.", show_default=False)],
    after: Annotated[Path, typer.Argument(help="Another build's folder.", show_default=False)],
    output: FormatOption = Format.TEXT,
) -> None:
    """Compare two builds: cost, accuracy, passes and files."""
    from compiler.commands.diff import diff_command

    _leave(diff_command(before, after, output.value))


def _shapes(texts: list[str] | None) -> dict[str, tuple[int, ...]]:
    """Read NAME=1,3,480,640; a name may hold an equals sign, as tensors' names may."""
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts or ():
        name, _, sizes = text.rpartition("=")
        parts = [part.strip() for part in sizes.strip("[] ").split(",")]
        if not name or not all(re.fullmatch("0*[1-9][0-9]{0,9}", part) for part in parts):
            raise typer.BadParameter(f"--input takes a name and sizes above zero, NAME=1,3,480,640, not {text!r}")
        shapes[name.strip()] = tuple(map(int, parts))
    return shapes


def _leave(status: int) -> None:
    """End the program with an exit status."""
    raise typer.Exit(status)


def main() -> None:
    """Run the command line. A fault of the compiler itself becomes a message that asks for a report."""
    from compiler.commands.guard import guarded

    guarded(app)
