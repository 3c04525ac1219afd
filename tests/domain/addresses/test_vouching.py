"""Company domains vouch exactly, and providers of mailboxes never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import canonical_domain
from convalias.domain.addresses.vouching import PUBLIC_MAILBOX_PROVIDERS, is_public_mailbox_provider, vouching_domains


@pytest.mark.parametrize(
    "domain", ["gmail.com", "yahoo.co.jp", "hotmail.fr", "outlook.com", "docomo.ne.jp", "privaterelay.appleid.com"]
)
def test_a_provider_vouches_for_nobody(domain: str) -> None:
    assert is_public_mailbox_provider(domain)
    assert vouching_domains([domain, domain.upper()]) == frozenset()


@pytest.mark.parametrize(
    "domain", ["corp.example", "gmail.com.corp.example", "yahoo.a.b.example", "notgmail.com", "x.gmail.com"]
)
def test_what_only_looks_like_one_is_a_company(domain: str) -> None:
    assert vouching_domains([domain]) == {domain}


def test_what_is_no_domain_vouches_for_nobody() -> None:
    assert vouching_domains(["", "a b", "com", "yahoo", "CORP.Example"]) == {"corp.example"}


def test_the_list_is_canonical() -> None:
    assert {canonical_domain(domain) for domain in PUBLIC_MAILBOX_PROVIDERS} == PUBLIC_MAILBOX_PROVIDERS


@given(st.lists(st.text(max_size=30), max_size=5))
def test_nothing_vouches_that_is_no_domain_of_two_labels(texts: list[str]) -> None:
    assert all("." in domain and canonical_domain(domain) == domain for domain in vouching_domains(texts))
