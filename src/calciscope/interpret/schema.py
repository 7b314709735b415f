"""What may stand in a knowledge file: validated, frozen models of rules, laboratory data and vocabulary."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from calciscope.domain.assessment import Kind, Seriousness

Status = Literal["current", "superseded", "unverified"]


def _floats(value: Any) -> Any:
    """Whole numbers as floats: CEL refuses to compare a float with an integer."""
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _float_values(value: Any) -> Any:
    return {key: _floats(item) for key, item in value.items()} if isinstance(value, dict) else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_text)]
Fact = float | bool | str | list[str]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Category(_Model):
    """A named class of a measure, such as A2 of CAC-DRS 2018 for ``agatston``."""

    measure: str
    scheme: Text
    value: Text


class Then(_Model):
    """What a rule says when it fires.

    ``kind`` adds weights, also negative ones. ``seriousness`` proposes a level: the highest proposal counts,
    ``at_most`` lowers it, and ``at_least`` raises it after that. ``advice`` is one sentence for the clinician,
    ``category`` the class of a measure, ``note`` is added to the statement. ``about`` names what an advice is about: of
    several about the same the one that rests on most inputs speaks, with the sources of all. ``contradicts`` are keys
    of the patient file whose values cannot all be right: they are listed among the inputs with the statement as reason.
    """

    kind: dict[Kind, float] = {}
    seriousness: Seriousness | None = None
    at_most: Seriousness | None = None
    at_least: Seriousness | None = None
    advice: str | None = None
    category: Category | None = None
    note: str | None = None
    about: str | None = None
    contradicts: tuple[str, ...] = ()


class Example(_Model):
    """Inputs in canonical units, and the part of ``then`` that must hold; ``None`` where the rule must stay silent."""

    given: Annotated[dict[str, Fact], BeforeValidator(_float_values)]
    gives: dict[str, Any] | None


class Plain(_Model):
    """A rule in the words of a patient: ``because`` says why it is so, ``next`` what is usually done next."""

    because: str | None = None
    next: str | None = None


class Rule(_Model):
    """One sentence of clinical knowledge with its condition in CEL, its source and examples.

    ``rare``: what it looks for is so seldom there that its inputs are asked for last. ``refines`` names broader rules
    that are silent where this one fires; ``conflicts_with`` names rules that may fire beside it and say otherwise.
    ``plain`` says it to a patient; that of an embedded rule stands in ``knowledge/plain``.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]
    when: str
    then: Then
    plain: Plain | None = None
    statement: Annotated[str, Field(min_length=20)]
    source: str
    edition: Text | None = None
    status: Status
    guideline: Literal["esc", "us"] | None = None
    question: str | None = None
    conflicts_with: tuple[str, ...] = ()
    refines: tuple[str, ...] = ()
    default: bool = False
    rare: bool = False
    scope: Literal["finding", "patient"] = "finding"
    sites: tuple[str, ...] = ()
    examples: Annotated[tuple[Example, ...], Field(min_length=1)]


class Chapter(_Model):
    """The rules of one part of the body. Rules hold for findings at or below ``sites``; none means everywhere."""

    chapter: str
    sites: tuple[str, ...] = ()
    rules: tuple[Rule, ...]


class Organs(_Model):
    """Which sites count when organs with calcium are counted: the first part of a path, less those listed."""

    not_counted: tuple[str, ...] = ()


class General(Chapter):
    """Rules that hold for any site: a file of ``kinds/``."""


class Kinds(General):
    """``kinds.yaml``: rules that hold for any site, and how kinds are weighed.

    ``margin``: two kinds whose totals differ by no more are not told apart. ``nothing``: conditions under which a
    finding says that no calcium is there. ``asked_of_images``: keys of a stated finding that are asked for, as an
    unknown, of a deposit that was found in an image. ``same_amount``: keys that tell the amount each in its own way, so
    that none of them is asked for where another is known. ``told_by_site``: keys that say more of where it lies, asked
    for by the words of the vocabulary only: a place that a rule happens to know is not suggested beside the site.
    """

    margin: float
    nothing: tuple[str, ...]
    asked_of_images: tuple[str, ...] = ()
    same_amount: tuple[str, ...] = ()
    told_by_site: tuple[str, ...] = ()
    organs: Organs = Organs()


class Unit(_Model):
    """What another unit is worth in the canonical one: ``value * factor + offset``."""

    factor: float
    offset: float = 0.0


class Quantity(_Model):
    """A number of the patient file. ``sites`` limits where a finding can have it."""

    label: str
    group: Literal["patient", "labs", "function", "finding", "derived", "risk"]
    unit: str
    units: dict[str, float | Unit] = {}
    plain: bool = False
    whole: bool = False
    roman: bool = False
    plausible: tuple[float, float]
    sites: tuple[str, ...] = ()


class Word(_Model):
    """A key of a finding whose value is words; ``allowed`` closes the list.

    ``ranks`` gives each word of a scale its place on it, which makes it a measure like any number.
    """

    label: str
    allowed: tuple[Text, ...] = ()
    sites: tuple[str, ...] = ()
    ranks: dict[Text, float] = {}


class Band(_Model):
    """A reference range for ages ``from_age <= age < to_age`` (years) and, where given, one sex."""

    of: str
    low: float | None = None
    high: float | None = None
    from_age: float = 0.0
    to_age: float | None = None
    sex: Literal["female", "male"] | None = None
    source: str
    status: Status


class Derived(_Model):
    """A quantity computed from others. ``ranges_of`` names the quantity whose reference ranges it shares."""

    name: str
    label: str
    unit: str
    expression: str
    when: str | None = None
    ranges_of: str | None = None
    source: str
    status: Status


class State(_Model):
    """``low``, ``normal`` or ``high``, from the first of ``of`` that is known and has a range for the patient."""

    name: str
    label: str
    of: tuple[str, ...]


class Combined(_Model):
    """A word computed from states."""

    name: str
    label: str
    expression: str


class Labs(_Model):
    """``labs.yaml``: quantities, words, ranges and what is computed from them."""

    quantities: dict[str, Quantity] = {}
    words: dict[str, Word] = {}
    ranges: tuple[Band, ...] = ()
    derived: tuple[Derived, ...] = ()
    states: tuple[State, ...] = ()
    combined: tuple[Combined, ...] = ()


class Negations(_Model):
    """Words that turn a phrase into its opposite, before or after it, and what ends their reach.

    A comma ends nothing in a list with one of ``joins``: "denies fever, chills, or flank pain". ``of_values`` are those
    that deny what follows in a value of a finding: "wall, without mass".
    """

    before: tuple[Text, ...] = ()
    after: tuple[Text, ...] = ()
    joins: tuple[Text, ...] = ()
    of_values: tuple[Text, ...] = ()
    stops: tuple[Text, ...] = ()


class Values(_Model):
    """The words that rules compare a finding's key with -> how people write them.

    ``also_in`` is another key under which people state it, at ``sites``: the shape of breast calcium as ``pattern``.
    """

    words: dict[Text, tuple[Text, ...]]
    also_in: Text | None = None
    sites: tuple[Text, ...] = ()


class Vocabulary(_Model):
    """``vocabulary.yaml``: concept -> synonyms, by the list of the patient file where they are usually written.

    ``describing`` are words of a finding's key that are understood although no rule asks for them. ``ignored`` are
    phrases that hold the words of a concept and mean something else, ``idle`` words that add nothing to a value of a
    finding's key, and ``said_none`` the concept that a list means which was given without an entry.
    """

    conditions: dict[str, tuple[Text, ...]] = {}
    medications: dict[str, tuple[Text, ...]] = {}
    history: dict[str, tuple[Text, ...]] = {}
    symptoms: dict[str, tuple[Text, ...]] = {}
    ignored: tuple[Text, ...] = ()
    implies: dict[str, tuple[str, ...]] = {}
    negations: Negations = Negations()
    values: dict[str, Values] = {}
    idle: tuple[Text, ...] = ()
    describing: dict[str, tuple[Text, ...]] = {}
    said_none: dict[str, str] = {}
