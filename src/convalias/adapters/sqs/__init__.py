"""Jobs in Amazon SQS, or in a server that speaks its protocol, by URL."""

from convalias.extras import brought_by

with brought_by("sqs"):
    from convalias.adapters.sqs.errors import RequestFailed, SqsError, UnusableQueueError
    from convalias.adapters.sqs.place import Credentials, Limits
    from convalias.adapters.sqs.queue import JobQueue

__all__ = [
    "Credentials",
    "JobQueue",
    "Limits",
    "RequestFailed",
    "SqsError",
    "UnusableQueueError",
]
