import asyncio
import random
import traceback
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError

from adapters.s3.buckets import Bucket
from convalias.adapters.s3 import Blobs, Credentials, UnusableBucketError
from convalias.adapters.s3.blobs import PARTS
from convalias.ports.blobs import Put
from convalias.ports.errors import Unavailable
from engines.fixtures import AwsServer, or_skip
from engines.servers import s3 as s3_servers

pytestmark = pytest.mark.engine
BIG = random.Random(7).randbytes(25_000_000)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[s3_servers.VersityGateway]:
    """One of the test's own, to be killed."""
    with or_skip(s3_servers.versitygw(tmp_path)) as server:
        yield server


def own(gateway: s3_servers.VersityGateway) -> Bucket:
    return Bucket.made(AwsServer(gateway.url, tier="versitygw"))


@pytest.mark.parametrize("multipart_from", [2**20, 2**30], ids=["in parts", "at once"])
async def test_a_mail_of_25_mb_comes_back_octet_by_octet(s3: AwsServer, multipart_from: int) -> None:
    bucket = Bucket.made(s3)

    blobs = bucket.blobs("mail", multipart_from=multipart_from, timeout=60)
    assert await blobs.put("raw/big", BIG) is Put.NEW
    assert await blobs.put("raw/big", BIG[::-1]) is Put.THERE
    assert await blobs.get("raw/big") == BIG
    listed = bucket.plainly().list_objects_v2(Bucket=bucket.name)["Contents"]
    assert [one["Key"] for one in listed] == ["mail/raw/big!"]  # and nothing of what was gathered


async def test_a_missing_bucket_is_told_and_loses_no_mail(s3: AwsServer) -> None:
    bucket = Bucket(s3, "convalias-nowhere")

    blobs = bucket.blobs()
    with pytest.raises(UnusableBucketError, match="create it"):
        await blobs.open()
    with pytest.raises(Unavailable):
        await blobs.get("raw/a")
    with pytest.raises(Unavailable):
        await blobs.put("raw/a", b"a")
    with pytest.raises(Unavailable):
        await blobs.delete(["raw/a"])
    with pytest.raises(Unavailable):
        await blobs.names("", after="", limit=1)


@pytest.mark.parametrize("access_key", ["AKIASOMEBODY", s3_servers.ACCESS_KEY], ids=["nobody's", "another secret"])
def test_wrong_credentials_are_told_without_what_they_are(gateway: s3_servers.VersityGateway, access_key: str) -> None:
    bucket = own(gateway)
    wrong = Credentials(access_key=access_key, secret_key="guessed-secret")
    blobs = Blobs(bucket.url(), credentials=wrong)

    with pytest.raises(UnusableBucketError, match="ListBucket") as refused:
        asyncio.run(blobs.open())
    with pytest.raises(Unavailable) as away:
        asyncio.run(blobs.put("raw/a", b"a"))
    told = "".join(traceback.format_exception(refused.value) + traceback.format_exception(away.value))
    for secret in (access_key, "guessed-secret", bucket.name, gateway.url):
        assert secret not in told
    assert "SignatureDoesNotMatch" in told or "XAdminUserNotFound" in told
    assert "secret" not in repr(wrong)


async def test_what_was_answered_outlives_the_server_and_calls_work_again(gateway: s3_servers.VersityGateway) -> None:
    bucket = own(gateway)

    blobs = bucket.blobs(timeout=2)
    assert await blobs.put("raw/kept", b"kept") is Put.NEW
    gateway.process.kill()
    with pytest.raises(Unavailable):
        await blobs.put("raw/later", b"later")
    await asyncio.to_thread(gateway.process.start)
    assert await blobs.get("raw/kept") == b"kept"
    assert await blobs.put("raw/later", b"later") is Put.NEW


async def test_a_server_that_stands_still_is_unavailable_in_time(gateway: s3_servers.VersityGateway) -> None:
    bucket = own(gateway)

    blobs = bucket.blobs(timeout=0.5)
    gateway.process.stop()
    async with asyncio.timeout(120):
        with pytest.raises(Unavailable):
            await blobs.get("raw/a")
    gateway.process.cont()
    assert await blobs.get("raw/a") is None


def test_mail_is_let_go_only_when_it_is_really_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 refuses one of two uploads at once, and the other may still fail."""

    async def refused(*_: object, **__: object) -> None:
        raise AlreadyExistsError("409 Conflict: <Code>ConditionalRequestConflict</Code>")

    monkeypatch.setattr(obstore, "put_async", refused)
    monkeypatch.setattr(obstore, "copy_async", refused)

    with pytest.raises(Unavailable):
        asyncio.run(Blobs(f"file://{tmp_path}").put("raw/a", b"a"))


async def test_more_calls_than_may_be_in_flight_wait_their_turn(tmp_path: Path) -> None:
    blobs = Blobs(f"file://{tmp_path}?in_flight=2")

    assert {*await asyncio.gather(*(blobs.put(f"raw/{n}", b"x") for n in range(40)))} == {Put.NEW}


def test_what_somebody_else_keeps_there_is_no_name(s3: AwsServer) -> None:
    bucket = Bucket.made(s3)
    for key in ("readme.txt", PARTS + "left-by-a-crash", "raw/2026/a!"):
        bucket.plainly().put_object(Bucket=bucket.name, Key=key, Body=b"x")
    assert list(asyncio.run(bucket.blobs().names("", after="", limit=9))) == ["raw/2026/a"]


async def test_thousands_of_names_are_paged_and_deleted(s3: AwsServer) -> None:
    bucket = Bucket.made(s3)
    many = 120 if s3.tier == "moto" else 2_300  # moto would take a minute for them
    keys = sorted(f"raw/2026/03/{n % 28:02}/{n}" for n in range(many))

    blobs = bucket.blobs("many")
    await asyncio.gather(*(blobs.put(key, b"x") for key in keys))
    found: list[str] = []
    while page := await blobs.names("raw/", after=found[-1] if found else "", limit=many // 2):
        found += page
    assert found == keys
    await blobs.delete(keys)
    assert not await blobs.names("", after="", limit=1)
