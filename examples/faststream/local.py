"""The service on this machine: with a Kafka that the client simulates, unless CONVALIAS_EVENTS names a real one."""

import asyncio
import os
import tempfile
import time
from email import message_from_bytes, policy
from pathlib import Path

from confluent_kafka import Producer

from convalias import Convalias, IncomingMail, Participant

PEOPLE = [Participant.of("ann", addresses=["ann@home.example"]), Participant.of("bob", addresses=["bob@corp.example"])]


def simulated() -> Producer:
    """Brokers inside this process; they end with what is returned."""
    owner = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=10).brokers.values()
    os.environ["CONVALIAS_EVENTS"] = f"kafka://{broker.host}:{broker.port}/convalias-events"
    owner.list_topics("convalias-events", timeout=10)  # asked about, it is there
    return owner


async def post(cv: Convalias, text: str) -> None:
    """A mail of Bob's to Ann, in a conversation of its own."""
    alias = (await cv.open_conversation(text, use_case="hiring", participants=PEOPLE))[PEOPLE[0].account]
    head = f"From: bob@corp.example\nTo: {alias}\nMessage-ID: <{time.time_ns()}@corp.example>\n"
    mail = IncomingMail(f"{head}\n{text}\n".encode(), recipients=[str(alias)], sender="bob@corp.example")
    await cv.receiver.accept(mail)


def sent(data: str | Path) -> list[str]:
    """The first line of each notification that has left."""
    mails = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in Path(data).glob("outbox/*.eml")]
    bodies = [one.get_body(("plain",)) for one in mails]
    return sorted(str(body.get_content()).splitlines()[0] for body in bodies if body is not None)


async def shown(data: str | Path) -> list[str]:
    """Run the service until a mail that comes in has left as a notification."""
    import service  # noqa: PLC0415 - reads the address of the topic

    running = asyncio.create_task(service.app.run())
    while not service.cv.is_open:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.1)
    await post(service.cv, "Hello Ann!")
    while "Hello Ann!" not in sent(data):  # noqa: ASYNC110 - it is a file
        await asyncio.sleep(0.1)
    service.app.exit()
    await running
    return sent(data)


def main() -> None:
    data = os.environ["CONVALIAS_DATA"] = tempfile.mkdtemp()
    brokers = None if "CONVALIAS_EVENTS" in os.environ else simulated()
    print("sent:", *asyncio.run(shown(data)))
    del brokers


if __name__ == "__main__":
    main()
