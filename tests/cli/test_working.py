"""Mail in from files, worker by worker, and what `show` says of it."""

from cli.desk import JOHN_ALIAS, MARY, Commands, mail


def ingested(commands: Commands, raw: bytes, name: str = "mail.eml") -> None:
    commands.ask("ingest", commands.file(name, raw))
    commands.work()


def parallel(commands: Commands) -> None:
    commands.load()
    commands.ask("rollout", "set", "apply", "--stage", "parallel", "--basis-points", "10000")


def test_a_mail_becomes_a_message_of_its_author(commands: Commands) -> None:
    parallel(commands)
    ingested(commands, mail(text="Hello John\r\n\r\nOn Monday John <john-smith-1ab131e2@reply.example> wrote:\r\n> so"))
    (message,) = commands.messages()
    assert {name: message[name] for name in ("kind", "author", "origin", "message_id", "text", "subject")} == {
        "kind": "message_added",
        "author": "mary",
        "origin": "alias_mail",
        "message_id": "<m1@corp.example>",
        "text": "Hello John",
        "subject": "Re: the job",
    }
    assert "> so" in message["full_text"]
    assert message["dedup_key"]


def test_the_other_participant_is_told_once_and_legacy_is_told_to_tell_nobody(commands: Commands) -> None:
    parallel(commands)
    ingested(commands, mail())
    (message,) = commands.messages()
    (delivery,) = commands.ask("show", "deliveries")
    assert {
        "event_id": message["id"],
        "conversation": "c1",
        "recipient": "john",
        "kind": "message",
        "channel": "email",
        "owner": "hub",
        "stage": "parallel",
        "state": "sent",
        "attempts": 1,
    }.items() <= delivery.items()
    assert [path.stem for path in (commands.data / "outbox").glob("*.eml")] == [delivery["notification_id"]]
    assert commands.ask("show", "legacy") == [
        {
            "kind": "index",
            "external_id": message["id"],
            "message_id": "<m1@corp.example>",
            "address": "job-1@relay.example",
            "suppress_notification": True,
            "notified": False,
        }
    ]


def test_nothing_set_means_that_legacy_delivers(commands: Commands) -> None:
    commands.load()
    commands.ask("send", "c1", "--as", "john", "--key", "k1", "Hello")
    commands.work()
    (delivery,) = commands.ask("show", "deliveries")
    assert (delivery["owner"], delivery["stage"], delivery["state"]) == ("legacy", "legacy", "sent")
    (call,) = commands.ask("show", "legacy")
    assert (call["kind"], call["suppress_notification"], call["notified"]) == ("index", False, True)
    assert len(list((commands.data / "legacy-outbox").glob("*.eml"))) == 1
    assert not list((commands.data / "outbox").glob("*.eml"))


def test_the_same_mail_twice_is_one_message(commands: Commands) -> None:
    parallel(commands)
    ingested(commands, mail())
    ingested(commands, mail(), "copy.eml")
    assert len(commands.messages()) == 1
    assert len(commands.ask("show", "deliveries")) == 1


def test_a_stranger_is_held(commands: Commands) -> None:
    parallel(commands)
    ingested(commands, mail(sender="somebody@else.example"))
    (hold,) = commands.ask("show", "holds")
    expected = {"conversation": "c1", "message_id": "<m1@corp.example>", "sender": "somebody@else.example"}
    assert {**expected, "reason": "NEEDS_APPROVAL", "state": "held"}.items() <= hold.items()
    assert commands.messages() == []


def test_a_mail_to_a_legacy_address_alone_is_handed_over(commands: Commands) -> None:
    parallel(commands)
    ingested(commands, mail(to="job-1@relay.example"))
    (call,) = commands.ask("show", "legacy")
    assert (call["kind"], call["address"], call["message_id"]) == (
        "handoff",
        "job-1@relay.example",
        "<m1@corp.example>",
    )
    assert commands.messages() == []


def test_jobs_are_counted_before_and_after(commands: Commands) -> None:
    commands.load()
    nothing = {"ready": 0, "in_flight": 0, "dead": [], "quarantined": 0}
    assert nothing.items() <= commands.ask("show", "jobs").items()
    commands.ask("ingest", commands.file("mail.eml", mail()))
    assert commands.ask("show", "jobs")["ready"] == 1
    assert commands.ask("worker", "inbound", "--once") == {"worker": "inbound", "done": 1, "waiting": 0, "dead": 0}
    assert commands.ask("show", "jobs")["ready"] == 0


def test_a_mail_over_the_limit_is_kept_and_quarantined(commands: Commands) -> None:
    commands.load()
    config = commands.file("small.toml", "mail_limit = 1000\n")
    (row,) = commands.ask("ingest", commands.file("mail.eml", mail(text="x" * 2_000)), "--config", config)
    assert row["quarantined"] == "too_large"
    commands.work()
    assert commands.ask("show", "jobs")["quarantined"] == 1


def test_an_mbox_a_maildir_and_a_folder_are_read_mail_by_mail(commands: Commands) -> None:
    commands.load()
    mbox = b"".join(b"From mary Sun Mar  1 12:00:00 2026\r\n" + mail(number) + b"\r\n" for number in (1, 2))
    commands.file("maildir/new/1.host", mail(3))
    commands.file("maildir/cur/2.host:2,S", mail(4))
    commands.file("maildir/tmp/3.host", mail(5))
    commands.file("folder/deep/6.eml", mail(6))
    commands.file("folder/deep/notes.txt", b"no mail")
    paths = [commands.file("box", mbox), str(commands.folder / "maildir"), str(commands.folder / "folder")]
    assert len(commands.ask("ingest", *paths)) == 5
    commands.work()
    assert {message["message_id"] for message in commands.messages()} == {
        f"<m{number}@corp.example>" for number in (1, 2, 3, 4, 6)
    }


def test_a_path_that_does_not_exist_is_66_before_anything_is_taken_in(commands: Commands) -> None:
    commands.load()
    assert commands.run("ingest", commands.file("mail.eml", mail()), "nowhere.eml").status == 66
    assert commands.ask("show", "jobs")["ready"] == 0


def test_a_worker_without_any_alias_domain_says_what_is_missing(commands: Commands) -> None:
    ran = commands.run("worker", "inbound", "--once")
    assert ran.status == 78
    assert "alias_domains" in ran.err


def test_a_conversation_that_is_not_there_is_66(commands: Commands) -> None:
    ran = commands.run("show", "conversation", "nope")
    assert ran.status == 66
    assert len(ran.err.splitlines()) == 1


def test_an_unknown_option_is_64(commands: Commands) -> None:
    assert commands.run("show", "deliveries", "--nope").status == 64


def test_tables_are_for_people(commands: Commands) -> None:
    parallel(commands)
    ingested(commands, mail(text="see [bold]this[/bold]"))
    for arguments in (["conversation", "c1"], ["deliveries"], ["legacy"], ["holds"], ["jobs"]):
        assert commands.run("show", *arguments).status == 0
    assert "[bold]this[/bold]" in commands.run("show", "conversation", "c1").out


def test_no_mail_that_leaves_names_the_sender(commands: Commands) -> None:
    parallel(commands)
    ingested(commands, mail())
    (path,) = (commands.data / "outbox").glob("*.eml")
    assert MARY.encode() not in path.read_bytes()
    assert JOHN_ALIAS.encode() not in path.read_bytes()
