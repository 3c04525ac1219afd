"""The place of blobs, from a URL: the bucket, the prefix, the limits; never a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from attrs import evolve, field, frozen, validators
from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store

from convalias.adapters.s3.errors import UnusableBucketError
from convalias.codec.url_options import limited

if TYPE_CHECKING:  # names of its stubs only
    from obstore.store import AzureConfig, ClientConfig, RetryConfig, S3Config

_SCHEMES: Final = ("s3", "gs", "az", "file")
_WRONG: Final = "expected s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///folder"
_SHARE: Final = 0.4
"""A retry begins no later than one request's time-out, and then has as long again."""
_OPTIONS: Final = ("connect_timeout", "endpoint", "in_flight", "multipart_from", "region", "retries", "timeout")


@frozen(kw_only=True)
class Limits:
    """Time-outs, retries and sizes. Each stands in a URL's query by its name: `s3://bucket?timeout=10&in_flight=32`."""

    timeout: float = field(default=30.0, validator=validators.gt(0.0))
    """Seconds for one request, its body included: a mail of 25 MB over 10 Mbit/s takes 20."""
    connect_timeout: float = field(default=5.0, validator=validators.gt(0.0))
    """Seconds until a connection stands."""
    retries: int = field(default=2, validator=validators.ge(0))
    """Of one request, inside a call, for 5xx and broken connections; they end after `timeout`."""
    in_flight: int = field(default=64, validator=validators.gt(0))
    """Calls at once, and idle connections kept; further ones wait for their turn."""
    multipart_from: int = field(default=16 * 2**20, validator=validators.gt(0))
    """Octets from which a body is sent in parts, side by side. The whole of it is in memory in any case."""


@frozen(kw_only=True)
class Place:
    """A URL, read: `s3://bucket/prefix?region=eu-west-1&endpoint=https://…`.

    Credentials come from the environment or the machine's role, as the engine's own tools take them.
    """

    scheme: str
    bucket: str
    prefix: str
    region: str | None = None
    endpoint: str | None = None
    limits: Limits = Limits()

    @property
    def is_ordered(self) -> bool:
        """Whether the engine lists by name. Azure does so only without hierarchical name space, a folder never."""
        return self.scheme in {"s3", "gs"}


@frozen(kw_only=True)
class Credentials:
    """A key pair of an S3, given in code; without it the client's own sources count."""

    access_key: str
    secret_key: str = field(repr=False)


def read_url(url: str, *, limits: Limits | None = None) -> Place:
    """Read it whole. Raises `UnusableBucketError`, which never shows the URL: it may hold a secret by mistake."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise UnusableBucketError(f"the URL of the object store has an unknown scheme; {_WRONG}")
    if parts.username is not None or parts.password is not None:
        raise UnusableBucketError("a secret does not belong in a URL; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    bucket = parts.netloc
    if (parts.scheme == "file") == bool(bucket):
        raise UnusableBucketError(f"the URL of the object store names no bucket; {_WRONG}")
    if bucket.endswith("--x-s3"):
        raise UnusableBucketError("a directory bucket lists in no order; use a general purpose bucket")
    place = Place(scheme=parts.scheme, bucket=bucket, prefix=parts.path if not bucket else parts.path.strip("/"))
    return _with_options(place, parse_qsl(parts.query, keep_blank_values=True), limits or Limits())


def _with_options(place: Place, options: list[tuple[str, str]], limits: Limits) -> Place:
    for name, value in options:
        match name:
            case "region":
                place = evolve(place, region=value)
            case "endpoint":
                place = evolve(place, endpoint=value)
            case _ if name not in _OPTIONS:
                raise UnusableBucketError(
                    f"the URL of the object store has an unknown option; expected some of {', '.join(_OPTIONS)}"
                )
            case _:
                limits = limited(limits, name, value, wrong=partial(_wrong_option, name))
    return evolve(place, limits=limits)


def _wrong_option(name: str, expected: str) -> UnusableBucketError:
    return UnusableBucketError(f"{name} in the URL of the object store: expected {expected}")


def hurried(place: Place, within: timedelta) -> Place:
    """The same place, where a request and its last retry together end within that time."""
    each = _SHARE * within.total_seconds()
    limits = place.limits
    return evolve(
        place,
        limits=evolve(limits, timeout=min(limits.timeout, each), connect_timeout=min(limits.connect_timeout, each)),
    )


def client(place: Place, credentials: Credentials | None = None) -> ObjectStore:
    """The engine's client; no request is made yet. Raises `UnusableBucketError`."""
    try:
        return _MAKERS[place.scheme](place, credentials)
    except Exception as error:  # noqa: BLE001 - the client's own hierarchy has no base that covers its settings
        raise UnusableBucketError(f"the object store cannot be set up ({type(error).__name__})") from None


def _s3(place: Place, credentials: Credentials | None) -> ObjectStore:
    # Completing an upload in parts is conditional as well.
    config: S3Config = {"copy_if_not_exists": "multipart"}
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if place.region:
        config["region"] = place.region
    if credentials:
        config["access_key_id"] = credentials.access_key
        config["secret_access_key"] = credentials.secret_key
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        config=config,
        client_options=_client_options(place),
        retry_config=_retries(place.limits),
    )


def _gcs(place: Place, _: Credentials | None) -> ObjectStore:
    options = _client_options(place)
    return GCSStore(
        place.bucket, prefix=place.prefix or None, client_options=options, retry_config=_retries(place.limits)
    )


def _azure(place: Place, _: Credentials | None) -> ObjectStore:
    config: AzureConfig = {"endpoint": place.endpoint} if place.endpoint else {}
    return AzureStore(
        place.bucket,
        prefix=place.prefix or None,
        config=config,
        client_options=_client_options(place),
        retry_config=_retries(place.limits),
    )


def _file(place: Place, _: Credentials | None) -> ObjectStore:
    return LocalStore(place.prefix, mkdir=True)


_Maker: TypeAlias = Callable[[Place, Credentials | None], ObjectStore]
_MAKERS: Final[Mapping[str, _Maker]] = {"s3": _s3, "gs": _gcs, "az": _azure, "file": _file}


def _client_options(place: Place) -> ClientConfig:
    limits = place.limits
    options: ClientConfig = {
        "timeout": timedelta(seconds=limits.timeout),
        "connect_timeout": timedelta(seconds=limits.connect_timeout),
        "pool_max_idle_per_host": str(limits.in_flight),
    }
    # Without TLS only where the URL says so.
    return {**options, "allow_http": True} if (place.endpoint or "").startswith("http://") else options


def _retries(limits: Limits) -> RetryConfig:
    return {
        "max_retries": limits.retries,
        "retry_timeout": timedelta(seconds=limits.timeout),
        "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
    }
