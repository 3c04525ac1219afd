import pytest

from convalias.adapters.kafka import Limits, UnusableTopicError
from convalias.adapters.kafka.place import consumer_config, producer_config, read_url


def test_a_url_is_read_whole() -> None:
    place = read_url(
        "kafka://user:p%40ss@k1:9093,k2:9093/events?timeout=5&read_ahead=7&partitions=12&linger_ms=0"
        "&release_within=3&session_timeout=9&mechanism=PLAIN&security=sasl_ssl&ca=/etc/ca.pem"
    )
    assert (place.servers, place.topic, place.user, place.password) == ("k1:9093,k2:9093", "events", "user", "p@ss")
    assert place.limits == Limits(
        timeout=5, read_ahead=7, partitions=12, linger_ms=0, release_within=3, session_timeout=9
    )
    assert "p@ss" not in repr(place)
    config = producer_config(place)
    assert config["sasl.password"] == "p@ss"
    assert config["security.protocol"] == "sasl_ssl"
    assert config["ssl.ca.location"] == "/etc/ca.pem"


@pytest.mark.parametrize(
    "url",
    [
        "http://k1/events",
        "kafka:///events",
        "kafka://k1:9092",
        "kafka://k1:9092/a/b",
        "kafka://u:secret@k1/t?colour=red",
        "kafka://u:secret@k1/t?timeout=0",
        "kafka://u:secret@k1/t?timeout=soon",
        "kafka://u:secret@k1/t?security=none",
        "kafka://u:secret@k1/t?mechanism=GSSAPI",
    ],
)
def test_a_wrong_url_is_told_without_being_shown(url: str) -> None:
    with pytest.raises(UnusableTopicError) as raised:
        read_url(url)
    assert "secret" not in str(raised.value)


def test_the_promises_are_the_clients_settings() -> None:
    place = read_url("kafka://k1:9092/events")
    producer, consumer = producer_config(place), consumer_config(place, "g")
    assert (producer["acks"], producer["enable.idempotence"], producer["message.timeout.ms"]) == ("all", True, 0)
    assert producer["enable.gapless.guarantee"] is True
    assert (consumer["enable.auto.commit"], consumer["auto.offset.reset"]) == (False, "earliest")
    assert consumer["partition.assignment.strategy"] == "cooperative-sticky"
    assert producer["security.protocol"] == "plaintext"
