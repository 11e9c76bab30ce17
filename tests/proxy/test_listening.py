"""Where clients connect: TLS of the proxy's own, a Unix socket, and what cannot be listened on."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from support.proxying import recorded, sessions, start, wsrec
from support.raw import SWITCH, Peer, backend, conversation_with_process, upgrade
from wsrec.net.address import Address, parse_address
from wsrec.net.errors import SettingError

HELLO = b"\x81\x05hello"
MASKED_HELLO = b"\x81\x85\0\0\0\0hello"
NOBODY = "ws://127.0.0.1:9"


class Papers:
    """An authority, and the files that it has made out for localhost."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        issued = self.authority.issue_cert("localhost")
        self.certificate = folder / "certificate.pem"
        self.key = folder / "key.pem"
        self.both = folder / "both.pem"
        self.ca = folder / "ca.pem"
        issued.private_key_pem.write_to_path(str(self.key))
        for path in (self.certificate, self.both):
            for blob in issued.cert_chain_pems:
                blob.write_to_path(str(path), append=True)
        issued.private_key_pem.write_to_path(str(self.both), append=True)
        self.authority.cert_pem.write_to_path(str(self.ca))
        self.trusting = ssl.create_default_context(cafile=self.ca)


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


@pytest.mark.parametrize("files", ["apart", "together"])
@conversation_with_process
async def test_a_session_over_tls(recording: Path, papers: Papers, files: str) -> None:
    settings = {
        "apart": ("--tls-cert", str(papers.certificate), "--tls-key", str(papers.key)),
        "together": ("--tls-cert", str(papers.both)),
    }[files]
    async with backend() as behind:
        proxy = start(behind.url, recording, *settings)
        assert proxy.url == f"wss://127.0.0.1:{proxy.port}"
        client = await Peer.connect(proxy.port, tls=papers.trusting)
        await client.send(upgrade() + MASKED_HELLO)
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH + HELLO)
        assert (await client.head()).encode() == SWITCH
        assert await client.exactly(7) == HELLO
        assert await server.exactly(11) == MASKED_HELLO
        await client.close()
        assert await server.rest() == b""
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert recorded(recording) == {"client": ["hello"], "server": ["hello"]}


@conversation_with_process
async def test_a_client_that_says_nothing_instead_of_a_tls_handshake(
    recording: Path, papers: Papers
) -> None:
    proxy = start(NOBODY, recording, "--tls-cert", str(papers.both), "--header-timeout", "200ms")
    client = await Peer.connect(proxy.port)
    assert await client.rest() == b""
    await client.close()
    client = await Peer.connect(proxy.port)
    await client.send(b"GET / HTTP/1.1\r\n\r\n")
    await client.rest()
    proxy.signal(signal.SIGTERM)
    assert await proxy.over() == (0, "")


@conversation_with_process
async def test_a_session_on_a_unix_socket(recording: Path) -> None:
    path = recording.parent / "wsrec.sock"
    async with backend() as behind:
        proxy = start(behind.url, recording, "-l", f"unix:{path}")
        assert proxy.url == f"ws+unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        client = await Peer.connect(0, path=path)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH + HELLO)
        await client.head()
        assert await client.exactly(7) == HELLO
        await client.close()
        await server.rest()
        await server.close()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert not path.exists()
    (session,) = sessions(recording)
    assert session.client is None
    assert recorded(recording)["server"] == ["hello"]


@conversation_with_process
async def test_a_socket_file_that_a_killed_process_has_left(recording: Path) -> None:
    path = recording.parent / "wsrec.sock"
    proxy = start(NOBODY, recording, "-l", f"unix:{path}")
    proxy.process.kill()
    await proxy.over()
    assert path.exists()
    proxy = start(NOBODY, recording, "-l", f"unix:{path}")
    proxy.signal(signal.SIGTERM)
    assert await proxy.over() == (0, "")


def refused(recording: Path, *settings: str, upstream: str = NOBODY) -> str:
    """Run a proxy that cannot start; return the line that says why."""
    result = wsrec("proxy", upstream, "-l", "127.0.0.1:0", "-o", str(recording), *settings)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert not recording.exists()
    return result.stderr.splitlines()[-1]


@conversation_with_process
async def test_a_socket_file_that_another_process_listens_on(recording: Path) -> None:
    path = recording.parent / "wsrec.sock"
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(path))
        taken.listen()
        result = wsrec("proxy", NOBODY, "-l", f"unix:{path}", "-o", str(recording))
    assert (result.returncode, result.stderr) == (
        2,
        f"wsrec: cannot listen on unix:{path}: Address already in use\n",
    )
    assert path.exists()


def test_a_file_that_is_no_socket_is_left_alone(recording: Path) -> None:
    path = recording.parent / "notes.txt"
    path.write_text("mine")
    result = wsrec("proxy", NOBODY, "-l", f"unix:{path}", "-o", str(recording))
    assert result.returncode == 2
    assert path.read_text() == "mine"


def test_a_name_that_no_host_can_have(recording: Path) -> None:
    line = refused(recording, "-l", "agent..local:8080")
    assert line == "wsrec: cannot listen on agent..local:8080: not a host name"


def test_certificates_that_cannot_be_used(recording: Path, papers: Papers) -> None:
    other = Papers(_folder(recording, "other"))
    certificate, key = str(papers.certificate), str(papers.key)
    missing = str(recording.parent / "no.pem")
    assert refused(recording, "--tls-key", key).endswith("--tls-key needs --tls-cert")
    assert f"{missing}: No such file" in refused(recording, "--tls-cert", missing)
    assert "holds no private key" in refused(recording, "--tls-cert", certificate)
    assert "not a certificate and its key" in refused(recording, "--tls-cert", key)
    assert "the key is not the certificate's" in refused(
        recording, "--tls-cert", certificate, "--tls-key", str(other.key)
    )


def test_a_key_with_a_passphrase_is_not_asked_for(recording: Path, papers: Papers) -> None:
    locked = recording.parent / "locked.pem"
    try:
        subprocess.run(
            ["openssl", "pkey", "-in", papers.key, "-aes256", "-passout", "pass:x", "-out", locked],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    line = refused(recording, "--tls-cert", str(papers.certificate), "--tls-key", str(locked))
    assert "passphrase" in line


@pytest.mark.parametrize(
    ("settings", "upstream", "why"),
    [
        (["--insecure"], NOBODY, "are for a wss or https upstream"),
        (["--upstream-ca", "no.pem"], "wss://x", "no.pem: No such file or directory"),
        (["--insecure", "--upstream-ca", "x.pem"], "wss://x", "give one of them"),
        (["--upstream-key", "x.pem"], "wss://x", "--upstream-key needs --upstream-cert"),
        (["--header-timeout", "soon"], NOBODY, "--header-timeout: 'soon' is not a duration"),
        (["--idle-timeout", "0s"], NOBODY, "leaves no time"),
        (["--buffer", "1"], NOBODY, "not between 4k and 2g"),
        (["--buffer", "some"], NOBODY, "not a size"),
        (["--trusted-proxy", "proxy"], NOBODY, "expected an address or a network"),
        (["--allow-origin", "app"], NOBODY, "expected scheme, host and port"),
        (["--max-sessions", "0"], NOBODY, "is not in the range"),
        (["-l", "unix:"], NOBODY, "expected a path"),
        (["-l", "8080"], NOBODY, "expected HOST:PORT"),
    ],
)
def test_settings_that_cannot_be_used(
    recording: Path, settings: list[str], upstream: str, why: str
) -> None:
    assert why in refused(recording, *settings, upstream=upstream)


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("localhost:1", Address("localhost", 1), "ws://localhost:1"),
        (":1", Address("127.0.0.1", 1), "ws://127.0.0.1:1"),
        ("[::1]:1", Address("::1", 1), "ws://[::1]:1"),
        ("unix:/run/x", Address(path=Path("/run/x")), "ws+unix:/run/x"),
    ],
)
def test_addresses(text: str, address: Address, url: str) -> None:
    assert parse_address(text) == address
    assert address.url(tls=False) == url


@pytest.mark.parametrize("text", ["", "x", "x:", "x:y", "x:65536", "unix:", "x:²"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(SettingError):
        parse_address(text)


def test_the_command_learns_of_a_unix_socket(recording: Path) -> None:
    path = recording.parent / "wsrec.sock"
    script = "import os; print(os.environ['WSREC_URL'])"
    result = wsrec(
        *("proxy", NOBODY, "-l", f"unix:{path}", "-o", str(recording), "--format", "json"),
        *("--", sys.executable, "-c", script),
    )
    announced, said = result.stdout.splitlines()
    assert json.loads(announced)["path"] == str(path)
    assert said == f"ws+unix:{path}"


def _folder(recording: Path, name: str) -> Path:
    folder = recording.parent / name
    folder.mkdir()
    return folder
