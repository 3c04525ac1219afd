from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from engines.fixtures import or_skip
from engines.servers import mongod

pytestmark = pytest.mark.engine


def test_a_majority_write_is_acknowledged_and_a_change_stream_opens(mongodb: str) -> None:
    with MongoClient[dict[str, Any]](mongodb, w="majority") as client:
        with client["convalias_probe"]["things"].watch() as changes:
            client["convalias_probe"]["things"].insert_one({"x": 1})
            change = changes.next()
        client.drop_database("convalias_probe")
    assert change["fullDocument"]["x"] == 1


def test_a_killed_primary_is_followed_by_another_and_comes_back(tmp_path: Path) -> None:
    with or_skip(mongod.replica_set(tmp_path)) as servers:
        first = servers.primary()
        first.process.kill()
        servers.settle()
        assert servers.primary() is not first
        first.process.start()
        servers.settle()


def test_a_server_alone_says_so(tmp_path: Path) -> None:
    with or_skip(mongod.standalone(tmp_path)) as server, server.client() as client:
        assert "setName" not in client.admin.command("hello")
