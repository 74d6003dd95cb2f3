"""Receivers of webhooks, polite and hostile: real sockets on a free port, with TLS or without, that behave as a test tells them to."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

GIGABYTE = 2**30
DRIP_SECONDS = 0.05
DEADLINE_SECONDS = 30.0

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived; names of headers in small letters."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A listening receiver. `connections` counts what was ever accepted, `open` what still is. One that `keeps` takes further requests
    on a connection.
    """

    behave: Behaviour
    scheme: str
    port: int = 0
    reads: bool = True
    keeps: bool = False
    seen: list[Seen] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)  # by which TLS clients called it (SNI)
    connections: int = 0
    open: int = 0

    def url(self, host: str = "127.0.0.1", path: str = "/in") -> str:
        """The URL by which it is reached under this name or address."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def left(self) -> None:
        """Wait until every connection is closed. Raises TimeoutError."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self.open:
                await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections, self.open = self.connections + 1, self.open + 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                again = True
                while again:
                    if self.reads:
                        self.seen.append(await _request(reader))
                    await self.behave(reader, writer)
                    again = self.keeps
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def receiving(
    behave: Behaviour, *, certificate: "Certificate | None" = None, reads: bool = True, keeps: bool = False
) -> AsyncIterator[Receiver]:
    """A receiver on 127.0.0.1. With `reads` off, `behave` is called before anything of the request is read."""
    receiver = Receiver(behave, "http" if certificate is None else "https", reads=reads, keeps=keeps)
    running: set[asyncio.Task[None]] = set()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(receiver._serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    context = certificate.serving(receiver.names) if certificate else None
    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Seen:
    line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, value in (one.split(":", 1) for one in lines)}
    return Seen(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


# Polite ones


def answering(status: int = 200, body: bytes = b"", headers: Mapping[str, str] = {}) -> Behaviour:
    """Answers at once, with this."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return saying(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode("latin-1") + body)


def answering_in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behaves once in each of these ways, then for ever in the last."""
    left = list(behaviours)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(reader, writer)

    return behave


def when(event: asyncio.Event, then: Behaviour) -> Behaviour:
    """Waits for the event before it answers."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await event.wait()
        await then(reader, writer)

    return behave


# Hostile ones


def saying(*parts: bytes, hangs_up: bool = True) -> Behaviour:
    """Sends exactly these bytes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if not hangs_up:
            await reader.read()

    return behave


def dripping(beginning: bytes, drop: bytes) -> Behaviour:
    """Sends the beginning, then a drop from time to time, for ever."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while not reader.at_eof():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(DRIP_SECONDS)

    return behave


def flooding(beginning: bytes, part: bytes, total: int = GIGABYTE) -> Behaviour:
    """Sends the beginning, then the part again and again as fast as it is taken, `total` bytes in all."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        block = part * max(1, 65_536 // len(part))
        for _ in range(total // len(block)):
            writer.write(block)
            await writer.drain()

    return behave


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection and never says a word."""
    await reader.read()


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection and never reads from it either."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # every transport of a socket can
    await asyncio.Event().wait()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Resets the connection instead of answering."""
    writer.transport.abort()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes the connection without a word."""


# Certificates


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate with its key, in PEM."""

    pem: bytes

    def serving(self, names: list[str | None]) -> ssl.SSLContext:
        """The server's side; notes the names by which it is called."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "receiver.pem"
            file.write_bytes(self.pem)
            context.load_cert_chain(file)
        context.sni_callback = lambda _connection, name, _context: names.append(name)
        return context

    def trusting(self) -> ssl.SSLContext:
        """A client's side that trusts this certificate alone."""
        return ssl.create_default_context(cadata=self.pem.decode())


def certificate(names: Iterable[str], *, valid_for: timedelta = timedelta(days=1)) -> Certificate:
    """A certificate for these names and addresses, that began two days ago; a negative `valid_for` has expired."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A receiver of webhooks")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + valid_for)
        .add_extension(x509.SubjectAlternativeName([_general_name(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(private + made.public_bytes(Encoding.PEM))


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
