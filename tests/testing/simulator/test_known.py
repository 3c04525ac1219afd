"""What is decoded once is as if it had been decoded each time."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from convalias.codec import CODEC, BrokenRecord, dump
from convalias.codec.stored import Codec
from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Rollout, RolloutSetting, Stage
from convalias.ports.records import Insert, Key
from convalias.testing.simulator import Plan, run, simulate
from convalias.testing.simulator.engines import Records
from convalias.testing.simulator.known import Known, decoding_once

ROLLOUT = RolloutSetting(Rollout(UseCase("support"), Stage.NATIVE, 10_000, "salt", reason=""))
KEY = Key("t", "p", "i")


def test_a_run_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = simulate(Plan(seed=7, mails=30))
    monkeypatch.setattr(run, "decoding_once", nullcontext)
    slow = simulate(Plan(seed=7, mails=30))
    assert (quick.trace_digest, quick.states) == (slow.trace_digest, slow.states)


async def test_a_record_is_decoded_once_while_it_stands() -> None:
    records = Records()
    await records.write([Insert(KEY, dump(ROLLOUT))])

    async def read() -> RolloutSetting:
        return CODEC.load((await records.get([KEY]))[KEY].body, RolloutSetting)

    with decoding_once():
        assert await read() is await read() == ROLLOUT
        assert Codec(write_format={}).load((await records.get([KEY]))[KEY].body, RolloutSetting) is not await read()
    assert await read() is not await read()


def test_what_cannot_be_read_is_not_remembered() -> None:
    body = Known({"$": dump(ROLLOUT)["$"]})
    with decoding_once():
        for _ in range(2):
            with pytest.raises(BrokenRecord):
                CODEC.load(body, RolloutSetting)
