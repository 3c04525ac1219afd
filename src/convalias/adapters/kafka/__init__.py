"""The event log on Apache Kafka, by URL."""

from convalias.extras import brought_by

with brought_by("kafka"):
    from convalias.adapters.kafka.errors import KafkaLogError, RequestFailed, UnusableTopicError
    from convalias.adapters.kafka.event_log import EventLog
    from convalias.adapters.kafka.messages import read_message
    from convalias.adapters.kafka.place import Limits

__all__ = ["EventLog", "KafkaLogError", "Limits", "RequestFailed", "UnusableTopicError", "read_message"]
