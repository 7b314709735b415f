"""Deposits and anatomy -> sites: every deposit gets a place with a confidence, or the nearest certain parent."""

from __future__ import annotations

from collections.abc import Sequence

from calciscope.domain.anatomy import Anatomy
from calciscope.domain.deposit import Deposit, PlacedDeposit
from calciscope.domain.image import Volume
from calciscope.domain.structures import Dictionary, dictionary
from calciscope.place.company import company
from calciscope.place.decide import decide
from calciscope.place.features import features, urine_hu
from calciscope.place.hypotheses import Scorer
from calciscope.place.split import of_whole, parts

__all__ = ["place"]


def place(
    deposits: Sequence[Deposit], volume: Volume, anatomy: Anatomy, meanings: Dictionary | None = None
) -> tuple[PlacedDeposit, ...]:
    """Place each deposit, in the order given.

    Every structure and tube that a deposit touches is a hypothesis, scored by how much of the deposit lies in it, how
    sure the provider is of it, and what the deposit's own features say (``knowledge/structures.yaml``). The best one
    wins if it stands clear of its rivals; else the deposit goes to the nearest certain parent, to the region of the
    body, or to ``unplaced``. A lesion that runs from one coronary artery into the next is divided between them into
    deposits of their own (:mod:`calciscope.place.split`). ``meanings`` replaces the dictionary of structures.
    """
    known = meanings or dictionary()
    scorer = Scorer(volume, anatomy, known)
    around = company(deposits, anatomy)
    urine = urine_hu(volume, anatomy) if deposits else {}
    placed = []
    for deposit in deposits:
        seen = {**features(deposit, volume, anatomy), **around[deposit.id], **urine}
        whole = scorer.score(deposit, seen)
        pieces = parts(deposit, whole, scorer)
        for piece in pieces:
            found = whole if piece is deposit else of_whole(scorer.score(piece, seen), whole)
            placed.append(PlacedDeposit(piece, decide(found, anatomy, piece.center_index[0], known.groups)))
    return tuple(placed)
