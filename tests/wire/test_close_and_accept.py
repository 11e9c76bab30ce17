"""The body of a Close frame, and the answer to a client's key."""

from __future__ import annotations

import pytest
from wsrec.wire.anomalies import Anomaly, anomaly_names
from wsrec.wire.close import close_body, parse_close
from wsrec.wire.handshake import accept_key


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (None, None, 0)),
        (b"\x03", (None, None, Anomaly.CLOSE_MALFORMED)),
        (b"\x03\xe8", (1000, "", 0)),
        (b"\x03\xe9going away", (1001, "going away", 0)),
        (b"\x0f\xa0gr\xc3\xbc\xc3\x9fe", (4000, "grüße", 0)),
        (b"\x03\xe8\xc3", (1000, "\ufffd", Anomaly.INVALID_UTF8)),
        (b"\x03\xe8a\x00b", (1000, "a\x00b", 0)),
        (b"\x00\x00", (0, "", Anomaly.CLOSE_MALFORMED)),
        (b"\xff\xff\xff", (65535, "\ufffd", Anomaly.CLOSE_MALFORMED | Anomaly.INVALID_UTF8)),
    ],
)
def test_bodies(body: bytes, expected: tuple[int | None, str | None, int]) -> None:
    assert parse_close(body) == expected
    assert parse_close(bytearray(body)) == expected


def test_codes_that_may_be_sent() -> None:
    sendable = [code for code in range(65536) if not parse_close(code.to_bytes(2, "big"))[2]]
    assert sendable == [*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)]


def test_a_reason_is_cut_to_what_fits_in_a_control_frame() -> None:
    assert close_body(1001) == b"\x03\xe9"
    assert close_body(1011, "disk full") == b"\x03\xf3disk full"
    assert close_body(1000, "a" * 200) == b"\x03\xe8" + b"a" * 123
    assert close_body(1000, "a" + "世" * 50) == b"\x03\xe8" + ("a" + "世" * 40).encode()


def test_the_key_of_rfc_6455() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert accept_key(" dGhlIHNhbXBsZSBub25jZQ== ") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_every_anomaly_has_a_name_of_its_own() -> None:
    names = anomaly_names((1 << len(Anomaly)) - 1)
    assert len(set(names)) == len(names) == len(Anomaly)
    assert names[0] == "reserved_opcode"
    assert anomaly_names(0) == ()
    assert anomaly_names(Anomaly.MASKED | Anomaly.TRUNCATED) == ("masked", "truncated")
