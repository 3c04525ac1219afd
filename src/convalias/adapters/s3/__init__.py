"""Blobs in an object store: S3, Google Cloud Storage, Azure, or files, by URL."""

from convalias.extras import brought_by

with brought_by("s3"):
    from convalias.adapters.s3.blobs import Blobs
    from convalias.adapters.s3.errors import ObjectStoreError, RequestFailed, UnusableBucketError
    from convalias.adapters.s3.lifecycle import lifecycle_document
    from convalias.adapters.s3.place import Credentials, Limits

__all__ = [
    "Blobs",
    "Credentials",
    "Limits",
    "ObjectStoreError",
    "RequestFailed",
    "UnusableBucketError",
    "lifecycle_document",
]
