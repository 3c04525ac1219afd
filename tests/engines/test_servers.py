import uuid
from pathlib import Path

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from confluent_kafka import Consumer, KafkaError, Message, Producer

from engines.fixtures import AwsServer, KafkaServer, or_skip
from engines.servers import kafka as kafka_servers
from engines.servers import s3 as s3_servers
from engines.servers import sqs as sqs_servers

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def aws(service: str, server: AwsServer) -> BaseClient:
    return boto3.client(
        service,
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
    )


def received(client: BaseClient, queue: str) -> str | None:
    for _ in range(10):  # an empty answer is allowed, and on a busy machine likely
        if messages := client.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages"):
            return messages[0]["Body"]
    return None


def send(bootstrap: str, topic: str, value: bytes) -> None:
    failed: list[KafkaError] = []

    def answered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failed.append(error)

    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
    producer.produce(topic, value, on_delivery=answered)
    assert producer.flush(20) == 0
    assert not failed


def first(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest", "log_level": 0}
    )
    consumer.subscribe([topic])
    for _ in range(30):
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            consumer.close()
            return message.value()
    consumer.close()
    return None


def test_kafka_gives_back_what_it_was_sent(kafka: KafkaServer) -> None:
    topic = kafka.make_topic()
    send(kafka.bootstrap, topic, b"one")
    assert first(kafka.bootstrap, topic) == b"one"


def test_a_killed_kafka_comes_back_with_what_it_acknowledged(tmp_path: Path) -> None:
    with or_skip(kafka_servers.apache_kafka(tmp_path)) as broker:
        topic = KafkaServer(broker.url, tier="apache").make_topic()
        send(broker.url, topic, b"kept")
        broker.process.kill()
        broker.process.start()
        assert first(broker.url, topic) == b"kept"


def test_s3_creates_only_what_is_not_there(s3: AwsServer) -> None:
    client, bucket = aws("s3", s3), f"convalias-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="a/b", Body=b"one", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=bucket, Key="a/b", Body=b"two", IfNoneMatch="*")
    assert client.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"one"


def test_a_killed_gateway_comes_back_with_what_it_answered(tmp_path: Path) -> None:
    with or_skip(s3_servers.versitygw(tmp_path)) as server:
        client = aws("s3", AwsServer(server.url, tier="versitygw"))
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="a", Body=b"kept", IfNoneMatch="*")
        server.process.kill()
        server.process.start()
        assert client.get_object(Bucket="bucket", Key="a")["Body"].read() == b"kept"


def test_sqs_gives_back_what_it_was_sent(sqs: AwsServer) -> None:
    client = aws("sqs", sqs)
    queue = client.create_queue(QueueName=f"convalias-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    client.send_message(QueueUrl=queue, MessageBody="one")
    assert received(client, queue) == "one"
    client.delete_queue(QueueUrl=queue)


def test_a_killed_elasticmq_comes_back_with_what_it_answered(tmp_path: Path) -> None:
    with or_skip(sqs_servers.elasticmq(tmp_path)) as server:
        client = aws("sqs", AwsServer(server.url, tier="elasticmq"))
        queue = client.create_queue(QueueName="jobs")["QueueUrl"]
        client.send_message(QueueUrl=queue, MessageBody="kept")
        server.process.kill()
        server.process.start()
        assert received(client, queue) == "kept"


def test_a_stopped_server_answers_when_it_goes_on(tmp_path: Path) -> None:
    with or_skip(s3_servers.versitygw(tmp_path)) as server:
        server.process.stop()
        assert not sqs_servers.answers(server.url)
        server.process.cont()
        server.process.wait()
