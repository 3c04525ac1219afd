"""Gives the workers a mail, and waits for the notification that they send."""

import base64
import os
import time
from email import message_from_bytes, policy
from pathlib import Path

from convalias import Participant
from tasks import cv, take_in

ANN = Participant.of("ann", addresses=["ann@home.example"])
BOB = Participant.of("bob", addresses=["bob@corp.example"])


def opened(conversation: str) -> str:
    """Ann's alias in a conversation with Bob."""
    return str(cv.open_conversation(conversation, use_case="hiring", participants=[ANN, BOB])[ANN.account])


def post(alias: str, number: int, text: str) -> None:
    """A mail of Bob's to that alias, as a task."""
    raw = f"From: bob@corp.example\nTo: {alias}\nMessage-ID: <{number}@corp.example>\n\n{text}\n"
    take_in.delay(base64.b64encode(raw.encode()).decode(), [alias], "bob@corp.example")


def sent() -> list[str]:
    """The first line of each notification that has left."""
    outbox = Path(os.environ.get("CONVALIAS_DATA", "mail-data"), "outbox")
    mails = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in outbox.glob("*.eml")]
    bodies = [mail.get_body(("plain",)) for mail in mails]
    return sorted(str(body.get_content()).splitlines()[0] for body in bodies if body is not None)


def main() -> None:
    number = int(time.time())
    post(opened("c1"), number, f"Hello Ann, it is {number}!")
    while not any(str(number) in line for line in sent()):
        time.sleep(0.2)
    print("\n".join(sent()))


if __name__ == "__main__":
    main()
