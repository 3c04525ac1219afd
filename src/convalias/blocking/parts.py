"""The services of the façade without `await`: their own names, arguments, types and docstrings.

Written by `python tests/blocking/mirror.py` from the source of the services; a test compares. Do not edit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from convalias.app.own_loops import InboundLoop as _InboundLoop
from convalias.app.own_loops import OutboundLoop as _OutboundLoop
from convalias.blocking.part import Part
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.aliases.styles import AliasStyle
from convalias.domain.approvals.links import Request
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.participants import Author, Participant
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.conversations.timeline import TimelineItem
from convalias.domain.ids import AccountId, ConversationId, EventId, UseCase
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.inbound.held import HeldMail
from convalias.domain.inbound.posts import IncomingMail, RecordKey
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import MailContent
from convalias.domain.migration.rollout import Axis, Moves, Rollout, Stage
from convalias.domain.outbound.answering import MintingAnswer
from convalias.domain.outbound.enclosures import LinkedFile
from convalias.domain.outbound.redrives import Redriven
from convalias.domain.outbound.suppressions import Muted, Subscription, Suppressed, SuppressionList, Unreadable
from convalias.ports.drafts import AttachedFile
from convalias.ports.event_log import EventRecord
from convalias.ports.queue import Job
from convalias.services.approvals.approvals import Approvals as _Approvals
from convalias.services.approvals.approvals import Seen
from convalias.services.conversations.aliasing import Aliasing as _Aliasing
from convalias.services.conversations.mail_messages import MailAddition
from convalias.services.conversations.messaging import Messaging as _Messaging
from convalias.services.inbound.receiver import Receipt
from convalias.services.inbound.receiver import Receiver as _Receiver
from convalias.services.inbound.worker import Processed
from convalias.services.migration.rollout import Counts, Prepared, nothing_done
from convalias.services.migration.rollout import RolloutControl as _RolloutControl
from convalias.services.operations.mail_finding import Asked
from convalias.services.operations.operations import Counted, Stories, Waiting
from convalias.services.operations.operations import Operations as _Operations
from convalias.services.operations.replay import EVERYTHING, Replayed, Selection
from convalias.services.operations.replay import Replay as _Replay
from convalias.services.outbound.attachment_links import AttachmentLinks as _AttachmentLinks
from convalias.services.outbound.notifier import OutboundWorker as _OutboundWorker
from convalias.services.outbound.redriving import Redriving as _Redriving
from convalias.services.outbound.suppressing import Suppressing as _Suppressing
from convalias.services.outbound.unsubscribing import Unsubscribing as _Unsubscribing
from convalias.services.running.group_reader import BATCH
from convalias.stores.conversations.access import Addition, DraftedAppend
from convalias.stores.errors import PostingDeclined
from convalias.stores.migration.rollouts import Setting
from convalias.stores.outbound.ledger import GivenBack


class Aliasing(Part[_Aliasing]):
    """Alias row first, then its event under a dedup key made of the alias id: each step may be repeated."""

    def issue(self, conversation: str, *, account: str, topic: str = "") -> ConversationAlias:
        """The live alias of that participant; a new one where there is none. Whether minting is on is not asked.

        Raises `NoSuchConversation`, `Refused` (no participant), `InvalidValue` (no alias domain), `KeysRefused`,
        `Unavailable`.
        """
        return self._wait(lambda service: service.issue(conversation, account=account, topic=topic))

    def issue_all(self, thread: ConversationThread) -> Sequence[ConversationAlias]:
        """The live alias of each participant; none where minting is off for this conversation (stage `legacy`)."""
        return self._wait(lambda service: service.issue_all(thread))

    def minting(self, thread: ConversationThread) -> MintingAnswer:
        """Whether aliases may be issued in this conversation. One read of the flag. Raises `Unavailable`."""
        return self._wait(lambda service: service.minting(thread))

    def lacking(self, thread: ConversationThread) -> Sequence[AccountId]:
        """Participants without a working alias. One read. Raises `Unavailable`."""
        return self._wait(lambda service: service.lacking(thread))

    def issue_for(self, thread: ConversationThread, accounts: Iterable[AccountId]) -> MintingAnswer:
        """Issue an alias to each of these participants, unless that is refused. May be repeated.

        Raises `NoSuchConversation` (erased since), `Contended`, `Unavailable`; what was issued by then stays.
        """
        return self._wait(lambda service: service.issue_for(thread, accounts))

    def rotate(self, address: str) -> ConversationAlias:
        """A new alias in the place of a live one, which goes on working. Rotated before: the one that is live now.

        Raises `NoSuchAlias`, `Refused` (its participant has left), and as `issue`.
        """
        return self._wait(lambda service: service.rotate(address))

    def revoke(self, address: str) -> ConversationAlias:
        """Revoke an alias: it takes no mail from now on, and is never given to anybody else. Raises `NoSuchAlias`."""
        return self._wait(lambda service: service.revoke(address))

    def resolve(self, address: EmailAddress) -> ConversationAlias | None:
        """The alias that mail to this (unwrapped) address is meant for, whatever its state."""
        return self._wait(lambda service: service.resolve(address))

    def note(self, alias: ConversationAlias) -> None:
        """The events that say what the row says: issued, and revoked where it is."""
        return self._wait(lambda service: service.note(alias))

    def preview(self, use_case: str, *, name: str, region: str | None = None) -> tuple[EmailAddress, AliasStyle]:
        """Return an address as somebody of that name would get one, and its style. Nothing is written; it leads nowhere.

        Raises `InvalidValue` (no alias domain).
        """
        return self._do(lambda service: service.preview(use_case, name=name, region=region))


class Approvals(Part[_Approvals]):
    """A link's GET shows and its POST decides; the inbound worker carries out what is due. All may be repeated.

    Deciding only writes the decision down, and that something is due: whoever decides may be gone a moment later.
    """

    def show(self, token: str) -> Seen:
        """Return the page that a link leads to. Changes nothing: scanners of mail follow every link."""
        return self._wait(lambda service: service.show(token))

    def decide(self, token: str, request: Request) -> Seen:
        """Held -> approved | rejected, by compare-and-set; a second answer changes nothing and shows what stands."""
        return self._wait(lambda service: service.decide(token, request))

    def carry_due(self) -> int:
        """Carry out what was decided, let expire what was not; how many were tried. Raises `Unavailable`."""
        return self._wait(lambda service: service.carry_due())

    def carry_out(self, hold: HeldMail) -> datetime | None:
        """Decide the approved mail anew, until no outcome of its posts is held any longer; when to try again."""
        return self._wait(lambda service: service.carry_out(hold))


class AttachmentLinks(Part[_AttachmentLinks]):
    """Acts on the tokens of `Seals.file_token`. Changes nothing; every call may be repeated. Raises `Unavailable`.

    A link ends when its time is over, when the message is redacted or erased, and when its reader leaves.
    """

    def show(self, token: str) -> LinkedFile | None:
        """Return what the link opens, or None if it opens nothing (any more)."""
        return self._wait(lambda service: service.show(token))

    def opened(self, token: str) -> AbstractContextManager[tuple[LinkedFile, bytes] | None]:
        """Hold the file and its content while it is sent.

        None where the link opens nothing, or the file is not kept any more. Waits while `octets` are all in use.
        """
        return self._enter(lambda service: service.opened(token))


class InboundLoop(Part[_InboundLoop]):
    """Mail for a loop of the host's own. Every call looks for news of the deployment first, at most once a second.

    Raises `KeysRefused`, `PlaceRefused` and `HostMissing`: then this process must not work on any mail.
    """

    def process(self, jobs: Sequence[Job], *, within: float | None = None) -> Sequence[Processed]:
        """Process jobs and return one answer for each, in their order; never raises for a job.

        `Again`: it must come back, after the time that the answer says. Anything else: acknowledge it. What `within`
        seconds do not reach is `Again`, and so are all if the store is away.
        """
        return self._wait(lambda service: service.process(jobs, within=within))

    def step(self, *, wait: timedelta = timedelta(0)) -> int:
        """Take, process and acknowledge one batch; return how many jobs were concluded or put off.

        Raises `Unavailable` too. Waits at most `wait` for the first job.
        """
        return self._wait(lambda service: service.step(wait=wait))

    def take(self, *, wait: timedelta = timedelta(0)) -> Sequence[Job]:
        """The next batch, which is this worker's for as long as `work` may take to begin. Raises `Unavailable` too."""
        return self._wait(lambda service: service.take(wait=wait))

    def work(self, jobs: Sequence[Job]) -> int:
        """Process jobs that were just taken, to the acknowledgement; count as `step` does. Raises `Unavailable` too."""
        return self._wait(lambda service: service.work(jobs))


class Messaging(Part[_Messaging]):
    """Commands and queries about conversations. Every call may be repeated.

    A command that did not do what its name says raises: `Refused` (the rules), `NoSuchConversation`, `KeyReused`,
    `InvalidValue` (misuse), `Unavailable` (try again).
    """

    @property
    def aliasing(self) -> Aliasing:
        """Return the part of that name: `Aliasing`."""
        find = self._find
        return Aliasing(self._opening, lambda cv: find(cv).aliasing)

    def send(
        self,
        conversation: str,
        text: str,
        *,
        author: str,
        key: str,
        in_reply_to: str | None = None,
        attachments: Sequence[AttachedFile] = (),
    ) -> ConversationEvent:
        """A chat message of a participant. The same key gives the first result again.

        `key` is the client's own, per conversation. Raises `KeyReused` when it stands for another body, author or
        files, `Unstorable` for what no store can hold. With files the text may be empty.
        """
        return self._wait(
            lambda service: service.send(
                conversation, text, author=author, key=key, in_reply_to=in_reply_to, attachments=attachments
            )
        )

    def add_mail(
        self, content: MailContent, *, conversation: str, author: Author, key: MailKey, addition: MailAddition
    ) -> Addition | PostingDeclined | None:
        """A mail as a message: added, or there already; never a conflict. Mails are compared by digest, not by text.

        None: the conversation does not take it any more (it was closed or erased, or its author removed, since that
        was decided): decide anew. A second mail under a re-used Message-ID (Date *and* body differ) is a message of
        its own, flagged `message_id_reused`. `PostingDeclined`: a host declined it by a rule of its own, for good.
        Raises `Unavailable`.
        """
        return self._wait(
            lambda service: service.add_mail(
                content, conversation=conversation, author=author, key=key, addition=addition
            )
        )

    def draft_mail(
        self, content: MailContent, *, conversation: str, author: Author, key: MailKey, addition: MailAddition
    ) -> DraftedAppend | None:
        """Draft what `add_mail` adds, to be written together with other records. None: only `add_mail` can do it."""
        return self._do(
            lambda service: service.draft_mail(
                content, conversation=conversation, author=author, key=key, addition=addition
            )
        )

    def posted(self, content: MailContent, *, key: MailKey, sent_at: datetime | None) -> EventId | None:
        """The event that this very mail is in its conversation already; None while it is none. Raises `Unavailable`."""
        return self._wait(lambda service: service.posted(content, key=key, sent_at=sent_at))

    def create(
        self,
        use_case: str,
        participants: Sequence[Participant] = (),
        *,
        conversation: str | None = None,
        market: str | None = None,
    ) -> ConversationThread:
        """A new conversation; where aliases are minted for its use case, each participant gets one.

        With an id of one's own the call may be repeated; `KeyReused` when it was created otherwise. Raises
        `Unstorable` for what no store can hold.
        """
        return self._wait(
            lambda service: service.create(use_case, participants, conversation=conversation, market=market)
        )

    def add_participant(self, conversation: str, participant: Participant) -> ConversationThread:
        """Add a participant, or update one who takes part already, and issue an alias. `Unstorable`."""
        return self._wait(lambda service: service.add_participant(conversation, participant))

    def remove_participant(self, conversation: str, account: str) -> ConversationThread:
        """Remove a participant from now on. Its alias stays; mail of its own to others is refused."""
        return self._wait(lambda service: service.remove_participant(conversation, account))

    def mark_read(self, conversation: str, *, account: str, up_to: int) -> ConversationThread:
        """Note that a participant has read everything up to and including seq `up_to`. A mark never goes back."""
        return self._wait(lambda service: service.mark_read(conversation, account=account, up_to=up_to))

    def close(self, conversation: str, *, by: str | None = None) -> ConversationThread:
        """No more messages until it is reopened. `by` is a participant; None: the platform."""
        return self._wait(lambda service: service.close(conversation, by=by))

    def reopen(self, conversation: str, *, by: str | None = None) -> ConversationThread:
        """Messages again. Raises `Refused` for an archived conversation: that is closed for good."""
        return self._wait(lambda service: service.reopen(conversation, by=by))

    def thread(self, conversation: str) -> ConversationThread:
        """The conversation as of its last event, an erased one included. Raises `NoSuchConversation`."""
        return self._wait(lambda service: service.thread(conversation))

    def events(self, conversation: str, *, after: int = 0, limit: int = 100) -> Sequence[ConversationEvent]:
        """Events with a higher seq than `after`, ascending; the next page is after the last one's seq.

        A page ends early behind long texts, but has at least one event where there is any. A message whose long
        text cannot be found has the flag `text_missing`.
        Of an erased conversation they hold no words, files or names.
        """
        return self._wait(lambda service: service.events(conversation, after=after, limit=limit))

    def timeline(self, conversation: str, *, seen_by: str) -> Sequence[TimelineItem]:
        """Mail and chat in one order, as that account may see them: who left sees what there was until then.

        Raises `NoSuchConversation` (an erased one is gone), `Refused` for who never took part.
        """
        return self._wait(lambda service: service.timeline(conversation, seen_by=seen_by))

    def resolve(self, address: str) -> ConversationAlias | None:
        """The alias behind an address, whatever its state. Raises `InvalidAddress`."""
        return self._wait(lambda service: service.resolve(address))


class Operations(Part[_Operations]):
    """Reads only. Every call may be repeated. Raises `Unavailable`."""

    def why(self, asked: Asked, *, since: datetime | None = None) -> Stories:
        """Explain what became of these mails, newest first, at most 100; also of those that wait.

        What is known of a mail is looked up in an index, so that the cost does not grow with the days that are kept.
        Without `since`, mails that wait and mails of before the index are looked for in the last 7 days.
        """
        return self._wait(lambda service: service.why(asked, since=since))

    def waiting(self, *, since: datetime | None = None) -> int:
        """Count the mails that were kept since then and are not concluded yet."""
        return self._wait(lambda service: service.waiting(since=since))

    def oldest_waiting(self, *, since: datetime) -> Waiting:
        """The mail that waits longest for its outcome. Lists at most 20,000 names and reads at most 100 records."""
        return self._wait(lambda service: service.oldest_waiting(since=since))

    def dead(self) -> tuple[DeadLetter, ...]:
        """Inbound mails that were given up."""
        return self._wait(lambda service: service.dead())

    def quarantined(self) -> Counted:
        """Count the kept mails that are never routed. Reads at most 10,000 outcomes, the newest days first."""
        return self._wait(lambda service: service.quarantined())


class OutboundLoop(Part[_OutboundLoop]):
    """Decisions and deliveries for a loop of the host's own: exactly one system delivers.

    What works on events looks for news of the deployment first, at most once a second, and raises `KeysRefused`,
    `PlaceRefused` and `HostMissing`: then this process must not decide or deliver.
    """

    def decide(self, records: Sequence[EventRecord]) -> None:
        """Returned: every record has its decision, commit. Raised (`Unavailable`): commit nothing."""
        return self._wait(lambda service: service.decide(records))

    def deliver_due(self, *, limit: int = BATCH) -> int:
        """Try once what is due now, and return how many decisions were worked on. Raises `Unavailable` too."""
        return self._wait(lambda service: service.deliver_due(limit=limit))

    def take_up_undecided(self) -> int:
        """Decide about events that wait apart from the log; how many there were. Raises `Unavailable` too."""
        return self._wait(lambda service: service.take_up_undecided())

    def sent(self) -> bool:
        """Wait for what is sent as soon as it is decided; whether there was anything."""
        return self._wait(lambda service: service.sent())

    def finish(self, *, within: timedelta) -> None:
        """Wait so long for what is being sent, then release it. Another worker asks what became of it."""
        return self._wait(lambda service: service.finish(within=within))

    def give_back(self, use_case: UseCase) -> GivenBack:
        """Put what was not yet tried under the flag as it stands now."""
        return self._wait(lambda service: service.give_back(use_case))

    def redrive(self, letter: DeadLetter) -> bool:
        """Try again what was given up about the event of that letter. False: there was nothing left to do.

        A parked conversation is taken up in order; one that still cannot be read raises `Parked` and stays parked.
        """
        return self._wait(lambda service: service.redrive(letter))

    @property
    def redriving(self) -> Redriving:
        """Return the part of that name: `Redriving`."""
        find = self._find
        return Redriving(self._opening, lambda cv: find(cv).redriving)


class OutboundWorker(Part[_OutboundWorker]):
    """Feeds the notifier from the event log: the one loop body for the façade and for hosts.

    Deciding is driven by the log, sending by the ledger alone. What is not decided is never committed.
    Any number of tasks may call it: one batch is decided at a time.
    """

    def decide(self, *, wait: timedelta = timedelta(0)) -> int:
        """Decide about one batch of events and commit it; how many there were. Raises `Unavailable`; repeatable."""
        return self._wait(lambda service: service.decide(wait=wait))

    def deliver(self) -> int:
        """Send one batch of what is due; how many decisions were worked on. Raises `Unavailable`; repeatable."""
        return self._wait(lambda service: service.deliver())

    def take_up(self) -> int:
        """Decide about events that wait apart from the log; how many there were. Raises `Unavailable`; repeatable."""
        return self._wait(lambda service: service.take_up())

    def step(self, *, wait: timedelta = timedelta(0)) -> int:
        """Decide one batch of events and what waits, then send one batch; return how many there were of all."""
        return self._wait(lambda service: service.step(wait=wait))

    def drain(self) -> int:
        """Until nothing is there and nothing is due; how much there was. What is in back-off stays there."""
        return self._wait(lambda service: service.drain())

    def catch_up(self) -> bool:
        """Wait for what is being sent, and for a log that reads ahead; whether there was anything to wait for.

        Raises `Unavailable`.
        """
        return self._wait(lambda service: service.catch_up())

    def close(self) -> None:
        """Leave the group, and finish what is being sent.

        What was taken and not decided comes again to somebody; the next step joins anew.
        """
        return self._wait(lambda service: service.close())


class Receiver(Part[_Receiver]):
    """Keeps mail. Needs the raw store and the queue, nothing else: with the database away, mail is still accepted."""

    def accept(self, mail: IncomingMail) -> Receipt:
        """Raw object, envelope record, job: each step idempotent, so a repeated call heals a half-done one.

        Returned: kept and queued. Raised (`Unavailable`): let the source try again. May be repeated.
        """
        return self._wait(lambda service: service.accept(mail))


class Redriving(Part[_Redriving]):
    """Works event by event: all that was given up about one event goes together, and so do its letters.

    A dry run takes the same way and writes nothing. Raises `Unavailable`.
    """

    def all(self, *, dry_run: bool) -> Redriven:
        """Redrive every letter of the deliveries."""
        return self._wait(lambda service: service.all(dry_run=dry_run))

    def guarded(self, letter: DeadLetter, *, dry_run: bool) -> Redriven:
        """The same as `one`, but a letter about an event that cannot be read is counted as failed, and stays."""
        return self._wait(lambda service: service.guarded(letter, dry_run=dry_run))

    def one(self, letter: DeadLetter, *, dry_run: bool) -> Redriven:
        """Redrive the event of that letter. Raises `NotFound` if that event is not there.

        Due first, then its letters go: after a crash in between a second redrive finds nothing left to do.
        """
        return self._wait(lambda service: service.one(letter, dry_run=dry_run))


class Replay(Part[_Replay]):
    """Looks at the recorded outcome first. Mails nobody: refusals are not sent again.

    One mail that fails is counted, and the next one is looked at. Raises `Unavailable` when our own stores are away,
    and `KeysRefused`. A dry run is the run itself over ports that change nothing.
    """

    def all(self, *, dry_run: bool, of: Selection = EVERYTHING) -> Replayed:
        """Every mail that is still kept and selected, in the order of receipt. Restores: notifies only if `of` says so."""
        return self._wait(lambda service: service.all(dry_run=dry_run, of=of))

    def dead(self, *, dry_run: bool) -> Replayed:
        """Every dead letter of the inbound side; one whose mail came to an end is dropped."""
        return self._wait(lambda service: service.dead(dry_run=dry_run))

    def one(self, key: RecordKey, *, dry_run: bool) -> Replayed:
        """Replay one envelope record as a first try: people are notified of what it adds."""
        return self._wait(lambda service: service.one(key, dry_run=dry_run))


class RolloutControl(Part[_RolloutControl]):
    """Stages per use case: set, shown, counted, prepared. Every call may be repeated. Raises `Unavailable`."""

    @property
    def aliasing(self) -> Aliasing:
        """Return the part of that name: `Aliasing`."""
        find = self._find
        return Aliasing(self._opening, lambda cv: find(cv).aliasing)

    def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """The setting that holds, or None when nothing is set."""
        return self._wait(lambda service: service.read(use_case, axis))

    def show(self) -> Sequence[Setting]:
        """All that is set here, by use case and axis: with who set it, when and why."""
        return self._wait(lambda service: service.show())

    def set(
        self,
        use_case: UseCase,
        *,
        stage: Stage,
        basis_points: int,
        salt: str | None = None,
        axes: Collection[Axis] = (),
        reason: str = "",
        by: str = "",
        back: bool = False,
    ) -> Sequence[Setting]:
        """Set a rollout from now on; without an axis, on all three. What stands there now, each with what stood before.

        Without a salt the standing one is kept, so that a ramp is monotone. Raises `WouldGoBack` where it leads
        forward and takes some conversations back, unless `back`; `FlagsElsewhere`; `InvalidValue` for basis points
        beyond 0 to 10,000.
        """
        return self._wait(
            lambda service: service.set(
                use_case, stage=stage, basis_points=basis_points, salt=salt, axes=axes, reason=reason, by=by, back=back
            )
        )

    def moved(self, setting: Setting) -> Moves:
        """The shares that this setting moved each way, by the buckets alone."""
        return self._do(lambda service: service.moved(setting))

    def count(self, use_case: UseCase, settings: Sequence[Setting] = ()) -> Counts:
        """Count what these settings moved, and the conversations without an alias, for at most 5 s. Never raises."""
        return self._wait(lambda service: service.count(use_case, settings))

    def knows(self, use_case: UseCase) -> bool:
        """Whether a conversation of it is found; True where that cannot be told within 5 s. Reads only. Never raises."""
        return self._wait(lambda service: service.knows(use_case))

    def exposed(self) -> Mapping[UseCase, Counts]:
        """Conversations without alias in each use case of which a part is in a stage that suppresses legacy.

        Reads only. As far as 5 s go for each use case.
        """
        return self._wait(lambda service: service.exposed())

    def prepare(
        self, use_case: UseCase, *, dry_run: bool = False, done: Callable[[Prepared], None] = nothing_done
    ) -> Prepared:
        """Issue the aliases that participants lack, in all conversations of that use case, under the minting flag.

        May be stopped anywhere and begun again: what is there is not issued twice. A dry run writes nothing. Memory
        does not grow with the number of conversations. `done` is called after each page. Raises `Contended` too.
        """
        return self._wait(lambda service: service.prepare(use_case, dry_run=dry_run, done=done))


class Suppressing(Part[_Suppressing]):
    """Every call may be repeated. Raises `Unavailable`, and `Unstorable` for an id that no store can keep."""

    def listed(self) -> SuppressionList:
        """Return all of them. Raises `Rejected` if the store cannot list its partitions."""
        return self._wait(lambda service: service.listed())

    def add(self, address: EmailAddress) -> bool:
        """Let no mail of any kind leave for an address. False: none did already."""
        return self._wait(lambda service: service.add(address))

    def lift(self, address: EmailAddress) -> bool:
        """Let mail leave for that address again. False: it was not suppressed. Raises `Rejected` as `listed` does."""
        return self._wait(lambda service: service.lift(address))

    def mute(self, account: str, conversation: str) -> bool:
        """Let no mail about a conversation leave for an account. False: none did already."""
        return self._wait(lambda service: service.mute(account, conversation))

    def unmute(self, account: str, conversation: str) -> bool:
        """Let mail about a conversation leave for an account again. False: it was not muted."""
        return self._wait(lambda service: service.unmute(account, conversation))

    def against(self, account: AccountId, conversation: ConversationId) -> Suppressed | Muted | Unreadable | None:
        """Return what now keeps mail about that conversation from that account, or None."""
        return self._wait(lambda service: service.against(account, conversation))


class Unsubscribing(Part[_Unsubscribing]):
    """Acts on the tokens of `Seals.unsubscribe_token`. Every call may be repeated. Raises `Unavailable`."""

    def show(self, token: str) -> Subscription:
        """Return what holds now. Changes nothing."""
        return self._wait(lambda service: service.show(token))

    def stop(self, token: str) -> Subscription:
        """Mute the conversation for the account: no mail leaves from now on."""
        return self._wait(lambda service: service.stop(token))

    def resume(self, token: str) -> Subscription:
        """Lift the mute, whatever made it."""
        return self._wait(lambda service: service.resume(token))
