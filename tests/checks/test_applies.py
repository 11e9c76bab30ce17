"""Which sessions a contract is about, and how long one may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.contracts import in_span, say
from support.conversation import codes, judge, only, session
from wsrec.schemas.model import AppliesTo

HOST = (("Host", "Api.Example:8080"),)


@pytest.mark.parametrize(
    ("applies", "values"),
    [
        (AppliesTo(path=("/other", "/ws*")), {"target": "/ws/a/b?token=1"}),
        (AppliesTo(subprotocol=("v1", "v2")), {"subprotocol": "v2"}),
        (AppliesTo(host=("*.example",)), {"request_headers": HOST}),
        (AppliesTo(host=("[[]::1]",)), {"request_headers": (("host", "[::1]:80"),)}),
        (AppliesTo(path=("/ws",), host=("api.*",)), {"request_headers": HOST}),
    ],
)
def test_a_session_that_fits_is_judged(applies: AppliesTo, values: dict[str, Any]) -> None:
    rules = replace(in_span(), applies_to=applies)
    assert codes(judge(say("o:1"), rules, session(**values))) == ["span.unclosed"]


@pytest.mark.parametrize(
    ("applies", "values", "reason"),
    [
        (AppliesTo(path=("/ws",)), {"target": "/chat?next=/ws"}, "path '/chat'"),
        (AppliesTo(subprotocol=("v1",)), {}, "no subprotocol"),
        (AppliesTo(subprotocol=("v1",)), {"subprotocol": "v2"}, "subprotocol 'v2'"),
        (AppliesTo(host=("a.example",)), {"request_headers": HOST}, "host 'api.example'"),
        (AppliesTo(path=("/ws",), host=("a.*",)), {"request_headers": HOST}, "host 'api.example'"),
        (AppliesTo(host=("*.example",)), {}, "host ''"),
    ],
)
def test_a_session_that_does_not_fit_is_skipped(
    applies: AppliesTo, values: dict[str, Any], reason: str
) -> None:
    outcome = judge(say("o:1"), replace(in_span(), applies_to=applies), session(**values))
    assert [each.reason for each in outcome.skipped] == [f"the contract does not apply to {reason}"]
    assert codes(outcome) == ["contract.vacuous"]
    assert outcome.vacuous is not None
    assert "that the contract applies to" in outcome.vacuous


def test_too_many_messages_are_told_once() -> None:
    rules = in_span()
    limited = replace(rules, session=replace(rules.session, max_messages=3))
    assert codes(judge(say("o:1 x:1 c:1"), limited)) == []
    found = only(judge(say("o:1 x:1 x:1 x:1 c:1"), limited))
    assert (found.code, found.seq, found.seen) == ("session.max_messages", 4, "4")
