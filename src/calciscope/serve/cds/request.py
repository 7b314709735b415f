"""What an EHR sends when a hook is triggered, checked; and the bundle that its resources make."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, ValidationError, model_validator

from calciscope.errors import CalciscopeError

Json = dict[str, Any]
Body = TypeVar("Body", bound=BaseModel)
# Resources that are about to be signed count as signed, to see what they would change.
_ORDERED = "active"
_ABOUT = ("subject", "patient")


class RequestError(CalciscopeError):
    """A request that cannot be answered, with the HTTP status that says so. Never holds what was sent."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Authorization(BaseModel):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)
    access_token: str = Field(repr=False)
    token_type: str


class Request(BaseModel):
    """The body of a call (CDS Hooks 2.0, "Calling a CDS Service"). Other fields are extensions and are not read."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    hook: str
    hookInstance: UUID = Field(repr=False)  # noqa: N815  # the name of the specification
    context: Json = Field(repr=False)
    fhirServer: AnyHttpUrl | None = Field(default=None, repr=False)  # noqa: N815
    fhirAuthorization: _Authorization | None = Field(default=None, repr=False)  # noqa: N815
    prefetch: dict[str, Json | None] = Field(default={}, repr=False)

    @model_validator(mode="after")
    def _server(self) -> Request:
        if self.fhirAuthorization is not None and self.fhirServer is None:
            raise ValueError("fhirAuthorization is given without fhirServer")
        return self


class _Chosen(BaseModel):
    id: str = Field(repr=False)


class Feedback(BaseModel):
    """What became of a card. Comments are not read: people write names into them."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    card: UUID
    outcome: Annotated[str, Field(pattern="^(accepted|overridden)$")]
    outcomeTimestamp: str = Field(repr=False)  # noqa: N815
    acceptedSuggestions: list[_Chosen] = []  # noqa: N815

    @model_validator(mode="after")
    def _suggestions(self) -> Feedback:
        if self.acceptedSuggestions and self.outcome != "accepted":
            raise ValueError("acceptedSuggestions belong to an accepted card")
        return self


class FeedbackRequest(BaseModel):
    """The body of a call of the feedback address."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    feedback: Annotated[list[Feedback], Field(min_length=1, max_length=1000)]


@dataclass(frozen=True, slots=True)
class Told:
    """The record as a bundle, without and with the orders that are about to be signed."""

    record: Json = field(repr=False)
    signed: Json | None = field(default=None, repr=False)


def parsed(model: type[Body], content: bytes) -> Body:
    """The body as its model.

    Raises:
        RequestError: it is not JSON or a field is wrong; the message names the field and never its value.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "the body is not JSON") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        # A key of the request may be anything; only fields of the specification are named.
        where = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part in _named(model))
        raise RequestError(400, f"{where or 'the body'}: {first['msg']}") from error


def _named(model: type[BaseModel]) -> frozenset[str]:
    nested = (Feedback, _Authorization, _Chosen)
    return frozenset(name for one in (model, *nested) for name in one.model_fields)


def told(request: Request, hook: str) -> Told:
    """The resources that were sent along.

    Raises:
        RequestError: another hook, no patient, or resources of another patient than the context names.
    """
    if request.hook != hook:
        raise RequestError(400, f"hook: this service answers {hook}")
    who = request.context.get("patientId")
    if not isinstance(who, str) or not who:
        raise RequestError(400, "context.patientId: is missing")
    if not isinstance(request.context.get("userId"), str):
        raise RequestError(400, "context.userId: is missing")
    person = request.prefetch.get("patient")
    if not person or person.get("resourceType") != "Patient":
        raise RequestError(412, "prefetch.patient: is missing; send the prefetch that the discovery names")
    rest = [one for key, sent in request.prefetch.items() if key != "patient" and sent for one in _resources(sent)]
    record = [person, *(one for one in rest if one.get("resourceType") != "Patient")]
    if person.get("id") not in (who, None) or not all(_is_of(one, who) for one in record[1:]):
        raise RequestError(400, "prefetch: holds resources of another patient than context.patientId")
    if hook != "order-sign":
        return Told(_bundle(record))
    drafts = request.context.get("draftOrders")
    if not isinstance(drafts, dict) or drafts.get("resourceType") != "Bundle":
        raise RequestError(400, "context.draftOrders: is missing or no Bundle")
    orders = list(_resources(drafts))
    if not all(_is_of(one, who) for one in orders):
        raise RequestError(400, "context.draftOrders: holds orders for another patient than context.patientId")
    signed = [{**one, "status": _ORDERED} if one.get("status") == "draft" else one for one in orders]
    return Told(_bundle(record), _bundle([*record, *signed]))


def _bundle(resources: list[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def _resources(sent: Mapping[str, Any]) -> Iterator[Json]:
    """The resources of a bundle, or the one that was sent."""
    if sent.get("resourceType") != "Bundle":
        yield dict(sent)
        return
    entries = sent.get("entry")
    for entry in entries if isinstance(entries, list) else []:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield from _resources(resource)


def _is_of(resource: Mapping[str, Any], who: str) -> bool:
    """Whether a resource is about this patient, as far as it says of whom it is."""
    for name in _ABOUT:
        about = resource.get(name)
        reference = about.get("reference") if isinstance(about, dict) else None
        if isinstance(reference, str) and "Patient/" in reference:
            return reference.partition("Patient/")[2].partition("/")[0] == who
    return True
