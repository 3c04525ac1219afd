"""What a server's own words about its members and our rights come to."""

from typing import Any

import pytest

from convalias.adapters.mongo.examining import members, permissions
from convalias.ports.examining import Grade

ACTIONS = ["changeStream", "createIndex", "find", "insert", "listIndexes", "remove", "update"]


@pytest.mark.parametrize(
    ("hello", "grade", "says"),
    [
        ({"setName": "rs0", "hosts": ["a", "b", "c"]}, Grade.GOOD, "3 members"),
        ({"setName": "rs0", "hosts": ["a", "b"], "passives": ["c"]}, Grade.GOOD, "3 members"),
        ({"setName": "rs0", "hosts": ["a"]}, Grade.WEAK, "1 members"),
        ({"setName": "rs0", "hosts": ["a", "b"], "arbiters": ["c"]}, Grade.WEAK, "1 arbiters"),
        ({"msg": "isdbgrid"}, Grade.GOOD, "router"),
    ],
)
def test_a_replica_set_that_loses_nothing_has_three_members_with_data(
    hello: dict[str, Any], grade: Grade, says: str
) -> None:
    found = members(hello)
    assert found.grade is grade
    assert says in found.found


def who(*privileges: dict[str, Any], roles: tuple[str, ...] = ("readWrite",)) -> dict[str, Any]:
    return {
        "authenticatedUsers": [{"user": "ann", "db": "mail"}],
        "authenticatedUserRoles": [{"role": role, "db": "mail"} for role in roles],
        "authenticatedUserPrivileges": list(privileges),
    }


@pytest.mark.parametrize(
    "resource",
    [{"db": "mail", "collection": ""}, {"db": "", "collection": ""}, {"anyResource": True}],
)
def test_what_read_write_brings_is_enough(resource: dict[str, Any]) -> None:
    found = permissions(who({"resource": resource, "actions": ACTIONS}), database="mail", collection="records")
    assert found.grade is Grade.GOOD


def test_rights_elsewhere_are_none_here() -> None:
    elsewhere = {"resource": {"db": "other", "collection": ""}, "actions": ACTIONS}
    here = {"resource": {"db": "mail", "collection": "records"}, "actions": ["find"]}
    found = permissions(who(elsewhere, here), database="mail", collection="records")
    assert found.grade is Grade.WRONG
    assert found.mend == "grant the role readWrite on mail"


def test_a_user_who_may_do_everything_may_do_too_much() -> None:
    everything = {"resource": {"anyResource": True}, "actions": ACTIONS}
    found = permissions(who(everything, roles=("root",)), database="mail", collection="records")
    assert (found.grade, found.found) == (Grade.WEAK, "more than is needed: root")


def test_a_server_that_asks_nobody_is_told() -> None:
    assert permissions({"authenticatedUsers": []}, database="mail", collection="records").grade is Grade.WEAK
