"""What is answered to an offer of permessage-deflate, given what was agreed to before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import NegotiationError
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension
from websockets.typing import ExtensionName
from wsrec.wire.agreeing import agree
from wsrec.wire.deflate import Extensions

D = "permessage-deflate"
SNCT, CNCT = "server_no_context_takeover", "client_no_context_takeover"
SB, CB = "server_max_window_bits", "client_max_window_bits"


@pytest.mark.parametrize(
    ("offered", "recorded", "answer"),
    [
        (None, None, None),
        (D, None, None),
        (None, D, None),
        (D, D, D),
        (f"{D}; {CB}", D, D),
        # What was recorded, as it stood there.
        (f"{D}; {CB}", f"{D};{SNCT} ; {CB}=12", f"{D};{SNCT} ; {CB}=12"),
        (D, f"{D}; {SNCT}; {CNCT}; {SB}=10", f"{D}; {SNCT}; {CNCT}; {SB}=10"),
        (f"x; a=b, {D}; {SB}=9, {D}", D, D),
        # What this client wants instead, or does not allow.
        (D, f"{D}; {CB}=12", D),
        (f"{D}; {SNCT}", D, f"{D}; {SNCT}"),
        (f"{D}; {SB}=10", D, f"{D}; {SB}=10"),
        (f'{D}; {SB}="10"', f"{D}; {SB}=12", f"{D}; {SB}=10"),
        (f"{D}; {SB}=10", f"{D}; {SB}=9", f"{D}; {SB}=9"),
        (f"{D}; {CB}=9", f"{D}; {CB}=10; {CNCT}", f"{D}; {CNCT}; {CB}=9"),
        # Offers that must be declined (RFC 7692 §7.1).
        (f"{D}; {SB}", D, None),
        (f"{D}; {SB}=7", D, None),
        (f"{D}; {SB}=16", D, None),
        (f"{D}; {SNCT}; {SNCT}", D, None),
        (f"{D}; {SNCT}=1", D, None),
        (f"{D}; x", D, None),
        (f"{D}; x, {D}; {SNCT}", D, f"{D}; {SNCT}"),
        # What is not known here.
        ("x-one, x-two", "x-two; a=1", "x-two; a=1"),
        ("x-one", "x-two", None),
        (f"{D}, x-one", f"{D}, x-one", f"{D}, x-one"),
        (D, f"{D}, x-one", None),
    ],
)
def test_an_offer_has_an_answer(
    offered: str | None, recorded: str | None, answer: str | None
) -> None:
    assert agree(offered, recorded) == answer


_MAYBE_BITS = st.none() | st.integers(9, 15)


@settings(max_examples=150, deadline=None)
@given(
    st.builds(
        ClientPerMessageDeflateFactory,
        server_no_context_takeover=st.booleans(),
        client_no_context_takeover=st.booleans(),
        server_max_window_bits=_MAYBE_BITS,
        client_max_window_bits=_MAYBE_BITS | st.just(True),
    ),
    st.sets(st.sampled_from([SNCT, CNCT])),
    _MAYBE_BITS,
    _MAYBE_BITS,
)
def test_a_real_client_accepts_every_answer_to_its_offer(
    client: ClientPerMessageDeflateFactory,
    flags: set[str],
    server_bits: int | None,
    client_bits: int | None,
) -> None:
    bits = [f"{SB}={server_bits}"] * bool(server_bits) + [f"{CB}={client_bits}"] * bool(client_bits)
    recorded = "; ".join([D, *sorted(flags), *bits])
    answer = agree(build_extension([(ExtensionName(D), client.get_request_params())]), recorded)
    assert answer is not None
    ((name, parameters),) = parse_extension(answer)
    try:
        client.process_response_params(parameters, [])
    except NegotiationError as error:
        pytest.fail(f"{answer}: {error}")
    assert name == D
    if SNCT in flags:
        assert not Extensions.parse(answer).server_keeps_context
