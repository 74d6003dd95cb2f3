"""One run of schemathesis over one service's own OpenAPI document, against the running service, counted per operation."""

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.generation.case import Case
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from tests.services.schemathesis_calls import BODIES, PATHS, QUERIES, SETTINGS, UNTOUCHED, VERSIONS
from tests.services.schemathesis_world import PNG, World

SEED = 20261122
UNKNOWN_HEADER = "Invalid component: in header - object with unexpected properties"  # HTTP has it ignored (RFC 9110, 5.1)
STREAM_SECONDS = 0.5  # a stream never ends by itself: this much of it is read
STREAMS = ("orders_order_follow", "notes_timeline_follow", "webhooks_event_follow")
schemathesis.openapi.media_type("image/png", st.just(PNG))

CHECKS = {
    "missing_required_header": {"expected-statuses": ["400", "401", "403", "422", "428"]},  # 428: If-Match is required here
    "positive_data_acceptance": {"enabled": False},  # rules say no to much that a schema allows: the share of 2xx tells how much
}


@dataclass
class Tally:
    """What was asked of one operation, and what came of it. `sound` calls fit the schema, `unsound` ones do not."""

    sound: Counter[int] = field(default_factory=Counter)
    unsound: Counter[int] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        return self.sound.total() + self.unsound.total()

    @property
    def accepted_share(self) -> float:
        """The share of 2xx (and 304) among the calls that fit the schema."""
        accepted = sum(count for status, count in self.sound.items() if status < 400)
        return accepted / self.sound.total() if self.sound else 0.0


@dataclass
class Outcome:
    """What a run found."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    made_sound: set[str] = field(default_factory=set)
    """Ids of calls that were made to fit the schema. Once we have touched a call, schemathesis takes every file in it for bad data."""

    def read(self, recorder: ScenarioRecorder, names: dict[str, str]) -> None:
        """Count one scenario's calls and keep the first example of each kind of failure."""
        for case_id, node in recorder.cases.items():
            interaction = recorder.interactions.get(case_id)
            if (
                interaction is None
                or interaction.response is None
                or node.value.method.upper() not in node.value.operation.label.split(" ")[0]
            ):
                continue
            tally = self.tallies.setdefault(names[node.value.operation.label], Tally())
            unsound = case_id not in self.made_sound
            (tally.unsound if unsound else tally.sound)[interaction.response.status_code] += 1
        for case_id, checks in recorder.checks.items():
            for check in checks:
                if check.status is not Status.SUCCESS and check.failure_info is not None:
                    failure = check.failure_info.failure
                    if UNKNOWN_HEADER in failure.message or (check.name == "negative_data_rejection" and case_id in self.made_sound):
                        continue
                    label = recorder.cases[case_id].value.operation.label
                    said = f"{failure.message}\n{check.failure_info.code_sample}"
                    self.failures.setdefault((names.get(label, label), failure.title), said)


def fuzz(service: str, world: World, cases: int, *, all_phases: bool) -> Outcome:
    """Call every operation of `service` about `cases` times and, in all phases, more; the same seed makes the same calls."""
    base = world.urls[service]
    document = httpx2.get(f"{base}/service/openapi.json").json()
    names = {f"{method.upper()} {path}": operation["operationId"] for path, methods in document["paths"].items()
             for method, operation in methods.items()}  # fmt: skip
    config = SchemathesisConfig.from_dict(_settings(base, world, names, cases, all_phases=all_phases))
    schema = schemathesis.openapi.from_dict(document, config=config)
    outcome = Outcome()
    with _helped(world, names, outcome):
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                outcome.read(event.recorder, names)
            elif isinstance(event, events.NonFatalError):
                if names.get(event.label) in STREAMS and "Read timed out" in str(event.info):
                    continue  # a busy machine said nothing for so long: the table shows fewer calls
                outcome.failures.setdefault((event.label, "the run itself failed"), str(event.info))
            elif isinstance(event, events.FatalError):
                raise event.exception
    return outcome


def _settings(base: str, world: World, names: dict[str, str], cases: int, *, all_phases: bool) -> dict[str, Any]:
    known = set(names.values())
    operations: list[dict[str, Any]] = []
    if known & SETTINGS:
        bearer = {"Authorization": f"Bearer {world.settings_token}"}
        operations.append({"include-operation-id": sorted(known & SETTINGS), "headers": bearer})
    if known & set(STREAMS):
        operations.append({"include-operation-id": sorted(known & set(STREAMS)), "request-timeout": STREAM_SECONDS, "max-stream-events": 3})
    return {
        "seed": SEED,
        "base-url": base,
        "headers": {"Authorization": f"Bearer {world.token}"},
        "continue-on-failure": True,
        "request-timeout": 30,
        "generation": {
            "max-examples": cases,
            "deterministic": True,
            "database": "none",
            "no-shrink": True,
            "with-security-parameters": False,
        },
        "phases": {"coverage": {"enabled": all_phases}, "stateful": {"enabled": all_phases}},
        "checks": CHECKS,
        "operations": operations,
    }


@contextmanager
def _helped(world: World, names: dict[str, str], outcome: Outcome) -> Iterator[None]:
    """Give each call that could succeed what it needs to succeed. schemathesis knows hooks before a call only globally."""

    def before_call(context: schemathesis.HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
        if case.meta is None or not case.meta.generation.mode.is_negative:
            outcome.made_sound.add(case.id)
        _help(world, names[case.operation.label], case)

    GLOBAL_HOOK_DISPATCHER.register_hook_with_name(before_call, "before_call")
    try:
        yield
    finally:
        GLOBAL_HOOK_DISPATCHER.unregister(before_call)


def _sound(case: Case[Any], location: ParameterLocation) -> bool:
    return case.meta is None or not case.meta.is_negative_at(location)


def _help(world: World, operation: str, case: Case[Any]) -> None:
    if _sound(case, ParameterLocation.HEADER):
        _set_headers(world, operation, case)
    if world.choice.random() < UNTOUCHED:
        return
    if _sound(case, ParameterLocation.QUERY):
        case.query.pop("cursor", None)  # nobody can make one up
        case.query.update(QUERIES[operation](world) if operation in QUERIES else {})
    if operation in PATHS and _sound(case, ParameterLocation.PATH):
        case.path_parameters.update(PATHS[operation](world))
    if operation in BODIES and isinstance(case.body, dict) and _sound(case, ParameterLocation.BODY):
        case.body = BODIES[operation](world, case.body)


def _set_headers(world: World, operation: str, case: Case[Any]) -> None:
    """A key that is new, the version that is current, and nobody's behalf, unless this call is about just that."""
    headers = {name: value for name, value in case.headers.items() if name.lower() not in ("if-match", "if-none-match", "last-event-id")}
    if world.choice.random() < 1 - UNTOUCHED / 4:
        headers = {name: value for name, value in headers.items() if name.lower() != "on-behalf-of"}
    if operation == "refunds_refund_withdraw":  # only the customer may
        headers["On-Behalf-Of"] = "c-1"
    if any(name.lower() == "idempotency-key" for name in headers):
        headers["Idempotency-Key"] = uuid.uuid4().hex
    if operation in VERSIONS:
        headers["If-Match"] = world.etag(VERSIONS[operation], world.settings_token)
    elif world.choice.random() < UNTOUCHED:
        headers.update({name: '"v1"' for name in case.headers if name.lower() in ("if-match", "if-none-match")})
    case.headers.clear()
    case.headers.update(headers)
