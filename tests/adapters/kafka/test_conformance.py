import asyncio

import pytest

from adapters.kafka import topics
from convalias.testing import conformance
from convalias.testing.conformance import Check, Timed
from engines.fixtures import KafkaServer


@pytest.mark.parametrize("check", conformance.EVENT_LOG, ids=str)
def test_over_a_kafka(check: Check[conformance.MakeEventLog], kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    asyncio.run(check(Timed(lambda place: topics.opened(url))))
