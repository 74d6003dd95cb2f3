"""Responses that need no token, answered from memory, so that a thousand requests a second cost next to nothing.

Documents do not change while a process runs. Metrics do: they are computed about twice a second at most, and requests beyond that
get the last result again.
"""

import time
from collections import OrderedDict

from starlette.types import Message, Scope, Send

from shared.web.rates import Buckets

FOR_EVER = frozenset(("/", "/openapi.json", "/asyncapi.json", "/problems/{code}", "/service/openapi.json", "/service/asyncapi.json"))
NOW_AND_THEN = frozenset(("/metrics",))
FRESH_PER_SECOND = 2
KEPT = 256

Key = tuple[str, bytes]


class PublicAnswers:
    """The last answers of one app's public routes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, list[Message]] = OrderedDict()
        self._fresh = Buckets("public", FRESH_PER_SECOND, time.monotonic)

    async def again(self, template: str, scope: Scope, send: Send) -> bool:
        """Send the stored answer; False if there is none or it is time for a fresh one."""
        if template not in FOR_EVER and template not in NOW_AND_THEN:
            return False
        kept = self._kept.get(_key(template, scope))
        if kept is None or (template in NOW_AND_THEN and not self._fresh.wait_seconds(template)):
            return False
        for message in kept:
            await send(dict(message))
        return True

    def keeping(self, template: str, scope: Scope, send: Send) -> Send:
        """`send`, which stores the answer if it succeeds."""
        if template not in FOR_EVER and template not in NOW_AND_THEN:
            return send
        sent: list[Message] = []

        async def keeping(message: Message) -> None:
            sent.append(dict(message))
            if message["type"] == "http.response.body" and not message.get("more_body") and sent[0]["status"] == 200:
                self._kept[_key(template, scope)] = sent
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            await send(message)

        return keeping


def _key(template: str, scope: Scope) -> Key:
    """Only the path distinguishes answers, and only if it has a parameter: these routes take no query."""
    return template, scope["path"].encode(errors="replace") if "{" in template else b""
