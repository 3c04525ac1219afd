"""Queues of the tests' own on whichever SQS is there."""

from __future__ import annotations

import uuid

import boto3
from attrs import field, frozen
from botocore.client import BaseClient

from convalias.adapters.sqs import Credentials, JobQueue, Limits
from convalias.adapters.system import Clock
from engines.fixtures import AwsServer


@frozen
class Queue:
    """One queue and how to reach it."""

    server: AwsServer
    name: str
    client: BaseClient = field(repr=False)

    @staticmethod
    def named(server: AwsServer, name: str) -> Queue:
        """Whether it is there or not."""
        client = boto3.client(
            "sqs",
            endpoint_url=server.url,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name=server.region,
        )
        return Queue(server, name, client)

    @staticmethod
    def made(server: AwsServer, **attributes: str) -> Queue:
        """A fresh one."""
        queue = Queue.named(server, f"convalias-{uuid.uuid4().hex[:16]}")
        queue.client.create_queue(QueueName=queue.name, Attributes=attributes)
        return queue

    @property
    def address(self) -> str:
        """As the engine itself says it."""
        return self.client.get_queue_url(QueueName=self.name)["QueueUrl"]

    def url(self, options: str = "") -> str:
        """Its URL, as in the settings."""
        return f"sqs://{self.server.region}/{self.name}?endpoint={self.server.url}{options}"

    def jobs(self, *, timeout: float = 10.0, retries: int = 1, poll: int = 2) -> JobQueue:
        """The adapter, not yet open."""
        keys = Credentials(access_key=self.server.access_key, secret_key=self.server.secret_key)
        limits = Limits(timeout=timeout, retries=retries, poll=poll)
        return JobQueue(self.url(), clock=Clock(), credentials=keys, limits=limits)
