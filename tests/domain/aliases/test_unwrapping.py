"""Wrappings come off, handles come out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress, MailDomains
from convalias.domain.aliases.alias import AliasKeys, ByName, Forged, Token
from convalias.domain.aliases.unwrapping import bare, decode, unwrapped

OURS = MailDomains({"reply.example"}, {"relay.example"})
TOKEN = "0123456789abcdefg"


def steps(text: str) -> list[str]:
    return [one.key for one in unwrapped(EmailAddress.parse(text), OURS)]


@pytest.mark.parametrize(
    ("written", "inside"),
    [
        ("ann-1+tag@reply.example", ["ann-1@reply.example"]),
        ("ann-1+a+b@reply.example", ["ann-1+a@reply.example", "ann-1@reply.example"]),
        ("prvs=2345abcdef=ann-1@reply.example", ["ann-1@reply.example"]),
        ("btv1==0123abc==ann-1@reply.example", ["ann-1@reply.example"]),
        ("prvs=2345abcdef=ann-1+tag@reply.example", ["ann-1+tag@reply.example", "ann-1@reply.example"]),
        ("SRS0=abcd=2E=reply.example=ann-1@fwd.example", ["ann-1@reply.example"]),
        ("SRS0+abcd=2E=relay.example=x1@fwd.example", ["x1@relay.example"]),
        ("SRS1=abcd=first.example==efgh=2E=reply.example=ann-1@fwd.example", ["ann-1@reply.example"]),
        (
            "SRS0=a=2E=reply.example=prvs=2345abcdef=ann@fwd.example",
            ["prvs=2345abcdef=ann@reply.example", "ann@reply.example"],
        ),
    ],
)
def test_what_was_put_around_an_address_of_ours_comes_off(written: str, inside: list[str]) -> None:
    assert steps(written)[1:] == inside


@pytest.mark.parametrize(
    "written",
    [
        "ann-1@reply.example",
        "ann+tag@else.example",
        "prvs=2345abcdef=ann@else.example",
        "SRS0=abcd=2E=else.example=ann@reply.example",
        "SRS0=abcd=2E=else.example=ann@fwd.example",
        "SRS0=abcd=2E=not a domain=ann@reply.example",
        "+tag@reply.example",
        "srs0@reply.example",
        '"a b+c"@reply.example',
    ],
)
def test_an_address_with_nothing_of_ours_inside_stays_as_it_is(written: str) -> None:
    if " a " in written:
        written = '"' + written.replace("@", '"@')
    assert len(steps(written)) == 1


def test_a_tag_comes_off_where_the_wrapping_holds_a_foreign_address() -> None:
    wrapped = "srs0=abcd=2e=else.example=ann@reply.example"
    assert steps("srs0=abcd=2e=else.example=ann+x@reply.example")[1:] == [wrapped]


@given(st.text(max_size=60), st.sampled_from(("reply.example", "else.example")))
def test_unwrapping_ends_for_any_local_part(local: str, domain: str) -> None:
    try:
        address = EmailAddress.parse(f"{local}@{domain}")
    except InvalidAddress:
        return
    found = unwrapped(address, OURS)
    assert found[0] == address
    assert all(OURS.ours(one) for one in found[1:])
    assert unwrapped(found[-1], OURS) == found[-1:]


def test_a_v3_alias_is_found_by_its_token_whatever_name_it_wears() -> None:
    token = Token(TOKEN, "reply.example")
    assert decode(EmailAddress.parse(f"ann-{TOKEN}@reply.example")) == token
    assert decode(EmailAddress.parse(f"old-name-{TOKEN.upper()}@REPLY.example")) == token


def test_a_token_that_no_key_made_is_forged() -> None:
    keys = AliasKeys.of({0: b"secret"})
    assert decode(EmailAddress.parse(f"ann-{TOKEN}@reply.example"), keys) == Forged(TOKEN)


def test_every_other_alias_is_found_by_its_whole_address() -> None:
    address = EmailAddress.parse("ann-1ab131e2@reply.example")
    assert decode(address) == ByName(address)


@pytest.mark.parametrize(
    "written",
    [
        "ann@x.example",
        " <Ann@X.example> ",
        '"ann@x.example"',
        "'ann@x.example'",
        '<"ann"@x.example.>',
        "<'ann@x.example'>",
    ],
)
def test_a_recipient_may_stand_in_brackets_or_quotes(written: str) -> None:
    assert bare(written).key == "ann@x.example"


def test_what_is_no_recipient_is_refused() -> None:
    with pytest.raises(InvalidAddress):
        bare("<>")
