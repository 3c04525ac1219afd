"""Objects in buckets: what is refused before any request."""

from __future__ import annotations

import pytest

from convalias.adapters.ses import MailObjects
from convalias.adapters.ses.objects import NotOurs, UnfetchableKey
from convalias.adapters.ses.place import buckets_in

NOWHERE = "s3://my-mail?region=eu-west-1&endpoint=http://127.0.0.1:1"


@pytest.mark.parametrize("key", ["", "/in/x", "in//x", "in/x/", "in/../x", "./x", "in/a\nb"])
async def test_a_key_that_the_client_changes_or_refuses_is_asked_of_nobody(key: str) -> None:
    with pytest.raises(UnfetchableKey):
        await MailObjects(buckets_in(NOWHERE)).get("my-mail", key, most=10, kept=10)


async def test_a_bucket_that_is_not_set_is_asked_for_no_key() -> None:
    for buckets in (NOWHERE, ""):
        with pytest.raises(NotOurs):
            await MailObjects(buckets_in(buckets)).get("of-somebody", "in//x", most=10, kept=10)
