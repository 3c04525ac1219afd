"""Buckets of the tests' own on whichever S3 is there."""

from __future__ import annotations

import uuid

import boto3
from attrs import frozen
from botocore.client import BaseClient

from convalias.adapters.s3 import Blobs, Credentials, Limits
from engines.fixtures import AwsServer


@frozen
class Bucket:
    """One bucket and how to reach it."""

    server: AwsServer
    name: str

    @staticmethod
    def made(server: AwsServer) -> Bucket:
        """A fresh one."""
        bucket = Bucket(server, f"convalias-{uuid.uuid4().hex[:16]}")
        bucket.plainly().create_bucket(Bucket=bucket.name)
        return bucket

    def plainly(self) -> BaseClient:
        """Another client, to look at what is really there."""
        return boto3.client(
            "s3",
            endpoint_url=self.server.url,
            aws_access_key_id=self.server.access_key,
            aws_secret_access_key=self.server.secret_key,
            region_name=self.server.region,
        )

    def url(self, place: str = "") -> str:
        """Its URL, as in the settings."""
        return f"s3://{self.name}/{place}?endpoint={self.server.url}&region={self.server.region}"

    def credentials(self) -> Credentials:
        """Those that the server was started with."""
        return Credentials(access_key=self.server.access_key, secret_key=self.server.secret_key)

    def blobs(self, place: str = "", *, multipart_from: int = 16 * 2**20, timeout: float = 10.0) -> Blobs:
        """The adapter, not yet open."""
        limits = Limits(timeout=timeout, multipart_from=multipart_from)
        return Blobs(self.url(place), credentials=self.credentials(), limits=limits)
