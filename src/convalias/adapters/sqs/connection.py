"""The one place that calls aiobotocore, which publishes no types: requests out, answers with types back."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, Protocol, TypeAlias, TypedDict

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from convalias.adapters.sqs import errors
from convalias.adapters.sqs.place import Credentials, Place

_FAULTS: Final = (BotoCoreError, ClientError, HttpError, OSError, ResponseParserError, TimeoutError, ValueError)
"""What a request may end in: the client hands on errors of its own, of its HTTP library and of its parser."""

Operation: TypeAlias = Literal[
    "change_message_visibility_batch",
    "delete_message_batch",
    "get_queue_attributes",
    "receive_message",
    "send_message_batch",
]


class Message(TypedDict):
    """A job as SQS gives it, with its receipt."""

    MessageId: str
    ReceiptHandle: str
    Body: str
    Attributes: dict[str, str]


class FailedEntry(TypedDict):
    """An entry of a batch that failed."""

    Id: str
    Code: str


class Metadata(TypedDict):
    """Facts about the answer itself."""

    HTTPHeaders: dict[str, str]


class Answer(TypedDict, total=False):
    """The part of any operation's answer that is read."""

    QueueUrl: str
    Messages: list[Message]
    Failed: list[FailedEntry]
    Attributes: dict[str, str]
    ResponseMetadata: Metadata


class _Method(Protocol):
    async def __call__(self, **parameters: object) -> Answer: ...


class Connection:
    """A queue over a pool of connections. Every call raises `Unavailable` and nothing else."""

    def __init__(self, place: Place, credentials: Credentials | None) -> None:
        """No request is made. Raises `UnusableQueueError`."""
        self._place = place
        self._credentials = credentials
        self._context: AbstractAsyncContextManager[object] | None = None
        self._client: object = None
        self._queue_url = ""

    async def open(self) -> None:
        """Find the queue."""
        context = self._context = self._creating()
        try:
            self._client = await context.__aenter__()
        except (BotoCoreError, ValueError) as error:
            cause = errors.failure(error)
        else:
            account = {"QueueOwnerAWSAccountId": self._place.account} if self._place.account else {}
            answer = await self._ask("get_queue_url", 0.0, {"QueueName": self._place.name, **account})
            self._queue_url = answer.get("QueueUrl", "")
            return
        self._context = None
        raise errors.unavailable(cause)

    async def close(self) -> None:
        """End all connections."""
        context, self._context = self._context, None
        if context is not None:
            await context.__aexit__(None, None, None)

    async def call(self, operation: Operation, *, wait: float = 0.0, **parameters: object) -> Answer:
        """Ask for an operation on this queue; `wait` seconds are what the engine itself takes over it."""
        if self._context is None:
            raise RuntimeError("the job queue is not open; open() it first")
        return await self._ask(operation, wait, {"QueueUrl": self._queue_url, **parameters})

    async def _ask(self, operation: str, wait: float, parameters: dict[str, object]) -> Answer:
        method: _Method = getattr(self._client, operation)
        try:
            async with asyncio.timeout(wait + self._place.limits.timeout):
                return await method(**parameters)
        except _FAULTS as error:
            cause = errors.failure(error)
        raise errors.unavailable(cause)

    def _creating(self) -> AbstractAsyncContextManager[object]:
        limits, keys = self._place.limits, self._credentials
        config = AioConfig(  # pyright: ignore[reportUnknownVariableType] - no types
            connect_timeout=limits.connect_timeout,
            read_timeout=limits.poll + limits.timeout,
            retries={"total_max_attempts": limits.retries + 1, "mode": "standard"},
            # Sends, deletes and visibility changes each, and polls, which hold theirs for seconds.
            max_pool_connections=4 * limits.in_flight,
        )
        context: AbstractAsyncContextManager[object] = AioSession().create_client(  # pyright: ignore[reportUnknownMemberType] - no types
            "sqs",
            region_name=self._place.region,
            endpoint_url=self._place.endpoint,
            aws_access_key_id=keys.access_key if keys else None,
            aws_secret_access_key=keys.secret_key if keys else None,
            config=config,
        )
        return context
