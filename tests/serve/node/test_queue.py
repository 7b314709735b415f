"""The queue: every step once, whoever asks and whenever somebody ends; on SQLite and on PostgreSQL."""

import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from calciscope.errors import InputError
from calciscope.serve.node import tables
from calciscope.serve.node.queue import Queue, State, digest
from tests import outside

A, B = digest("1.2.3"), digest("1.2.4")


@pytest.fixture(scope="module")
def postgresql():
    """A PostgreSQL server on loopback, as a user who is not root."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        outside.missing("PostgreSQL", "postgresql (Debian)")
    folder = Path(tempfile.mkdtemp(prefix="calciscope-postgresql-"))
    port = outside.free_port()
    as_user = ["runuser", "-u", "postgres", "--"] if Path("/").owner() == Path.home().owner() == "root" else []
    if as_user:
        shutil.chown(folder, "postgres")

    def ran(program, *words):
        done = subprocess.run([*as_user, str(found[-1] / program), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    ran("initdb", "-D", str(folder / "data"), "-U", "calciscope", "--auth=trust", "-E", "UTF8", "--locale=C")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    ran("pg_ctl", "-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"), "-w", "start")
    yield f"postgresql+psycopg://calciscope@127.0.0.1:{port}/postgres"
    ran("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'queue.sqlite'}"
    found = request.getfixturevalue("postgresql")
    engine = sa.create_engine(found)
    tables.METADATA.drop_all(engine)
    engine.dispose()
    return found


@pytest.fixture
def queue(url):
    made = Queue(url, "one", lease_seconds=60)
    yield made
    made.close()


def arrive(queue, study=A, instances=("i1",), transfer="t1", ended=True):
    queue.begin_transfer(transfer)
    for one in instances:
        queue.received(study, digest(one), 10, transfer)
    if ended:
        queue.end_transfer(transfer)


def test_a_study_is_claimed_once_when_it_is_quiet(queue):
    arrive(queue)
    assert queue.claim_complete(100, 100) is None
    job = queue.claim_complete(0, 100)
    assert (job.key, job.version, job.state) == (A, 1, State.ASSESSING)
    assert queue.claim_complete(0, 100) is None


def test_a_transfer_that_did_not_end_is_waited_for(queue):
    arrive(queue, ended=False)
    assert queue.claim_complete(0, 100) is None
    assert queue.claim_complete(0, 0) is not None


def test_the_same_instance_again_changes_nothing(queue):
    arrive(queue)
    job = queue.claim_complete(0, 0)
    assert queue.received(A, digest("i1"), 10, "t1") is False
    assert queue.renew(job)
    assert queue.size(A) == 10


def test_results_of_a_study_that_has_grown_are_dropped(queue):
    arrive(queue)
    job = queue.claim_complete(0, 0)
    arrive(queue, instances=("i2",), transfer="t2")
    assert not queue.renew(job)
    assert not queue.assessed(job, [("sr.dcm", "k1")])
    again = queue.claim_complete(0, 0)
    assert again.version == 2
    assert queue.assessed(again, [("sr.dcm", "k2")])


def test_results_are_sent_one_by_one_and_then_it_is_done(queue):
    arrive(queue)
    assert queue.assessed(queue.claim_complete(0, 0), [("a.dcm", "k1"), ("b.dcm", "k2")])
    job = queue.claim_sending()
    assert queue.waiting(job) == ("a.dcm", "b.dcm")
    queue.sent(job, "a.dcm")
    queue.sent(job, "b.dcm", "not taken")
    assert queue.waiting(job) == ()
    assert queue.end(job, State.DONE)
    assert queue.counts()["done"] == 1
    assert queue.is_result("k1")
    assert not queue.is_result("k3")


def test_what_was_claimed_by_a_node_that_is_gone_is_claimed_again(url):
    first = Queue(url, "one")
    arrive(first)
    job = first.claim_complete(0, 0)
    first.close()
    other = Queue(url, "other")
    assert other.claim_complete(0, 0) is None, "the lease holds"
    same = Queue(url, "one")
    same.recover()
    again = other.claim_complete(0, 0)
    assert again.version == job.version
    assert not same.end(job, State.DONE), "it is the other's now"
    for one in (other, same):
        one.close()


def test_a_lease_that_has_run_out_is_anybodys(url):
    first, other = Queue(url, "one", lease_seconds=-1), Queue(url, "other")
    arrive(first)
    job = first.claim_complete(0, 0)
    assert other.claim_complete(0, 0) is not None
    assert not first.assessed(job, [])
    for one in (first, other):
        one.close()


@pytest.mark.parametrize("ended", [True, False])
def test_what_was_arriving_when_the_node_ended_waits_anew(url, ended):
    first = Queue(url, "one")
    arrive(first, ended=ended)
    with first.engine.begin() as work:
        work.exec_driver_sql("UPDATE studies SET last_at = 0")
    first.close()
    same = Queue(url, "one")
    same.recover()
    assert same.claim_complete(50, 100) is None, "it is quiet since the start only"
    assert (same.claim_complete(0, 100) is not None) == ended
    arrive(same, instances=("i2",), transfer="t2")
    assert same.claim_complete(0, 100).version == 2
    same.close()


def test_a_step_that_fails_is_tried_again_later_and_then_given_up(queue):
    arrive(queue)
    job = queue.claim_complete(0, 0)
    queue.again(job, "took too long", 1000.0, attempts=2)
    assert queue.claim_complete(0, 0) is None, "it waits"
    arrive(queue, instances=("i2",), transfer="t2")
    for attempt in range(2):
        job = queue.claim_complete(0, 0)
        assert job.attempts == attempt
        queue.again(job, "took too long", 0.0, attempts=2)
    assert queue.counts()["failed"] == 1


def test_a_study_that_was_listed_is_fetched_once_and_again_when_it_has_grown(queue):
    for count in (1, 2):
        queue.listed(A, "1.2.3", count)
        assert queue.claim_listed() is None, "its server may still be receiving it"
    queue.listed(A, "1.2.3", 2)
    job = queue.claim_listed()
    assert job.uid == "1.2.3"
    assert queue.claim_listed() is None
    for one in ("i1", "i2"):
        queue.received(A, digest(one), 10, None)
    assert queue.claim_complete(0, 0) is None, "it is not all here"
    assert queue.renew(job)
    queue.fetched(job)
    work = queue.claim_complete(0, 0)
    assert work.version == 2
    queue.listed(A, "1.2.3", 2)
    assert queue.assessed(work, [])
    queue.listed(A, "1.2.3", 3)
    queue.listed(A, "1.2.3", 3)
    assert queue.claim_listed() is not None


def test_many_workers_share_the_work_without_doing_any_twice(url):
    first = Queue(url, "one")
    for number in range(20):
        arrive(first, study=digest(str(number)), instances=(f"i{number}",), transfer=f"t{number}")
    done, lock = [], threading.Lock()

    def worker(name):
        mine = Queue(url, name)
        while (job := mine.claim_complete(0, 0)) is not None:
            if mine.end(job, State.DONE):
                with lock:
                    done.append(job.key)
        mine.close()

    threads = [threading.Thread(target=worker, args=(f"w{n}",)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(done) == sorted(digest(str(number)) for number in range(20))
    first.close()


def test_what_is_over_is_forgotten_and_what_is_not_or_has_failed_is_kept(queue):
    arrive(queue)
    queue.end(queue.claim_complete(0, 0), State.DONE)
    arrive(queue, study=B, instances=("i9",), transfer="t9")
    queue.end(queue.claim_complete(0, 0), State.FAILED)
    assert queue.forget(1000) == ()
    assert queue.forget(-1) == (A,)
    assert queue.forget(-1) == ()
    assert queue.size(B) == 10
    assert not queue.knows(A, digest("i1"))
    assert queue.knows(B, digest("i9"))


def test_what_comes_after_the_images_were_removed_is_told_until_all_are_here_again(queue):
    arrive(queue, instances=("i1", "i2"))
    queue.end(queue.claim_complete(0, 0), State.DONE)
    queue.forget(-1)
    arrive(queue, instances=("i3",), transfer="t2")
    assert queue.claim_complete(0, 0).missing == 1
    arrive(queue, instances=("i1", "i2"), transfer="t3")
    assert queue.claim_complete(0, 0).missing == 0


def test_what_has_failed_is_taken_up_where_it_failed(queue):
    arrive(queue)
    assert queue.assessed(queue.claim_complete(0, 0), [("sr.dcm", "k1")])
    queue.end(queue.claim_sending(), State.FAILED)
    arrive(queue, study=B, instances=("i9",), transfer="t9")
    queue.end(queue.claim_complete(0, 0), State.FAILED)
    queue.listed(digest("3"), "1.2.5", 4)
    queue.listed(digest("3"), "1.2.5", 4)
    queue.end(queue.claim_listed(), State.FAILED)
    assert queue.retry() == 3
    assert queue.claim_sending().key == A
    assert queue.claim_complete(0, 0).key == B
    assert queue.claim_listed().uid == "1.2.5"


def test_what_was_tried_less_often_goes_first(url):
    first = Queue(url, "one", lease_seconds=-1)
    arrive(first)
    arrive(first, study=B, instances=("i9",), transfer="t9")
    assert [first.claim_complete(0, 0).key for _ in range(4)] == [A, B, A, B]
    first.close()


def test_a_database_that_cannot_be_used_is_one_line(tmp_path):
    (tmp_path / "queue.sqlite").write_text("no database at all, but long enough to be read as one" * 50)
    with pytest.raises(InputError, match="queue: the database cannot be opened"):
        Queue(f"sqlite:///{tmp_path / 'queue.sqlite'}", "one")
    with pytest.raises(InputError, match=r"queue\.url: cannot be used"):
        Queue("nonsense", "one")


def test_a_database_of_another_layout_is_refused(queue, url):
    with queue.engine.begin() as work:
        work.execute(tables.about.update().values(schema=99))
    with pytest.raises(InputError, match="has layout 99"):
        Queue(url, "one")
