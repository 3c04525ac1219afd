"""The loop on this machine: with a Kafka that the client simulates, unless CONVALIAS_EVENTS names a real one."""

import os
import tempfile
import threading
import time
from email import message_from_bytes, policy
from pathlib import Path

from confluent_kafka import Producer

from convalias import IncomingMail, Participant

ANN = Participant.of("ann", addresses=["ann@home.example"])
BOB = Participant.of("bob", addresses=["bob@corp.example"])


def simulated() -> Producer:
    """Brokers inside this process; they end with what is returned."""
    owner = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=10).brokers.values()
    os.environ["CONVALIAS_EVENTS"] = f"kafka://{broker.host}:{broker.port}/convalias-events"
    return owner


def mail(alias: object, text: str) -> IncomingMail:
    """A mail of Bob's."""
    head = f"From: bob@corp.example\nTo: {alias}\nMessage-ID: <{time.time_ns()}@corp.example>\n"
    return IncomingMail(f"{head}\n{text}\n".encode(), recipients=[str(alias)], sender="bob@corp.example")


def sent(data: str | Path) -> list[str]:
    """The first line of each notification that has left."""
    mails = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in Path(data).glob("outbox/*.eml")]
    bodies = [one.get_body(("plain",)) for one in mails]
    return sorted(str(body.get_content()).splitlines()[0] for body in bodies if body is not None)


def main() -> None:
    data = os.environ["CONVALIAS_DATA"] = tempfile.mkdtemp()
    brokers = None if "CONVALIAS_EVENTS" in os.environ else simulated()
    import loop  # noqa: PLC0415 - reads the address of the topic

    stopping = threading.Event()
    with loop.cv, loop.cv.running("inbound", "feed"):
        consuming = threading.Thread(target=loop.run, args=(loop.consumer(), stopping))
        consuming.start()
        alias = loop.cv.open_conversation("c1", use_case="hiring", participants=[ANN, BOB])[ANN.account]
        loop.cv.receiver.accept(mail(alias, "Hello Ann!"))
        while not sent(data):
            time.sleep(0.1)
        stopping.set()
        consuming.join()
    print("sent:", *sent(data))
    del brokers


if __name__ == "__main__":
    main()
