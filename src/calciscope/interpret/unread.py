"""Words of the patient file that no rule and no vocabulary knows: named, so that nothing is lost silently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache

from calciscope.domain.patient import Patient
from calciscope.domain.site import split
from calciscope.domain.study import Refusal
from calciscope.interpret.folders import LISTS
from calciscope.interpret.rules import Knowledge
from calciscope.interpret.vocabulary import looked_for, tokens

# How alike a word must be to be named as the one that was meant.
_ALIKE = 0.75
# Of a long text the beginning tells which it is.
_SHOWN = 60
# So many words of one entry are named; who wrote a whole report there sees what is meant by these.
_MOST = 6


def unread(patient: Patient, knowledge: Knowledge) -> tuple[Refusal, ...]:
    """One line for each entry that has words which are not used, with what may have been meant; the rest counts."""
    return (*_of_lists(patient, knowledge), *_of_findings(patient, knowledge))


def _of_lists(patient: Patient, knowledge: Knowledge) -> Iterator[Refusal]:
    for name in LISTS:
        phrases = [one for one in getattr(patient, name) or () if not knowledge.words.understands(one)]
        if phrases:
            known = {" ".join(phrase): concept for phrase, concept in knowledge.words.concepts.items() if concept}
            close = [_close(" ".join(tokens(one)), known) for one in phrases[:_MOST]]
            hints = [known[one].replace("_", " ") for one in close if one]
            yield Refusal(name, _line(phrases, hints))


def _of_findings(patient: Patient, knowledge: Knowledge) -> Iterator[Refusal]:
    free = [key for key, word in knowledge.labs.words.items() if not word.allowed]
    for number, finding in enumerate(patient.findings, 1):
        also = knowledge.words.stated_as(finding.site, finding.values)
        taken = {knowledge.words.also_in[key][0] for key in also}
        for key in free:
            text = finding.values.get(key)
            # What is used as another key, such as the shape of breast calcium under ``pattern``, is not lost.
            if not isinstance(text, str) or key in taken:
                continue
            where = f"{finding.where or f'findings[{number}]'}.{key}"
            words = knowledge.words.reading(key, text).unread
            if words:
                yield Refusal(where, _line(words, [_hint(word, key, knowledge) for word in words[:_MOST]]))
            here = _inside(split(finding.site)[0], knowledge)
            if lost := knowledge.words.lost(key, text, here.get(key, ())):
                alone = "it" if len(lost) == 1 else "one of them"
                yield Refusal(where, f"{_named(lost)} did not count beside the other words; write {alone} alone")


@lru_cache(maxsize=512)
def _inside(site: str, knowledge: Knowledge) -> Mapping[str, frozenset[str]]:
    """What the rules of a site look for inside the text of a key."""
    return looked_for(rule.condition.text for rule in knowledge.at(site))[0]


def _hint(word: str, key: str, knowledge: Knowledge) -> str:
    """What may have been meant: the same word under another key, or one that is spelt alike."""
    words = knowledge.words
    for other, table in words.values.items():
        if other != key and tokens(word) in table:
            return f"{other}: {table[tokens(word)]}"
    alike = _close(" ".join(tokens(word)), sorted(words.known(key)))
    return words.values.get(key, {}).get(tokens(alike), alike)


def _close(word: str, known: Iterable[str]) -> str:
    # Words of quite another length cannot be that much alike; leaving them out saves most of the time.
    near = [one for one in known if abs(len(one) - len(word)) <= len(word) // 3 and one[:1] == word[:1]]
    return next(iter(get_close_matches(word, near, n=1, cutoff=_ALIKE)), "")


def _line(words: Sequence[str], hints: Sequence[str]) -> str:
    meant = " or ".join(dict.fromkeys(filter(None, hints)))
    one = len(words) == 1
    why = f"{_named(words)} {'is' if one else 'are'} not used: no rule knows {'it' if one else 'them'}"
    return f"{why}; did you mean {meant}?" if meant else why


def _named(words: Sequence[str]) -> str:
    return ", ".join(f"'{word[:_SHOWN]}'" for word in words[:_MOST]) + (" and more" if len(words) > _MOST else "")
