"""`wsrec.play`: the client half of a recording against a live backend."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Unpack

from ..checks.scope import Scope
from ..judge.choice import Chosen
from ..net.amounts import positive
from ..net.errors import SettingError
from ..net.tls import client_context
from ..net.upstream import Upstream, UpstreamError
from ..proxy.settings import read_redaction_key, read_rules
from ..replay import replaying
from ..replay.opening import Replacements
from ..replay.stage import Settings
from .errors import ConnectError
from .matching import PlaySettings, matching_of, pacing_of, patience_of, refuse_unknown
from .plays import PlayReport, report_of
from .recording import Recording, path_of
from .verdicts import meta_of, ranges_of

__all__ = ["play"]


async def play(
    recording: str | PathLike[str] | Recording,
    to: str,
    *,
    output: str | PathLike[str] | None = None,
    sessions: Iterable[int] | None = None,
    concurrency: int | None = None,
    headers: Sequence[str] = (),
    query: Sequence[str] = (),
    ca: str | PathLike[str] | None = None,
    insecure: bool = False,
    connect_timeout: str = "10s",
    redact: Sequence[str] = (),
    default_redaction: bool = True,
    redact_key_file: str | PathLike[str] | None = None,
    **settings: Unpack[PlaySettings],
) -> PlayReport:
    """Play the client half of a recording to a live backend, as `wsrec replay` does.

    Args:
        recording: its path, or the open recording.
        to: the backend's ws, wss, http or https URL; its path goes in front of recorded ones.
        output: where to record what is said now; there must be nothing yet.
        sessions: the ids of those to play; None: all.
        concurrency: how many run at once; None: as many as did.
        headers: `NAME:VALUE` in the place of what was recorded, `NAME:` leaves it out.
        query: `NAME=VALUE`, the same of parameters of request targets.
        ca: authorities to trust for a wss URL.
        insecure: take anybody's certificate for the backend's.
        connect_timeout: for a connection and the answer to its opening handshake.
        redact: what `output` must not hold.
        default_redaction: keep credentials in headers and parameters out of `output`.
        redact_key_file: of the digests in their place.
        settings: what counts as equal, and when what is said: `PlaySettings`.

    Raises:
        RecordingError: the recording is damaged, or has no such session; or `output` cannot be
            written.
        ConnectError: the backend answers no opening handshake at all.
        ContractError: the contract cannot be used.
        SettingError: a setting that cannot be used; ValueError: `sessions` is empty.
        TypeError: there is no setting of that name.
    """
    refuse_unknown("wsrec.play", settings, PlaySettings.__annotations__)
    path, scope = path_of(recording), Scope(sessions=ranges_of(sessions))
    meta = await asyncio.to_thread(meta_of, path, scope)
    try:
        upstream = Upstream.parse(to, "to")
    except UpstreamError as error:
        raise SettingError(str(error)) from None
    matching = matching_of(path, meta, settings)
    kept = None
    if output is not None:
        key = None if redact_key_file is None else Path(redact_key_file)
        rules = (redact,) if isinstance(redact, str) else redact
        kept = replaying.Output(
            path=Path(output),
            rules=read_rules(rules, defaults=default_redaction),
            key=read_redaction_key(key),
            contract=meta.get("contract"),
        )
    replayed = await replaying.replay(
        path,
        upstream,
        Settings(
            matching=matching,
            pacing=pacing_of(settings),
            patience=patience_of(settings),
            connect=positive(connect_timeout, "connect-timeout"),
            tls=_tls(upstream, None if ca is None else Path(ca), insecure=insecure),
            replacements=Replacements.parse(headers, query),
            concurrency=concurrency,
        ),
        scope=scope,
        output=kept,
    )
    if replayed.failure is not None:
        raise replayed.failure
    if replayed.unreachable is not None:
        raise ConnectError(replayed.unreachable)
    why = "given" if settings.get("contract") is not None else "stored in the recording"
    chosen = None if matching.contract is None else Chosen(matching.contract, why)
    made = None if kept is None else kept.path
    return report_of(replaying.plays_of(replayed, path, upstream, chosen, made))


def _tls(upstream: Upstream, ca: Path | None, *, insecure: bool) -> ssl.SSLContext | None:
    if not upstream.origin.startswith("https:"):
        if ca is not None or insecure:
            raise SettingError(f"{upstream}: ca and insecure are for a wss or https URL")
        return None
    if ca is not None and insecure:
        raise SettingError("insecure trusts everybody, ca does not: give one of them")
    return client_context(authorities=ca, verify=not insecure)
