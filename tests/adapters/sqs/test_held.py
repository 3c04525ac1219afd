from datetime import UTC, datetime, timedelta

from convalias.adapters.sqs.held import LONGEST, Held
from convalias.ports.queue import Job

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def job(lease: str = "a") -> Job:
    return Job("id", "body", 1, lease)


def held(*leases: tuple[str, datetime], at: float = 0.0, lease: int = 60) -> Held:
    found = Held()
    found.took([(job(name), sent) for name, sent in leases], at=at, now=NOON, lease=lease)
    return found


def test_a_lease_that_ran_out_is_lost_and_one_that_was_kept_is_not() -> None:
    leases = held(("a", NOON))
    assert leases.seconds(job(), MINUTE, at=59.9) == 60
    assert leases.seconds(job(), MINUTE, at=60.0) is None
    leases.kept(job(), 60, at=59.0)
    assert leases.seconds(job(), timedelta(seconds=0.1), at=100.0) == 1


def test_twelve_hours_count_from_the_receipt() -> None:
    leases = held(("a", NOON), lease=LONGEST)
    assert leases.seconds(job(), timedelta(hours=12), at=3_600.5) == LONGEST - 3_601
    assert leases.seconds(job(), MINUTE, at=LONGEST - 0.5) is None


def test_of_a_job_that_another_process_took_nothing_is_known() -> None:
    leases = Held()
    assert leases.seconds(job(), timedelta(days=2), at=0.0) == LONGEST
    leases.kept(job(), 60, at=0.0)
    leases.done(job())
    assert leases.oldest(at=0.0) is None


def test_the_oldest_is_what_is_held_or_was_taken_lately() -> None:
    leases = held(("a", NOON - MINUTE), ("b", NOON - 9 * MINUTE), lease=3_600)
    assert leases.oldest(at=1.0) == NOON - 9 * MINUTE
    leases.done(job("b"))
    assert leases.oldest(at=1.0) == NOON - 9 * MINUTE  # what waits is about as old as what was just given
    leases.took([], at=650.0, now=NOON, lease=60)
    assert leases.oldest(at=650.0) == NOON - MINUTE  # nothing was there to be taken; one is still held
    leases.done(job("a"))
    assert leases.oldest(at=650.0) == NOON
    assert leases.oldest(at=1_300.0) is None  # nobody has looked for so long


def test_what_is_remembered_is_bounded() -> None:
    leases = Held()
    for number in range(10_000):
        leases.took([(job(str(number)), NOON)], at=float(number), now=NOON, lease=1)
    assert len(leases._leases) <= 1_000
