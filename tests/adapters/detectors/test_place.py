"""The URL of a detector is read whole, and what is wrong in it is said without showing it."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.adapters.detectors import Clamd, Limits, Place, Spamd, UnusableDetectorError
from convalias.adapters.detectors.place import read_url

LOCAL = Place(scheme="clamd", host="localhost", port=3310)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("clamd://localhost", LOCAL),
        ("clamd://localhost/", LOCAL),
        ("clamd://localhost:3311", evolve(LOCAL, port=3311)),
        ("clamd://[::1]", evolve(LOCAL, host="::1")),
        ("clamd:///run/clamav/clamd.ctl", Place(scheme="clamd", path="/run/clamav/clamd.ctl")),
        ("clamd:///run/a%20b", Place(scheme="clamd", path="/run/a b")),
        ("clamd://localhost?user=a.b", evolve(LOCAL, user="a.b")),
        ("clamd://localhost?timeout=9", evolve(LOCAL, limits=Limits(timeout=9.0))),
        (
            "clamd:///c?timeout=9.5&connect=1&connections=8&largest=1000",
            Place(scheme="clamd", path="/c", limits=Limits(timeout=9.5, connect=1.0, connections=8, largest=1000)),
        ),
    ],
)
def test_a_url_names_a_host_or_a_socket_and_limits(url: str, place: Place) -> None:
    assert read_url(url, "clamd", 3310) == place


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (LOCAL, "clamd at localhost:3310"),
        (evolve(LOCAL, host="::1"), "clamd at [::1]:3310"),
        (evolve(LOCAL, path="/c"), "clamd at /c"),
    ],
)
def test_a_place_is_shown_as_an_operator_reads_it(place: Place, shown: str) -> None:
    assert place.shown == shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("spamd://", "names no detector"),
        ("spamd:///", "names no detector"),
        ("spamd://host:none", "names no detector"),
        ("spamd://host/path", "names no detector"),
        ("spamd://hunter2@host", "names no detector"),
        ("spamd://host#hunter2", "names no detector"),
        ("spamd://no host", "names no detector"),
        ("spamd:///" + "x" * 107, "names no detector"),
        ("clamd://host", "names no detector"),
        ("spamd://host?hunter2=1", "unknown option"),
        ("spamd://host?timeout=20", "timeout in the URL: expected 14 or less"),
        ("spamd://host?timeout=nan", "timeout in the URL"),
        ("spamd://host?connect=0", "connect in the URL"),
        ("spamd://host?connections=hunter2", "connections in the URL"),
        ("spamd://host?largest=-1", "largest in the URL: expected a whole number, 0 or more"),
        ("spamd://host?user=hunter2%0d%0aX", "user in the URL"),
    ],
)
def test_a_wrong_url_says_what_is_expected_and_is_not_shown(url: str, said: str) -> None:
    with pytest.raises(UnusableDetectorError, match=said) as caught:
        Spamd(url)
    assert "hunter2" not in str(caught.value)


def test_of_a_large_mail_spamd_is_shown_the_beginning_and_clamd_all() -> None:
    assert Spamd("spamd://h").place.limits.largest == 500_000
    assert Spamd("spamd://h?largest=2000").place.limits.largest == 2_000
    assert Spamd("spamd://h?largest=0").place.limits.largest == 0
    assert Clamd("clamd://h").place.limits.largest == 0
