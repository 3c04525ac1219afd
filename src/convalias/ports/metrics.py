"""Every metric that is measured through `Telemetry`: its name, unit, labels, and when somebody should look.

Pure data, for exporters and dashboards. A measure that is not listed here fails the tests. No label ever holds an
address, an account, a conversation, a Message-ID or a trace: each value of a label is a series of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from attrs import frozen


class Kind(Enum):
    """The kind of a metric: how values of one series are put together."""

    COUNTER = "counter"
    """Added up."""
    GAUGE = "gauge"
    """The last value stands."""
    HISTOGRAM = "histogram"
    """Counted by buckets."""


SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Upper bounds of the buckets of a histogram in seconds; service levels ask about 0.2, 0.5, 0.75 and 1."""

A_MAIL: Final = "docs/how-to/a-mail-did-not-arrive.md"
ENGINES: Final = "docs/reference/engines.md"


@frozen(kw_only=True)
class Metric:
    """A metric of the catalogue."""

    name: str
    """As dashboards know it."""
    kind: Kind = Kind.COUNTER
    unit: str = "1"
    """UCUM, as OpenTelemetry has it: `1`, `s`, `{mail}`."""
    labels: Mapping[str, str] = MappingProxyType({})
    """By name of the label: which values it takes."""
    help: str
    alert: str = ""
    """What a log line says when this is measured, where no other telemetry is bound. Empty: nobody needs to look."""
    runbook: str = ""
    """The page that says what to do, if there is one."""

    @property
    def buckets(self) -> tuple[float, ...]:
        """Upper bounds in `unit`; empty unless it is a histogram."""
        return SECONDS if self.kind is Kind.HISTOGRAM else ()


def _labels(**values: str) -> Mapping[str, str]:
    return MappingProxyType(values)


_ERROR: Final = _labels(error="class of an exception, or a fixed word")
_REASON_CODE: Final = "a code of `convalias.Reason`, a reason of the host's own (50 at most, then OTHER), or empty"

_ALL: Final = (
    # --- mail comes in
    Metric(
        name="icer.messages.received",
        unit="{mail}",
        labels=_labels(source="door that took the mail: mailgun, postmark, ses, mime, eml, api, ..."),
        help="Posts of mail that were kept and queued.",
    ),
    Metric(
        name="icer.messages.quarantined",
        unit="{mail}",
        labels=_labels(reason="too_large, unparseable, duplicate_field, unreadable_recipient, virus or missing"),
        help="Mail that is kept and never routed.",
        alert="a mail is kept, and will not be routed",
        runbook=A_MAIL,
    ),
    Metric(
        name="icer.messages.cut",
        unit="{mail}",
        labels=_labels(source="door that took the mail"),
        help="Mail that may be nobody's here, of which only the first 320 kB were kept.",
    ),
    Metric(
        name="icer.aliases.guessed",
        unit="{mail}",
        labels=_labels(by="source or all"),
        help="Mail to no alias, beyond 20 misses of its source or 500 in all within an hour.",
        alert="somebody guesses aliases: more addresses were missed within an hour than people mistype",
        runbook=A_MAIL,
    ),
    Metric(
        name="icer.messages.processed",
        unit="{mail}",
        labels=_labels(
            effect="class of the effect: relayed, handedover, skipped, held, refused, ignored; or dead, quarantined, expired",
            reason=_REASON_CODE,
            severity="routine, notable or alarm: who should look, by the reason's consequence",
        ),
        help="Recipients of mail that were brought to an outcome.",
    ),
    Metric(
        name="icer.messages.swept",
        unit="{mail}",
        help="Kept mail that was not in the queue and was queued again.",
        alert="a kept mail was not in the queue; it is queued again",
    ),
    Metric(
        name="icer.token_reused",
        unit="{mail}",
        labels=_labels(source="door that took the mail"),
        help="Posts under a signed token that another body had before.",
        alert="a signed token came with another body: somebody replays signatures",
    ),
    Metric(
        name="icer.processing.latency",
        kind=Kind.HISTOGRAM,
        unit="s",
        help="Time that one try of a mail took.",
    ),
    Metric(
        name="icer.processing.errors",
        labels=_ERROR,
        help="Tries of mail that failed.",
        alert="a mail could not be processed",
        runbook=A_MAIL,
    ),
    Metric(name="icer.heartbeat.errors", labels=_ERROR, help="Extensions of a job's visibility that failed."),
    Metric(
        name="icer.dlq.size",
        unit="{mail}",
        help="Mail that became a dead letter.",
        runbook=A_MAIL,
    ),
    Metric(
        name="icer.evidence.asked",
        labels=_labels(dmarc="result of DMARC: pass, fail, none, temperror, permerror"),
        help="Mail whose sender was authenticated here, because its border proved nothing.",
    ),
    Metric(
        name="icer.mail.checked",
        unit="{mail}",
        labels=_labels(finding="nothing, spam, harmful, passed unseen or held unseen"),
        help="Tries of mail that a detector looked at, or could not.",
    ),
    Metric(name="deduplication.skipped", help="Effects that had been carried out before."),
    Metric(
        name="icer.http.errors",
        labels=_labels(door="route of the request", status="HTTP status", error="class of an exception, or empty"),
        help="Requests that were answered with 5xx; with 401: nothing proved the post; with 200, and a person has to look.",
    ),
    Metric(
        name="icer.reports.unproved", help="Bounces and complaints that prove nothing about a notification of ours."
    ),
    # --- mail that the platform itself writes
    Metric(
        name="icer.refusals.sent", unit="{mail}", labels=_labels(reason=_REASON_CODE), help="Refusal mails that left."
    ),
    Metric(
        name="icer.refusals.given_up",
        unit="{mail}",
        labels=_ERROR,
        help="Refusal mails that cannot leave.",
        alert="a refusal was given up: the sender may not know of it",
    ),
    Metric(name="icer.approvals.sent", unit="{mail}", help="Approval requests that left."),
    Metric(
        name="icer.approvals.given_up",
        unit="{mail}",
        labels=_ERROR,
        help="Approval requests that cannot leave.",
        alert="a question about held mail was given up: the participant may not know of it",
    ),
    Metric(
        name="icer.approvals.not_asked",
        unit="{mail}",
        labels=_labels(reason="no base_url"),
        help="Held mail that nobody is asked about.",
    ),
    Metric(name="icer.approvals.errors", labels=_ERROR, help="Answers about held mail that could not be carried out."),
    Metric(
        name="icer.announcements.sent", unit="{mail}", help="Notices to a current address that an old one was used."
    ),
    Metric(
        name="icer.announcements.given_up",
        unit="{mail}",
        labels=_ERROR,
        help="Such notices that cannot leave.",
        alert="a notice of an old address was given up: the account may not know of it",
    ),
    Metric(
        name="icer.system_mail.uncertain",
        unit="{mail}",
        labels=_ERROR,
        help="Mail of the platform itself that may have left or not.",
        alert="a mail of our own may have left, and nobody can tell",
    ),
    # --- events
    Metric(name="convs.events.created", unit="{event}", help="Events published to the event log."),
    Metric(name="convs.feed.lag", kind=Kind.GAUGE, unit="s", help="Age of the newest event when it was published."),
    Metric(
        name="convs.feed.past",
        unit="{message}",
        help="Messages of a host that are older than the first start: nobody is told of them.",
    ),
    Metric(
        name="convs.feed.withdrawn",
        unit="{message}",
        help="Messages that a host told of and did not find within a minute.",
    ),
    Metric(
        name="convs.feed.parked",
        unit="{conversation}",
        help="Conversations parked because an event cannot be read or published.",
        alert="a conversation waits: one of its events cannot be read or published",
    ),
    Metric(
        name="convs.feed.position_lost",
        help="Times that the store no longer knew how far the feed had come.",
        alert="the store no longer knows where the feed stood; all that may lack is read again",
        runbook=ENGINES,
    ),
    # --- notifications
    Metric(
        name="mons.decisions",
        labels=_labels(owner="hub or legacy", stage="legacy_only, parallel or native"),
        help="Decisions about who delivers an event.",
    ),
    Metric(
        name="mons.decisions.parked",
        unit="{conversation}",
        help="Conversations parked because a decision cannot be made.",
        alert="a conversation waits: what its event is decided on cannot be read",
    ),
    Metric(
        name="mons.decisions.put_aside",
        unit="{event}",
        help="Events that are decided about later: their conversation could not go on while others did.",
    ),
    Metric(
        name="mons.events.gone",
        unit="{event}",
        help="Published events that the store does not have, as after a restored backup.",
        runbook="docs/how-to/backup-and-restore.md",
    ),
    Metric(
        name="mons.feed.jumps",
        help="Events that the event log lost; they were read from the store.",
        alert="the event log has lost something; it was read from the store",
        runbook=ENGINES,
    ),
    Metric(
        name="mons.messages.postponed",
        unit="{message}",
        labels=_labels(author="verified or unverified"),
        help="Messages whose mails wait: more were written in their conversation than are mailed within an hour.",
        alert="a conversation has more messages than are mailed within an hour: the others wait",
    ),
    Metric(name="mons.leases.lost", help="Deliveries that another worker took while this one worked on them."),
    Metric(
        name="mons.notifications.sent",
        unit="{notification}",
        labels=_labels(channel="name of the channel", owner="hub or legacy"),
        help="Notifications that left.",
    ),
    Metric(
        name="mons.notifications.withheld",
        unit="{notification}",
        labels=_labels(state="cancelled or too_late", reason="why: read, withdrawn, muted, suppressed, age, ..."),
        help="Notifications that are not sent any more.",
    ),
    Metric(
        name="mons.delivery.latency",
        kind=Kind.HISTOGRAM,
        unit="s",
        labels=_labels(channel="name of the channel"),
        help="Time from an event to its notification.",
    ),
    Metric(
        name="mons.delivery.failures",
        unit="{notification}",
        labels=_labels(channel="name of the channel", state="failed or uncertain", reason="undecidable, or absent"),
        help="Notifications that were given up, or that may have left.",
        alert="a delivery failed",
        runbook=A_MAIL,
    ),
    Metric(
        name="mons.delivery.events",
        unit="{event}",
        labels=_labels(event="bounce, complaint or unsubscribed; a bounce may tell of an arrival"),
        help="Events of mail providers that were acted on.",
    ),
    Metric(
        name="mons.delivery.events.refused",
        unit="{event}",
        labels=_labels(
            source="name of the door", reason="signature, reused (its token), too large, malformed; unproved: not ours"
        ),
        help="Events of mail providers that were not acted on, because something about them was not right.",
    ),
    # --- processes
    Metric(
        name="convalias.deployment.unreadable",
        labels=_ERROR,
        help="Looks at what the deployment was told that met a record of a newer release, or a damaged one.",
    ),
    Metric(
        name="convalias.retention.ended", labels=_labels(what="rows, blobs or texts"), help="Things removed by age."
    ),
    Metric(
        name="convalias.worker.errors",
        labels=_labels(worker="inbound, feed, outbound or handlers", error="class of an exception"),
        help="Steps of workers that failed.",
    ),
    Metric(
        name="convalias.worker.broken",
        labels=_labels(worker="inbound, feed, outbound or handlers", error="class of an exception"),
        help="Workers that cannot go on and try again; their process is not ready.",
    ),
)

METRICS: Final[Mapping[str, Metric]] = MappingProxyType({metric.name: metric for metric in _ALL})
"""By name."""
