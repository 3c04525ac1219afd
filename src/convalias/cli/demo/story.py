"""The story itself: what is done, one act after the other, and what is told about it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from convalias.app.engines import named
from convalias.app.facade import Convalias
from convalias.app.loading import load_world
from convalias.app.workers import Polled
from convalias.cli.demo import provider
from convalias.cli.demo.machine import Machine
from convalias.cli.demo.mail_server import mail_server
from convalias.cli.demo.page import page
from convalias.cli.demo.scene import Act, Scene
from convalias.cli.demo.script import SETTINGS, Letter, burst, letters, spoof, world
from convalias.cli.explain import decide
from convalias.cli.picture import picture
from convalias.cli.stored import all_events, legacy_calls
from convalias.cli.timeline import as_text
from convalias.codec.document import Json
from convalias.codec.doors import read_world
from convalias.domain.conversations.timeline import stitch
from convalias.domain.ids import AccountId, UseCase
from convalias.domain.migration.rollout import WHOLE, Stage
from convalias.settings import read_settings

BURST: Final = 20
KILLED_AFTER: Final = 6
EXPLAINED: Final = "case-6"
_KEPT: Final = {"raw": "mail as it came", "queue": "jobs", "store": "records", "events": "published events"}


async def tell_story(folder: Path, tell: Callable[[str], None]) -> Sequence[Act]:
    """All of it, in that folder; what was told.

    Raises `Failed` when the system does not start, `TimeoutError` when it does not come to rest.
    """
    _prepare(folder)
    key = secrets.token_hex(16)
    machine = Machine(folder, key=key)
    try:
        async with Convalias.from_toml(folder / "convalias.toml", data=folder / "data") as cv:
            scene = Scene(folder=folder, cv=cv, machine=machine, key=key, tell=tell)
            for act in (
                _beginning,
                _seven_cases,
                _twice,
                _spoofed,
                _crash,
                _chat,
                _told,
                _seen,
                _explained,
                _by_smtp,
                _end,
            ):
                await act(scene)
            return scene.told
    finally:
        await machine.stop()


def _prepare(folder: Path) -> None:
    for name in ("mails", "mailbox"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "convalias.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "world.json").write_text(json.dumps(world(), indent=2), encoding="utf-8")


async def _beginning(scene: Scene) -> None:
    scene.act(
        "A platform with two conversations, and a legacy mail relay that it is leaving",
        f"Everything lies in {scene.folder}",
        "John, Mary and Kim talk about a job as backend developer, John and Mary about one in design. Both conversations"
        " have moved: convalias delivers, and the legacy relay only keeps its index (stage `parallel`)."
        " Two older conversations of theirs are still wholly with the legacy relay.",
        "Each participant has an address of their own in each conversation: the alias.",
        *_engines(scene),
        "$ convalias load world.json",
        "$ convalias rollout set apply --stage parallel --basis-points 10000",
        "$ convalias run --port 0",
    )
    document: Json = json.loads((scene.folder / "world.json").read_text(encoding="utf-8"))
    await load_world(scene.cv, read_world(document))
    await scene.cv.rollout.set(UseCase("apply"), stage=Stage.PARALLEL, basis_points=WHOLE)
    await scene.machine.start()
    scene.say(f"listening on http://127.0.0.1:{scene.machine.port}")


def _engines(scene: Scene) -> Sequence[str]:
    """Where the settings of this environment name engines: which, and never by URL."""
    urls = named(read_settings(scene.folder / "convalias.toml"))
    kept = [f"{_KEPT[setting]} in {url.partition('://')[0]}://" for setting, url in urls.items()]
    return [f"But for what engines keep: {', '.join(kept)}"] if kept else ()


async def _seven_cases(scene: Scene) -> None:
    scene.act("Mary writes seven mails; her provider posts each, signed, once per recipient")
    for letter in letters():
        _keep(scene, letter)
        await scene.post(letter)
    await scene.settle()
    for letter in letters():
        scene.say(f"- to {letter.says}", *(f"    {line}" for line in await scene.became(letter)))


async def _twice(scene: Scene) -> None:
    letter = letters()[0]
    before = len(await scene.messages("backend"))
    post = provider.signed(letter, letter.to[0], key=scene.key)
    again = [await provider.once(scene.machine.port, post) for _ in range(2)]
    await scene.settle()
    scene.act(
        "The first mail arrives again, twice",
        f"Posted as a new post, then the same post once more: both are answered {again[0]} and {again[1]},"
        " for both are kept.",
        f"Messages in the conversation before: {before}; after: {len(await scene.messages('backend'))}.",
    )


async def _spoofed(scene: Scene) -> None:
    letter = spoof()
    _keep(scene, letter)
    await scene.post(letter)
    await scene.settle()
    scene.act(
        f"Now {letter.says}",
        *(f"    {line}" for line in await scene.became(letter)),
        "Kept for whoever looks into it, posted nowhere, and nobody is answered.",
    )


async def _crash(scene: Scene) -> None:
    before = len(await scene.messages("design"))
    scene.act(f"{BURST} mails come at once, and in the middle of them the machine dies: kill -9")
    posting = [asyncio.create_task(scene.post(letter)) for letter in burst(BURST)]
    done, _ = await asyncio.wait(posting, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < KILLED_AFTER:
        done, _ = await asyncio.wait(posting, timeout=0.001)
    await scene.machine.kill()
    taken = sum(task.done() for task in posting)
    if isinstance(scene.cv.ports.queue, Polled):
        scene.say(
            "Its queue cannot know that it died: what it held comes back when its lease runs out, a minute later."
        )
    scene.say(f"When it died, {taken} had been answered 200. The provider goes on trying. convalias starts again.")
    await scene.machine.start()
    posts = sum(await asyncio.gather(*posting))
    await scene.settle()
    said = await scene.messages("design")
    scene.say(f"{posts} posts were needed; there are {len(said) - before} new messages, each once.")


async def _chat(scene: Scene) -> None:
    await scene.cv.messaging.send("backend", "Thursday at ten suits me. Kim", author="kim", key="demo-1")
    await scene.settle()
    scene.act(
        "Kim does not write mails: she answers in the chat",
        '$ convalias send backend --as kim --key demo-1 "Thursday at ten suits me. Kim"',
    )


async def _told(scene: Scene) -> None:
    decisions = await scene.decisions()
    rows = [row for decision in decisions for row in decision.deliveries]
    states = Counter(row.state.value for row in rows)
    calls = await legacy_calls(scene.cv)
    indexed = [call for call in calls if call.kind == "index"]
    scene.act(
        "Who was told",
        f"{len(decisions)} messages, {len(rows)} notifications"
        f" ({', '.join(f'{count} {state}' for state, count in states.items())}),"
        f" {len(scene.mails())} mails in data/outbox.",
        f"The legacy relay indexed {len(indexed)} messages; it was told to notify nobody for"
        f" {sum(call.suppress_notification for call in indexed)} of them, and notified for"
        f" {sum(call.notified for call in indexed)}.",
        f"It was handed {len(calls) - len(indexed)} mails of the conversations that it still has.",
        "One of the mails, as John gets it: From is Mary's alias, her address is nowhere in it.",
        *_headers(scene),
    )


def _headers(scene: Scene) -> Sequence[str]:
    for path in scene.mails():
        mail = message_from_bytes(path.read_bytes())
        if "john@" in str(mail["To"]):
            return [f"    {name}: {mail[name]}" for name in ("From", "To", "Subject")]
    return ()


async def _seen(scene: Scene) -> None:
    items = stitch(await all_events(scene.cv, "backend"), reader=AccountId("john"))
    scene.act("Mail and chat are one timeline when they are read", "$ convalias timeline backend --as john")
    scene.say(*as_text(items).splitlines())


async def _explained(scene: Scene) -> None:
    letter = next(one for one in letters() if one.name == EXPLAINED)
    document: Json = {
        **_as_object(json.loads((scene.folder / "world.json").read_text(encoding="utf-8"))),
        "envelope": {"recipients": list(letter.to), "sender": letter.sender},
        "authentication": {"dmarc": "pass"},
    }
    asked = scene.folder / "mails" / f"{letter.name}.world.json"
    asked.write_text(json.dumps(document, indent=2), encoding="utf-8")
    decision = decide(letter.raw, read_world(document))
    title = f"A mail to {letter.says}"
    (scene.folder / "decision.html").write_text(page(decision, title=title), encoding="utf-8")
    (scene.folder / "decision.svg").write_text(picture(decision), encoding="utf-8")
    (scene.folder / "decision.mmd").write_text(decision.explain().mermaid() + "\n", encoding="utf-8")
    scene.act(
        "Why? Every decision explains itself",
        f"$ convalias explain mails/{letter.name}.eml --world mails/{letter.name}.world.json",
        *decision.explain().text().splitlines(),
        "",
        *decision.explain().mermaid().splitlines(),
    )


async def _by_smtp(scene: Scene) -> None:
    if find_spec("aiosmtplib") is None:
        scene.act("Mail by SMTP is left out", "pip install 'convalias[smtp]' brings what it needs.")
        return
    await scene.machine.stop()
    async with mail_server(scene.folder / "mailbox") as server:
        setting = f'mail = "smtp://127.0.0.1:{server.port}?tls=off"'
        with (scene.folder / "convalias.toml").open("a", encoding="utf-8") as file:
            file.write(f"{setting}\n")
        await scene.machine.start()
        await scene.cv.messaging.send("backend", "Then Thursday at ten it is. John", author="john", key="demo-2")
        await scene.settle()
        await scene.machine.stop()
        mails = [message_from_bytes(path.read_bytes(), policy=SMTP) for path in server.mails()]
    scene.act(
        "So far mail left into a folder. Now it leaves by SMTP, to a mail server of this demo",
        f"{setting}    # in convalias.toml; a real one has a user and TLS",
        '$ convalias send backend --as john --key demo-2 "Then Thursday at ten it is. John"',
        f"The server took {len(mails)} mails. This is what Mary reads there:",
        *(line for mail in mails if "mary@" in str(mail["To"]) for line in _read(mail)),
    )


def _read(mail: EmailMessage) -> Sequence[str]:
    """The head of a mail and its first line."""
    text = mail.get_body(("plain",))
    first = "" if text is None else next(iter(str(text.get_content()).splitlines()), "")
    return [*(f"    {name}: {mail[name]}" for name in ("From", "To", "Subject", "Date")), "", f"    {first}"]


async def _end(scene: Scene) -> None:
    data = scene.folder / "data"
    scene.act(
        "All of it is still there",
        f"the picture      {scene.folder / 'decision.html'} (also .svg, and .mmd with the Mermaid text)",
        f"notifications    {data / 'outbox'}, and {scene.folder / 'mailbox'} by SMTP",
        f"what came in     {scene.folder / 'mails'}",
        *(() if _engines(scene) else _look_further(data)),
    )


def _look_further(data: Path) -> Sequence[str]:
    return [
        f"look further     convalias show deliveries --data {data}",
        f"                 convalias why --data {data}",
    ]


def _keep(scene: Scene, letter: Letter) -> None:
    (scene.folder / "mails" / f"{letter.name}.eml").write_bytes(letter.raw)


def _as_object(document: Json) -> dict[str, Json]:
    return document if isinstance(document, dict) else {}
