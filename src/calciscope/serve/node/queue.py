"""What has arrived and how far it is: a queue in a database that outlives every crash.

A study goes ``receiving`` -> ``assessing`` -> ``sending`` -> ``done``; ``nothing`` has no image to assess, ``failed``
was tried too often. Each new instance makes a new version of its study and sends it back to ``receiving``. A step is
claimed with a lease that runs out, and ends only if the version is still the one that was claimed: two workers never
finish the same step, and results of a study that has grown meanwhile are dropped.

Of a study whose images were removed stays how many there were: what comes later is assessed when all are here again.

The database knows studies and instances by digests of their UIDs; only a study that was listed by a query is kept with
the UID that it is fetched by.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from calciscope.errors import InputError
from calciscope.serve.node.tables import METADATA, about, instances, objects, studies, transfers

SCHEMA = 1
_HOUR = 3600.0
# The time at which a study is fetched that no second query has told of.
_NEXT_QUERY = 1e12


class State(StrEnum):
    """How far a study is."""

    LISTED = "listed"
    RECEIVING = "receiving"
    ASSESSING = "assessing"
    SENDING = "sending"
    DONE = "done"
    NOTHING = "nothing"
    FAILED = "failed"


# What is over and needs nobody: images and results may go. What failed stays until a person has decided.
_OVER = (State.DONE, State.NOTHING)


@dataclass(frozen=True, slots=True)
class Job:
    """A step that was claimed: the study by the row's number and its digest, and the version that it is about.

    ``missing`` counts images that were here before, were removed, and have not come again.
    """

    id: int
    key: str
    version: int
    attempts: int
    state: State
    uid: str | None = None
    missing: int = 0


def digest(uid: str) -> str:
    """What a study or an instance is called in the database and on the disk."""
    return hashlib.sha256(uid.encode()).hexdigest()[:32]


class Queue:
    """The queue of one database. Methods are transactions: they happen as a whole or not at all.

    ``owner`` names who claims: a node that starts again takes its own claims back.
    """

    def __init__(self, url: str, owner: str, lease_seconds: float = 60.0) -> None:
        try:
            self.engine = sa.create_engine(url, connect_args=_arguments(url), pool_pre_ping=True)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise InputError(f"queue.url: cannot be used: {type(error).__name__}") from error
        self.owner, self.lease_seconds = owner, lease_seconds
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _durable)
            sa.event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        try:
            with self.engine.begin() as work:
                METADATA.create_all(work)
                found = work.execute(sa.select(about.c.schema)).scalar()
                if found is None:
                    work.execute(about.insert().values(schema=SCHEMA))
                elif found != SCHEMA:
                    raise InputError(f"queue: has layout {found}, this version has {SCHEMA}; use a new database")
        except sa.exc.SQLAlchemyError as error:
            raise InputError(f"queue: the database cannot be opened: {type(error).__name__}") from error

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    @contextmanager
    def _work(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as work:
            yield work

    def recover(self) -> None:
        """Take back what this node had claimed before it ended; what was arriving has its time of quiet anew.

        A sender that could not reach the node meanwhile may have more. A transfer that broke off is still not ended.
        """
        arriving = studies.c.state == State.RECEIVING
        with self._work() as work:
            work.execute(studies.update().where(studies.c.owner == self.owner).values(owner=None, lease_until=0.0))
            work.execute(studies.update().where(arriving).values(last_at=time.time()))

    # What arrives.

    def begin_transfer(self, transfer: str) -> None:
        """A sender has opened an association."""
        with self._work() as work:
            work.execute(transfers.insert().values(id=transfer, ended=False, at=time.time()))

    def end_transfer(self, transfer: str) -> None:
        """The sender has said that it is done; one that breaks off never says so."""
        with self._work() as work:
            work.execute(transfers.update().where(transfers.c.id == transfer).values(ended=True, at=time.time()))

    def received(self, study: str, instance: str, size: int, transfer: str | None) -> bool:
        """An instance is on the disk. Returns whether it is new; one that is known changes nothing."""
        now = time.time()
        with self._work() as work:
            row = self._row(work, study, now)
            chosen = self._insert(instances).values(study=row, key=instance).on_conflict_do_nothing()
            # Not every driver counts rows of an insert that passed over one; what it returns is sure.
            added = work.execute(chosen.returning(instances.c.key)).first() is not None
            values: dict[str, Any] = {"last_at": now, "transfer": transfer}
            if added:
                # A study that is being fetched stays with who fetches it until all of it is here.
                fetching = studies.c.state == State.LISTED
                values |= {
                    "state": sa.case((fetching, State.LISTED), else_=State.RECEIVING),
                    "owner": sa.case((fetching, studies.c.owner), else_=None),
                    "lease_until": sa.case((fetching, studies.c.lease_until), else_=0.0),
                    "version": studies.c.version + 1, "bytes": studies.c.bytes + size,
                    "attempts": 0, "next_at": 0.0, "reason": None,
                }  # fmt: skip
            work.execute(studies.update().where(studies.c.id == row).values(**values))
            return added

    def listed(self, study: str, uid: str, count: int) -> None:
        """A query has listed a study with so many instances; one that has more than before is fetched again.

        It is fetched when two queries in a row have told of as many: the server may still be receiving it.
        """
        now = time.time()
        with self._work() as work:
            row = self._row(work, study, now, uid, State.LISTED)
            same = sa.and_(studies.c.listed == count, studies.c.next_at >= _NEXT_QUERY)
            work.execute(studies.update().where(studies.c.id == row, same).values(next_at=0.0))
            work.execute(
                studies.update()
                .where(studies.c.id == row, studies.c.listed != count)
                .values(
                    state=State.LISTED,
                    uid=uid,
                    listed=count,
                    last_at=now,
                    owner=None,
                    lease_until=0.0,
                    attempts=0,
                    next_at=_NEXT_QUERY,
                    reason=None,
                )
            )

    def fetched(self, job: Job) -> None:
        """A listed study is on the disk as far as its server has it: new instances have moved it on already."""
        values = {"state": State.RECEIVING, "transfer": None, "owner": None, "lease_until": 0.0, "attempts": 0}
        with self._work() as work:
            work.execute(self._mine(job).values(**values))

    def size(self, study: str) -> int:
        """Bytes of a study that were received."""
        with self._work() as work:
            return work.execute(sa.select(studies.c.bytes).where(studies.c.key == study)).scalar() or 0

    def is_result(self, instance: str) -> bool:
        """Whether an instance is one that this queue has sent or is about to send."""
        with self._work() as work:
            return work.execute(sa.select(objects.c.key).where(objects.c.key == instance)).first() is not None

    # Steps.

    def claim_listed(self) -> Job | None:
        """A study to fetch."""
        return self._claim(studies.c.state == State.LISTED, State.LISTED)

    def claim_complete(self, quiet_seconds: float, interrupted_seconds: float) -> Job | None:
        """A study to assess: it is complete, or the node that assessed it is gone."""
        now = time.time()
        ended = sa.select(transfers.c.id).where(transfers.c.ended.is_(True))
        quiet = sa.or_(studies.c.transfer.is_(None), studies.c.transfer.in_(ended))
        complete = sa.and_(
            studies.c.state == State.RECEIVING,
            sa.or_(
                sa.and_(quiet, studies.c.last_at <= now - quiet_seconds),
                studies.c.last_at <= now - max(quiet_seconds, interrupted_seconds),
            ),
        )
        return self._claim(sa.or_(complete, studies.c.state == State.ASSESSING), State.ASSESSING)

    def claim_sending(self) -> Job | None:
        """A study whose results are on the disk and not yet all sent."""
        return self._claim(studies.c.state == State.SENDING, State.SENDING)

    def renew(self, job: Job) -> bool:
        """Keep a claim; false where it is lost, for the study has grown or another node has it."""
        with self._work() as work:
            until = time.time() + self.lease_seconds
            return bool(work.execute(self._mine(job).values(lease_until=until)).rowcount)

    def assessed(self, job: Job, results: Iterable[tuple[str, str]]) -> bool:
        """Results (file name, digest of the instance's UID) are on the disk. False where the claim is lost."""
        with self._work() as work:
            values = {"state": State.SENDING, "owner": None, "lease_until": 0.0, "attempts": 0, "reason": None}
            if not work.execute(self._mine(job).values(**values)).rowcount:
                return False
            for name, key in results:
                work.execute(
                    self._insert(objects)
                    .values(study=job.id, version=job.version, name=name, key=key, sent=False)
                    .on_conflict_do_nothing()
                )
            return True

    def waiting(self, job: Job) -> tuple[str, ...]:
        """Names of results that are not yet sent."""
        chosen = sa.select(objects.c.name).where(
            objects.c.study == job.id, objects.c.version == job.version, objects.c.sent.is_(False),
            objects.c.refused.is_(None),
        )  # fmt: skip
        with self._work() as work:
            return tuple(work.execute(chosen.order_by(objects.c.name)).scalars())

    def sent(self, job: Job, name: str, refused: str | None = None) -> None:
        """The receiver has taken a result, or has said that it never will."""
        with self._work() as work:
            work.execute(
                objects.update()
                .where(objects.c.study == job.id, objects.c.version == job.version, objects.c.name == name)
                .values(sent=refused is None, refused=refused)
            )

    def end(self, job: Job, state: State, reason: str | None = None) -> bool:
        """Nothing more is to be done. False where the claim is lost."""
        values = {"state": state, "owner": None, "lease_until": 0.0, "reason": reason, "last_at": time.time()}
        with self._work() as work:
            return bool(work.execute(self._mine(job).values(**values)).rowcount)

    def again(self, job: Job, reason: str, wait_seconds: float, attempts: int) -> None:
        """A step has failed: it is tried again later, each time after twice as long, or given up."""
        if job.attempts + 1 >= attempts:
            self.end(job, State.FAILED, reason)
            return
        wait = min(_HOUR, wait_seconds * 2**job.attempts)
        values = {
            "owner": None, "lease_until": 0.0, "attempts": job.attempts + 1, "next_at": time.time() + wait,
            "reason": reason,
        }  # fmt: skip
        with self._work() as work:
            work.execute(self._mine(job).values(**values))

    # What is told and tidied.

    def counts(self) -> dict[str, int]:
        """Studies by state."""
        with self._work() as work:
            rows = work.execute(sa.select(studies.c.state, sa.func.count()).group_by(studies.c.state))
            return {**dict.fromkeys(State, 0), **{row[0]: row[1] for row in rows}}

    def forget(self, older_than_seconds: float) -> tuple[str, ...]:
        """Forget the images and results of studies that were over so long ago; returns what is to be removed."""
        before = time.time() - older_than_seconds
        over = sa.and_(studies.c.state.in_(_OVER), studies.c.last_at <= before, studies.c.bytes > 0)
        with self._work() as work:
            rows = work.execute(sa.select(studies.c.id, studies.c.key).where(over)).all()
            for row in rows:
                many = sa.select(sa.func.count()).select_from(instances).where(instances.c.study == row.id)
                here = studies.c.id == row.id
                work.execute(studies.update().where(here).values(bytes=0, before=many.scalar_subquery()))
                for table in (instances, objects):
                    work.execute(table.delete().where(table.c.study == row.id))
            used = sa.select(studies.c.transfer).where(studies.c.transfer.is_not(None))
            work.execute(transfers.delete().where(transfers.c.at <= before, transfers.c.id.not_in(used)))
            return tuple(row.key for row in rows)

    def knows(self, study: str, instance: str) -> bool:
        """Whether an instance counts as received."""
        chosen = sa.select(instances.c.key).join(studies, studies.c.id == instances.c.study)
        with self._work() as work:
            return work.execute(chosen.where(studies.c.key == study, instances.c.key == instance)).first() is not None

    def retry(self) -> int:
        """Take up again what had failed, where it had failed; how many studies."""
        written = sa.select(objects.c.study).where(objects.c.version == studies.c.version).scalar_subquery()
        failed = studies.c.state == State.FAILED
        fresh = {"attempts": 0, "next_at": 0.0, "owner": None, "lease_until": 0.0, "reason": None}
        with self._work() as work:
            sending = work.execute(
                studies.update().where(failed, studies.c.id.in_(written)).values(state=State.SENDING, **fresh)
            )
            fetching = work.execute(
                studies.update()
                .where(failed, studies.c.uid.is_not(None), studies.c.bytes == 0)
                .values(state=State.LISTED, **fresh)
            )
            rest = work.execute(studies.update().where(failed).values(state=State.RECEIVING, **fresh))
            return sending.rowcount + fetching.rowcount + rest.rowcount

    def _row(
        self, work: sa.Connection, study: str, now: float, uid: str | None = None, state: State = State.RECEIVING
    ) -> int:
        made = {
            "key": study, "uid": uid, "state": state, "last_at": now, "version": 0, "bytes": 0, "listed": 0,
            "before": 0, "claims": 0,
        }  # fmt: skip
        work.execute(self._insert(studies).values(**made).on_conflict_do_nothing(index_elements=["key"]))
        return int(work.execute(sa.select(studies.c.id).where(studies.c.key == study)).scalar_one())

    def _claim(self, which: sa.ColumnElement[bool], state: State) -> Job | None:
        now = time.time()
        free = sa.and_(which, studies.c.next_at <= now, studies.c.lease_until <= now)
        here = sa.select(sa.func.count()).select_from(instances).where(instances.c.study == studies.c.id)
        missing = (studies.c.before - here.scalar_subquery()).label("missing")
        columns = (studies.c.id, studies.c.key, studies.c.version, studies.c.attempts, studies.c.uid, missing)
        # One that ends the node each time it is tried must not be tried before the others for ever.
        order = (studies.c.claims, studies.c.last_at)
        with self._work() as work:
            for row in work.execute(sa.select(*columns).where(free).order_by(*order).limit(8)).all():
                # Another node may be quicker: the condition holds for one of them only.
                won = work.execute(
                    studies.update()
                    .where(studies.c.id == row.id, studies.c.version == row.version, free)
                    .values(
                        state=state,
                        owner=self.owner,
                        lease_until=now + self.lease_seconds,
                        claims=studies.c.claims + 1,
                    )
                ).rowcount
                if won:
                    return Job(row.id, row.key, row.version, row.attempts, state, row.uid, max(0, row.missing))
        return None

    def _mine(self, job: Job) -> sa.Update:
        # What is fetched grows while it is; every other step is about one version.
        same = sa.true() if job.state is State.LISTED else studies.c.version == job.version
        return studies.update().where(
            studies.c.id == job.id, same, studies.c.state == job.state, studies.c.owner == self.owner
        )

    def _insert(self, table: sa.Table) -> Any:
        """An insert that can pass over what is there already, which each database says in its own way."""
        return (sqlite_insert if self.engine.dialect.name == "sqlite" else postgresql_insert)(table)


def _arguments(url: str) -> dict[str, Any]:
    if not url.startswith("sqlite"):
        return {}
    Path(url.partition("///")[2]).parent.mkdir(parents=True, exist_ok=True)
    return {"timeout": 60, "check_same_thread": False}


def _durable(connection: Any, record: Any) -> None:
    """SQLite: what is committed is on the disk, readers do not wait for writers, rows follow their study."""
    connection.isolation_level = None  # transactions begin as said here, not where the driver thinks
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
