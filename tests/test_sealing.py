"""Seals on the command line: keys as OpenSSL makes them, what is said, exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.proxying import wsrec
from support.recordings import Conversation, recorder_at
from support.sealing import KeyFiles, key_files, record_sealed, said
from support.tampering import change


@pytest.fixture
def keys(tmp_path: Path) -> KeyFiles:
    return key_files(tmp_path)


@pytest.fixture
def path(tmp_path: Path, keys: KeyFiles) -> Path:
    return record_sealed(tmp_path / "a.db", keys)


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)


def test_a_proxy_seals_with_a_key_that_openssl_made(tmp_path: Path) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    path = tmp_path / "session.db"
    words = ["proxy", "ws://127.0.0.1:9", "-l", "127.0.0.1:0", "-o", str(path)]
    done = wsrec(*words, "--sign-key", str(private), "--", "true")
    assert (done.returncode, path.exists()) == (0, True)
    done = wsrec("verify", str(path), "--public-key", str(public))
    assert done.returncode == 0
    assert done.stdout == f"{path}: 0 sessions, 0 frames: intact; 0 seals of sessions checked\n"


def test_what_verify_says(path: Path, keys: KeyFiles) -> None:
    intact = f"{path}: 3 sessions, 9 frames: intact; "
    done = wsrec("verify", str(path))
    assert (done.returncode, done.stdout) == (
        0,
        intact + "sealed, not checked: give --public-key\n",
    )
    done = wsrec("verify", str(path), "--public-key", str(keys.public))
    assert (done.returncode, done.stdout) == (0, intact + "3 seals of sessions checked\n")
    done = wsrec("verify", str(path), "--public-key", str(keys.public), "--format", "json")
    line = json.loads(done.stdout)
    assert (line["seals"], line["sealed_sessions"]) == ("checked", 3)
    change(path, "DELETE FROM seals WHERE session_id = 2")
    done = wsrec("verify", str(path), "--public-key", str(keys.public))
    assert done.returncode == 3
    assert f"{path}: session 2: the seal is missing\n" in done.stdout


def test_keys_that_cannot_be_used(path: Path, keys: KeyFiles, tmp_path: Path) -> None:
    rsa, locked, none = tmp_path / "rsa.pem", tmp_path / "locked.pem", tmp_path / "none.pem"
    openssl("genpkey", "-algorithm", "rsa", "-out", rsa)
    openssl("pkey", "-in", rsa, "-pubout", "-out", tmp_path / "rsa-public.pem")
    openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x", "-out", locked)
    none.write_text("no key")
    for key, what in {
        rsa: "holds a key of another kind than Ed25519",
        locked: "has a passphrase, and nobody is there to be asked",
        none: "holds no private key in PEM",
        keys.public: "is a public key; the private one signs",
        tmp_path / "missing": "No such file or directory",
    }.items():
        done = wsrec("proxy", "ws://127.0.0.1:9", "--sign-key", str(key))
        assert done.returncode == 2
        assert done.stderr.endswith(f"Error: --sign-key: {key}: {what}\n")
    for key, what in {
        tmp_path / "rsa-public.pem": "holds a key of another kind than Ed25519",
        none: "holds no public key in PEM",
        keys.private: "is a private key; openssl pkey -in KEY -pubout writes the public one",
        tmp_path / "missing": "No such file or directory",
    }.items():
        done = wsrec("verify", str(path), "--public-key", str(key))
        assert done.returncode == 2
        assert done.stderr.endswith(f"Error: --public-key: {key}: {what}\n")


class TestPrune:
    def test_sessions_keep_their_seals_and_the_end_loses_its_own(
        self, path: Path, keys: KeyFiles
    ) -> None:
        done = wsrec("prune", str(path), "--keep-last", "2")
        assert done.returncode == 0
        assert done.stdout.endswith("after; its end is not sealed any more\n")
        assert said(path, None) == []
        assert said(path, keys) == ["of its end, the seal is missing"]

    def test_with_the_key_the_end_is_sealed_anew(self, path: Path, keys: KeyFiles) -> None:
        done = wsrec("prune", str(path), "--keep-last", "2", "--sign-key", str(keys.private))
        assert done.returncode == 0
        assert said(path, keys) == []
        change(path, """UPDATE meta SET value = replace(value, '"count": 1', '"count": 2')""")
        assert len(said(path, keys)) == 1

    def test_what_has_nothing_to_lose_says_nothing(self, path: Path, keys: KeyFiles) -> None:
        done = wsrec("prune", str(path), "--keep-last", "3")
        assert "seal" not in done.stdout
        assert said(path, keys) == []


@pytest.mark.parametrize("how", ["scrub", "merge"])
def test_a_copy_has_no_seals_but_by_the_key(path: Path, keys: KeyFiles, how: str) -> None:
    out = path.with_name("out.db")
    done = wsrec(how, str(path), str(out))
    assert done.returncode == 0
    assert done.stdout.endswith("; the seals of 3 sessions are not in it\n")
    assert said(out, None) == []
    assert len(said(out, keys)) == 4
    out.unlink()
    done = wsrec(how, str(path), str(out), "--sign-key", str(keys.private))
    assert done.returncode == 0
    assert "the seals of" not in done.stdout
    assert said(out, keys) == []


@pytest.mark.parametrize("how", ["scrub", "merge", "prune"])
def test_nothing_is_sealed_that_was_not_sealed_by_the_same_key(
    path: Path, keys: KeyFiles, tmp_path: Path, how: str
) -> None:
    """Whoever could change a recording would have it sealed by the next cron job."""
    before = change(path, "DELETE FROM seals WHERE session_id = 0")
    assert before == 1
    words = ["--keep-last", "1"] if how == "prune" else [str(tmp_path / "out.db")]
    done = wsrec(how, str(path), *words, "--sign-key", str(keys.private))
    assert done.returncode == 3
    assert "damaged: of its end, the seal is missing" in done.stdout + done.stderr
    assert not (tmp_path / "out.db").exists()


def test_a_merge_of_what_has_no_clean_end_has_none(path: Path, keys: KeyFiles) -> None:
    other = path.with_name("b.db")
    with recorder_at(other, signer=keys.signer) as recorder:
        Conversation(recorder).text("client", "hi").end()
    change(
        other,
        "DELETE FROM meta WHERE key IN ('ended_at', 'sessions')",
        "DELETE FROM seals WHERE session_id = 0",
    )
    out = path.with_name("out.db")
    done = wsrec("merge", str(path), str(other), str(out), "--sign-key", str(keys.private))
    assert done.returncode == 0
    (fault,) = said(out, keys)
    assert fault.startswith("has no clean end")
