"""Failures of an SQS in the port's words: no address, no account, no receipt in any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from botocore.exceptions import ClientError

from convalias.ports.errors import PortError, Unavailable

WHAT: Final = "the job queue"
_NO_QUEUE: Final = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "InvalidAddress"})
_REFUSED: Final = frozenset(
    """
    AccessDenied AccessDeniedException AuthFailure ExpiredToken ExpiredTokenException IncompleteSignature
    InvalidAccessKeyId InvalidClientTokenId InvalidSecurity InvalidSignatureException KMS.AccessDeniedException
    KmsAccessDenied MissingAuthenticationToken MissingAuthenticationTokenException NotAuthorized OptInRequired
    SignatureDoesNotMatch UnrecognizedClientException
    """.split()
)
_SKEWED: Final = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
_NO_CREDENTIALS: Final = frozenset(
    {"CredentialRetrievalError", "NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError"}
)
_MEND: Final = {
    "queue": "the queue does not exist; create it, or name another in `queue`",
    "permission": "the credentials are refused there; they need GetQueueUrl, GetQueueAttributes, SendMessage, "
    "ReceiveMessage, DeleteMessage and ChangeMessageVisibility",
    "clock": "this machine's clock is not the engine's, which refuses what it signs; set it (NTP)",
    "credentials": "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role",
}


class SqsError(PortError):
    """Base of what only this backend raises; never raised itself."""


class UnusableQueueError(SqsError):
    """The queue or its URL cannot hold jobs until somebody mends it."""


class RequestFailed(SqsError):
    """A failed request, as far as it may be told: the client's class, the HTTP status, the engine's own code.

    The client's own message holds the endpoint, and the engine's may quote a receipt or an account.
    """

    def __init__(self, kind: str, *, status: int | None = None, code: str = "") -> None:
        """Keep what says something about the fault and nothing about anybody."""
        super().__init__(" ".join([kind, *(str(part) for part in (status, code) if part)]))
        self.kind = kind
        self.code = code


def failure(error: Exception) -> RequestFailed:
    """Return what may be told of a failure."""
    # Other errors of the client have a `response` too, which is something else, or None.
    answer: Mapping[str, Mapping[str, object]] = (
        getattr(error, "response", {}) if isinstance(error, ClientError) else {}
    )
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(answer.get("Error", {}).get("Code", ""))
    return RequestFailed(type(error).__name__, status=status if isinstance(status, int) else None, code=code)


def is_refused(error: Unavailable) -> bool:
    """Whether it is that the credentials may not do this."""
    cause = error.__cause__
    return isinstance(cause, RequestFailed) and cause.code in _REFUSED


def unavailable(cause: RequestFailed | None) -> Unavailable:
    """The port's error. Credentials that stopped working are an outage too: work waits until they work again."""
    translated = Unavailable(WHAT)
    translated.__cause__ = cause
    return translated


def unusable(error: Unavailable) -> UnusableQueueError | None:
    """Return what somebody must mend before the queue can be used, or None when trying again may do."""
    cause = error.__cause__
    if not isinstance(cause, RequestFailed):
        return None
    if cause.code in _NO_QUEUE:
        return UnusableQueueError(_MEND["queue"])
    if cause.code in _SKEWED:
        return UnusableQueueError(_MEND["clock"])
    if cause.code in _REFUSED:
        return UnusableQueueError(f"{_MEND['permission']} ({cause})")
    if cause.kind in _NO_CREDENTIALS:
        return UnusableQueueError(_MEND["credentials"])
    return None
