"""A refusal names both reasons and both ways on, in the languages that were asked for."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import TraceId
from convalias.domain.mail.reasons import CONSEQUENCES, GONE, LANGUAGES, Reason, reason
from convalias.domain.system_mail.letters import RefusalLetter
from convalias.domain.system_mail.refusal_texts import language_of, refusal_text

TELLABLE = [reason for reason, row in CONSEQUENCES.items() if row.may_tell_sender]
LETTER = RefusalLetter(
    sender=EmailAddress.parse("bob@corp.example"),
    alias=EmailAddress.parse("ann-1ab131e2@reply.example"),
    reason=Reason.NOT_PARTICIPANT,
    to_participant=False,
    trace=TraceId("t"),
)
PARTICIPANT = evolve(LETTER, to_participant=True)
BOTH = {
    "en": ("no longer valid", "registered with us", "the address you registered with", "in the app"),
    "de": ("nicht mehr gültig", "bei uns registriert", "mit der Sie registriert", "in der App"),
    "fr": ("plus valable", "enregistrée chez nous", "de votre inscription", "dans l'application"),
    "ja": ("無効", "ご登録のないアドレス", "ご登録のメールアドレスから", "アプリ"),
}


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("reason", TELLABLE)
def test_strangers_read_one_text_whatever_the_reason(reason: Reason) -> None:
    told = refusal_text(evolve(LETTER, reason=reason, language="de"), ("fr", "en"))
    assert told == refusal_text(LETTER, ("fr", "en"))
    assert told.languages == ("fr", "en")
    assert flat(told.text).endswith(GONE)
    for words in (*BOTH["fr"], *BOTH["en"]):
        assert words in flat(told.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_reasons_and_both_ways_on_stand_in_each_language(language: str) -> None:
    told = refusal_text(LETTER, (language,))
    assert all(words in flat(told.text) for words in BOTH[language])
    assert told.subject
    assert max(map(len, told.text.split("\n"))) <= 76


@pytest.mark.parametrize("reason", TELLABLE)
def test_a_participant_reads_the_reason_in_the_language_of_the_conversation(reason: Reason) -> None:
    texts = {one: refusal_text(evolve(PARTICIPANT, reason=reason, language=one), ("en",)) for one in LANGUAGES}
    assert len({told.text for told in texts.values()}) == len(LANGUAGES)
    assert {told.languages for told in texts.values()} == {(one,) for one in LANGUAGES}
    alias_gone = CONSEQUENCES[reason].public_text == GONE
    assert all((told.text == refusal_text(LETTER, (one,)).text) is alias_gone for one, told in texts.items())


def test_a_participant_of_an_unknown_market_reads_the_reason_in_the_languages_of_the_deployment() -> None:
    told = refusal_text(PARTICIPANT, ("de", "ja"))
    assert "nehmen an dieser Unterhaltung nicht teil" in flat(told.text)
    assert "参加していません" in told.text
    assert told.subject == "Ihre Nachricht wurde nicht zugestellt / メッセージをお届けできませんでした"


@pytest.mark.parametrize(
    ("market", "language"),
    [("de", "de"), ("DE-AT", "de"), ("at", "de"), ("fr_CA", "fr"), ("jp", "ja"), ("ja", "ja"), ("uk", "en"),
     ("ch", ""), ("berlin", ""), ("", ""), (None, "")],
)  # fmt: skip
def test_a_market_tells_its_language_or_none(market: str | None, language: str) -> None:
    assert language_of(market) == language


def test_a_participant_reads_a_reason_of_the_hosts_own_in_his_language() -> None:
    quota = reason("QUOTA", refusal={"en": "Enough for today.", "ja": "本日はここまでです。"})
    told = refusal_text(evolve(PARTICIPANT, reason=quota, language="ja"))
    assert told.text == "本日はここまでです。\n"
    assert refusal_text(evolve(PARTICIPANT, reason=quota, language="fr")).text == "Enough for today.\n"
    assert refusal_text(evolve(LETTER, reason=quota), ("ja",)) == refusal_text(LETTER, ("ja",))
    silent = evolve(PARTICIPANT, reason=reason("SILENT"), language="de")
    assert refusal_text(silent).text == refusal_text(LETTER, ("de",)).text
