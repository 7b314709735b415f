"""Keyed pseudonyms: for what leaves and must not tell whose it is."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from uuid import UUID

from calciscope.errors import OutputError

# A year alone is as often a score, an edition or a size; a year and a month is a date.
_DATE = re.compile(r"\b(?:19|20)\d\d(?:-\d\d(?:-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)?)\b")
_AGE = re.compile(r"\b(age|aged) \d+(?:\.\d+)?\b|\b\d+(?:\.\d+)?[ -]years?[ -]old\b")
# A key that can be guessed makes pseudonyms that can be undone.
_SHORTEST_KEY = 16


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The same person has the same pseudonym under the same key, and without the key none can be undone.

    ``given`` is a name to write instead of one that follows from the key. Raises
    :class:`~calciscope.errors.OutputError` where the key is too short.
    """

    key: bytes = field(repr=False)
    given: str | None = None

    def __post_init__(self) -> None:
        if len(self.key) < _SHORTEST_KEY:
            raise OutputError(f"the key of the pseudonyms has {len(self.key)} bytes; give at least {_SHORTEST_KEY}")

    def _digest(self, sort: str, value: str) -> bytes:
        return hmac.new(self.key, f"{sort}|{value}".encode(), hashlib.sha256).digest()[:16]

    def name(self, value: str) -> str:
        """The pseudonym of a person, by the number that the hospital knows them by."""
        return self.given or f"P-{self._digest('person', value).hex()[:16]}"

    def uid(self, value: str) -> str:
        """A UID in place of another: the root 2.25 and a UUID (PS3.5 B.2)."""
        return f"2.25.{UUID(bytes=self._digest('uid', value), version=4).int}"

    def token(self, value: str) -> str:
        """What stands for a value that must stay the same and may not be known, such as a digest of a file."""
        return self._digest("token", value).hex()

    def text(self, value: str) -> str:
        """A text without dates and ages."""
        return _AGE.sub("age not told", _DATE.sub("date not told", value))
