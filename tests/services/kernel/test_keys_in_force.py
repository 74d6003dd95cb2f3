"""What callers and operators see of a keys file that is not as it should be."""

import json
import time
from pathlib import Path

import httpx2
import pytest

from shared.contracts.actor import Actor
from shared.web.app import front_of
from shared.web.call import Call
from shared.web.tokens import issue
from tests.services.kernel.lab import Lab
from tests.services.kernel.test_readiness import asked, running

SECRET = "SECRET-CANARY-of-more-than-thirty-two-characters"
KEYS = json.dumps([{"issuer": "shop", "secret": SECRET, "stores": ["*"], "roles": ["platform"]}])


async def test_a_bad_keys_file_is_told_and_stops_nobody(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(KEYS[:-10])
    one = running(lab, monkeypatch, "api", KEYS_FILE=str(path))
    token = issue(SECRET, issuer="shop", actor=Actor("s", "platform", "p"), lifetime_seconds=60, now=time.time())

    @one.app.get("/me")
    async def me(call: Call) -> str:
        return call.actor.id

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=front_of(one)), base_url="http://lab") as client:

        async def seen() -> tuple[int, int, bool, list[str], str]:
            """Status of a call, of readiness, its check, its warnings, the gauge."""
            called = await client.get("/me", headers={"Authorization": f"Bearer {token}"})
            status, ready = await asked(one)
            gauge = next(line for line in (await client.get("/metrics")).text.splitlines() if line.startswith("aftersale_keys_file_bad{"))
            warned = [warning["code"] for warning in ready["warnings"] if warning["code"] == "keys_file"]
            assert "CANARY" not in called.text + json.dumps(ready)
            if called.status_code == 503:
                assert (called.json()["code"], called.headers["retry-after"]) == ("keys_unavailable", "5")
            return called.status_code, status, ready["checks"]["keys"], warned, gauge.rpartition(" ")[2]

        try:
            assert await seen() == (503, 503, False, ["keys_file"], "1.0")  # started with it: nobody can be known
            path.write_text(KEYS)
            assert await seen() == (200, 200, True, [], "0.0")
            path.write_text(KEYS.replace('"secret"', '"Secret"'))
            assert await seen() == (200, 200, True, ["keys_file"], "1.0")  # the last good keys
            path.unlink()
            assert await seen() == (200, 200, True, ["keys_file"], "1.0")
            path.write_text(KEYS)
            assert await seen() == (200, 200, True, [], "0.0")
        finally:
            await one.database.close()
    assert "CANARY" not in "".join(capsys.readouterr())
