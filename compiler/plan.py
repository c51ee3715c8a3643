"""The plan: a recipe's passes with their options read, the clean-ups that every artifact gets, and the target."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from compiler.codes.plan import NESTED_REPEAT, NO_TARGET, SPOILT_STEP, UNDONE_STEP, UNUSUAL_ORDER
from compiler.contracts import Pass
from compiler.diagnostic import Code, CompressError, Diagnostic, Span
from compiler.recipe import LoadedRecipe, Repeat
from compiler.recipe import Step as Entry
from compiler.registry import load_named_target, load_pass
from compiler.target import Target
from compiler.yaml.node import Key

CLEAN_UPS = (
    "remove-identity",
    "fold-constants",
    "cancel-transposes",
    "pool-means",
    "fold-batchnorm",
    "fold-affine",
    "fold-pad",
    "lower-opset",
    "add-gemm-bias",
    "remove-dead-code",
)
"""Exact passes that run before emitting, and before any pass that needs a clean program."""

FITTINGS = ("lower-operators",)
"""Exact passes that run after all others, and before one that asks: they write the network as its target needs it."""

CLEAN = "clean"
"""The property that the clean-ups give."""

FITTED = "fitted"
"""The property that the fittings give: the network is written in the operators of its target."""

AFFINE_FOLDED = "affine-folded"
"""The property that fold-affine gives: what is added to a channel is in a bias, and outlives the channel."""

REPEAT = "repeat"
"""The entry of a recipe's passes that runs passes of its own several times over."""


@dataclass(frozen=True)
class Round:
    """A step's turn in a `repeat`: number `number` of `rounds`, in the recipe's entry at `place`."""

    number: int
    rounds: int
    place: int

    @property
    def way(self) -> Fraction:
        """Tell how far along the repetition is once this round is over."""
        return Fraction(self.number, self.rounds)


@dataclass(frozen=True)
class Step:
    """A pass with its options, and where the recipe asks for it; a clean-up has no place."""

    todo: Pass
    span: Span | None = None
    round: Round | None = None

    @property
    def is_clean_up(self) -> bool:
        """Tell whether the compiler added this step by itself."""
        return self.span is None

    @property
    def title(self) -> str:
        """Name the step, and its round if it has one."""
        turn = self.round
        return self.todo.slug() if turn is None else f"{self.todo.slug()} (round {turn.number} of {turn.rounds})"


@dataclass(frozen=True)
class Plan:
    """What will be done for one target."""

    target: Target
    steps: tuple[Step, ...]
    findings: tuple[Diagnostic, ...] = ()
    """What is odd about the order of the steps."""


def target_names_of(loaded: LoadedRecipe, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Choose the targets: those of the command line, else the recipe's. Raises CompressError when there are none."""
    names = asked or loaded.recipe.target
    if not names:
        advice = "add `target: tx2` to the recipe, or give --target"
        raise CompressError(
            Diagnostic(NO_TARGET, f"{loaded.path.name} names no target", advice, Span(str(loaded.path)))
        )
    return tuple(dict.fromkeys(names))


def make_plan(loaded: LoadedRecipe, target_name: str) -> Plan:
    """Resolve every name in a recipe and read every option; needs no weights and no data.

    Raises CompressError with one diagnostic per fault.
    """
    faults: list[Diagnostic] = []
    target_span = _place_of(loaded, target_name)
    steps = [step for index, entry in enumerate(loaded.recipe.passes) for step in _steps(loaded, index, entry, faults)]
    try:
        target = load_named_target(target_name, target_span)
    except CompressError as error:
        raise CompressError(*error.diagnostics, *faults) from error
    if faults:
        raise CompressError(*faults)
    return Plan(target, tuple(_with_clean_ups(steps)), tuple(_order_findings(steps, target)))


def clean_up_plan(target_name: str) -> Plan:
    """Plan for a bare model: only what every artifact gets."""
    return Plan(load_named_target(target_name), tuple(_last_steps()))


def _steps(loaded: LoadedRecipe, index: int, entry: Entry, faults: list[Diagnostic]) -> list[Step]:
    """Read an entry of the recipe's passes: one step, or the rounds of a `repeat`."""
    place: tuple[Key, ...] = ("passes", index)
    if entry.name != REPEAT:
        return _step(loaded, place, entry, faults)
    try:
        loop = loaded.read_options(place, REPEAT, Repeat)
    except CompressError as error:
        faults.extend(error.diagnostics)
        return []
    inner = (*place, REPEAT, "passes")
    body = [step for turn, item in enumerate(loop.passes) for step in _step(loaded, (*inner, turn), item, faults)]
    numbers = range(1, loop.rounds + 1)
    return [Step(step.todo, step.span, Round(number, loop.rounds, index)) for number in numbers for step in body]


def _step(loaded: LoadedRecipe, place: tuple[Key, ...], entry: Entry, faults: list[Diagnostic]) -> list[Step]:
    """Find a pass and read its options; a fault is noted and gives no step."""
    span = loaded.step_at(place, entry.name)
    if entry.name == REPEAT:
        faults.append(Diagnostic(NESTED_REPEAT, "a `repeat` stands inside another", "write its passes out", span))
        return []
    try:
        return [Step(loaded.read_options(place, entry.name, load_pass(entry.name, span)), span)]
    except CompressError as error:
        faults.extend(error.diagnostics)
        return []


def _order_findings(steps: list[Step], target: Target) -> Iterator[Diagnostic]:
    """Compare the order of the steps with what each says about the others.

    Of a `repeat` the first round tells all about the order; the second adds what the first one spoils for it.
    """
    given: dict[str, Pass] = {}
    told: set[tuple[Span | None, str]] = set()
    for step in steps:
        if step.round is None or step.round.number == 1:
            yield from (replace(item, span=item.span or step.span) for item in step.todo.foresee(target))
        leaves = step.todo.gives(target)
        for what, why, code in _objections(step):
            if what not in given or (step.span, given[what].slug()) in told:
                continue
            told.add((step.span, given[what].slug()))
            is_mutual = bool(leaves & given[what].spoilt_by.keys())
            yield Diagnostic(code, *_words(step, given[what].slug(), why, is_mutual=is_mutual), step.span)
        given |= dict.fromkeys(sorted(leaves - given.keys()), step.todo)


def _objections(step: Step) -> Iterator[tuple[str, str, Code]]:
    """Yield what a step does not want to be given before it, why, and how bad that is.

    In later rounds of a `repeat` a mere preference cannot be met any more, and is left out.
    """
    todo, is_later = step.todo, step.round is not None and step.round.number > 1
    said = [(SPOILT_STEP, todo.spoilt_by), (UNDONE_STEP, todo.undoes)]
    for code, properties in said if is_later else [*said, (UNUSUAL_ORDER, todo.comes_before)]:
        yield from ((what, properties[what], code) for what in sorted(properties))


def _words(step: Step, earlier: str, why: str, *, is_mutual: bool) -> tuple[str, str]:
    """Say which step comes after which, and what to do about it; two that spoil each other cannot change places."""
    name = step.todo.slug()
    if step.round is not None and step.round.number > 1:
        return f"{name} comes after {earlier} of the round before: {why}", f"take {earlier} out of the `repeat`"
    advice = "leave one of the two out" if is_mutual else f"put {name} before {earlier}"
    return f"{name} comes after {earlier}: {why}", advice


def _place_of(loaded: LoadedRecipe, target_name: str) -> Span | None:
    """Find where the recipe names a target, in a list or alone; None for one of the command line."""
    if target_name not in loaded.recipe.target:
        return None
    return loaded.at("target", loaded.recipe.target.index(target_name)) or loaded.at("target")


def _with_clean_ups(steps: list[Step]) -> Iterator[Step]:
    """Put the clean-ups before the first step that needs them, and at the end."""
    is_clean = is_folded = False
    for step in steps:
        if CLEAN in step.todo.needs and not is_clean:
            yield from _clean_ups()
            is_clean = True
        if AFFINE_FOLDED in step.todo.needs and not (is_clean or is_folded):
            yield Step(load_pass("fold-affine")())
            is_folded = True
        if FITTED in step.todo.needs:
            yield from _fittings()
        yield step
    yield from _last_steps()


def _clean_ups() -> Iterator[Step]:
    for name in CLEAN_UPS:
        yield Step(load_pass(name)())


def _last_steps() -> Iterator[Step]:
    """Clean up, fit the network to its target, and clear away what that left."""
    yield from _clean_ups()
    yield from _fittings()


def _fittings() -> Iterator[Step]:
    for name in (*FITTINGS, "remove-identity", "remove-dead-code"):
        yield Step(load_pass(name)())
