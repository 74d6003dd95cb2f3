"""A small object store that speaks S3 as far as files need it, and trusts nobody: every call's signature (AWS Signature V4) is checked.

PUT, in one piece or in parts; GET; DELETE; POST ?delete; list (version 2). Its own words are AWS's API reference, not our client's.
"""

import hashlib
import hmac
import re
import threading
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

ACCESS, SECRET, REGION, BUCKET = "AKIATEST", "the-secret", "eu-test-1", "files"


class Store:
    """What lies in the bucket, and what was asked; `failing` answers everything with 500."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.calls: list[str] = []
        self.failing = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"store": self}))
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a service that keeps its files here."""
        return {
            "AFTERSALE_FILES_URL": f"s3://{BUCKET}/shop",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_address[1]}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
        }

    def __enter__(self) -> "Store":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    store: Store
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (its name in http.server)
        """Say nothing."""

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        key = unquote(url.path).removeprefix(f"/{BUCKET}").lstrip("/")
        self.store.calls.append(f"{self.command} {','.join(sorted(set(query) - {'prefix', 'x-id'}))}".strip())
        if self.store.failing:
            return self.answer(500, b"<Error><Code>InternalError</Code></Error>")
        if not self.signed(url.path, query, body):
            return self.answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        return getattr(self, f"on_{self.command.lower()}")(key, query, body)  # type: ignore[no-any-return]  # each answers and returns None

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815  (names of http.server)

    def on_get(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "list-type" in query:
            return self.answer(200, self.listing(query.get("prefix", "")))
        if key not in self.store.objects:
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        content, at = self.store.objects[key]
        return self.answer(200, content, {"Last-Modified": format_datetime(at, usegmt=True), "ETag": etag(content)})

    on_head = on_get

    def on_put(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploadId" in query:
            self.store.uploads[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self.store.objects[key] = (body, datetime.now(UTC))
        self.answer(200, b"", {"ETag": etag(body)})

    def on_post(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            upload = uuid.uuid4().hex
            self.store.uploads[upload] = {}
            answer = f"<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
            return self.answer(200, f"<InitiateMultipartUploadResult>{answer}</InitiateMultipartUploadResult>".encode())
        if "delete" in query:
            keys = [element.text or "" for element in ElementTree.fromstring(body).iter() if element.tag.endswith("Key")]
            for gone in keys:
                self.store.objects.pop(gone, None)
            deleted = "".join(f"<Deleted><Key>{escape(gone)}</Key></Deleted>" for gone in keys)
            return self.answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())
        parts = self.store.uploads.pop(query["uploadId"])
        content = b"".join(parts[number] for number in sorted(parts))
        self.store.objects[key] = (content, datetime.now(UTC))
        answer = f"<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><ETag>{etag(content)}</ETag>"
        return self.answer(200, f"<CompleteMultipartUploadResult>{answer}</CompleteMultipartUploadResult>".encode())

    def on_delete(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploadId" in query:
            self.store.uploads.pop(query["uploadId"], None)
        self.store.objects.pop(key, None)
        self.answer(204, b"")

    def listing(self, prefix: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{etag(content)}</ETag><Size>{len(content)}</Size></Contents>"
            for key, (content, at) in sorted(self.store.objects.items())
            if key.startswith(prefix)
        )
        head = f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{head}{found}</ListBucketResult>".encode()

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def signed(self, path: str, query: dict[str, str], body: bytes) -> bool:
        """Whether the call carries the signature of our key, over exactly this call."""
        form = r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
        match = re.fullmatch(form, self.headers.get("Authorization", ""))
        digest = self.headers.get("x-amz-content-sha256", "")
        if not match or match[1] != ACCESS or match[3] != REGION or digest not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            return False
        pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
        headers = "".join(f"{name}:{' '.join(self.headers.get(name, '').split())}\n" for name in match[4].split(";"))
        call = "\n".join((self.command, path, "&".join(f"{n}={v}" for n, v in pairs), headers, match[4], digest))
        scope = f"{match[2]}/{REGION}/s3/aws4_request"
        text = "\n".join(("AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope, hashlib.sha256(call.encode()).hexdigest()))
        key = f"AWS4{SECRET}".encode()
        for word in scope.split("/"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        return hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), match[5])


def etag(content: bytes) -> str:
    """As S3 makes it."""
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
