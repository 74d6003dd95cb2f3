"""Which failures the client repeats, after which pause, and what it makes of an answer that is a problem."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kit.client import problems
from kit.client.problems import (
    Busy,
    ClientError,
    Failed,
    NoAnswer,
    NotFound,
    Problem,
    Refused,
    TooMany,
    Unavailable,
    problem_of,
    seconds_until,
)
from kit.client.retrying import Patience, pause_before_repeat
from shared.contracts import errors

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
PATIENCE = Patience(60.0, 5.0)
UNSENT, LOST = NoAnswer("refused", sent=False), NoAnswer("broke off", sent=True)
PAST = 61.0


def pause(failure: ClientError, *, repeatable: bool = True, attempt: int = 0, elapsed: float = 0.0, spread: float = 0.5) -> float | None:
    return pause_before_repeat(failure, PATIENCE, repeatable=repeatable, attempt=attempt, elapsed=elapsed, spread=spread)


@pytest.mark.parametrize(
    ("failure", "keyed", "without_key"),
    [
        (UNSENT, 0.05, 0.05),
        (LOST, 0.05, None),
        (TooMany(429, {}, 2.0), 2.05, 2.05),
        (Busy(409, {}, 1.0), 1.05, 1.05),
        (Busy(409, {}), 0.05, 0.05),
        (Unavailable(503, {}), 0.05, None),
        (Unavailable(502, {}, 3.0), 3.05, None),
        (Refused(409, {}, 1.0), 1.05, 1.05),
        (NotFound(404, {}, 1.0), 1.05, 1.05),
        (Refused(409, {}), None, None),
        (NotFound(404, {}), None, None),
        (Failed(500, {}), None, None),
        (problems.Invalid(422, {}, 1.0), None, None),
    ],
)
def test_what_is_repeated(failure: ClientError, keyed: float | None, without_key: float | None) -> None:
    assert (pause(failure), pause(failure, repeatable=False)) == (keyed, without_key)
    assert pause(failure, elapsed=PAST) is None


def test_the_pause_doubles_up_to_a_limit_and_is_spread() -> None:
    assert [pause(LOST, attempt=attempt, spread=1.0) for attempt in (0, 1, 2, 5, 6, 2_000 // 2)] == [0.1, 0.2, 0.4, 3.2, 5.0, 5.0]
    assert [pause(LOST, attempt=3, spread=spread) for spread in (0.0, 0.25, 1.0)] == [0.0, 0.2, 0.8]


def test_no_repeat_begins_after_the_deadline() -> None:
    assert pause(TooMany(429, {}, 30.0), elapsed=20.0) == 30.05
    assert pause(TooMany(429, {}, 30.0), elapsed=29.99) is None
    assert pause(Refused(409, {}, 1.0), elapsed=3.9) == 1.05
    assert pause(Refused(409, {}, 1.0), elapsed=4.0) is None
    assert pause_before_repeat(UNSENT, Patience(0.0, 0.0), repeatable=True, attempt=0, elapsed=0.0, spread=0.0) is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 0 ", 0.0),
        ("Sat, 31 Jan 2026 09:30:20 GMT", 20.0),
        ("Sat, 31 Jan 2026 09:29:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after(said: str | None, seconds: float | None) -> None:
    assert seconds_until(said, now=NOW) == seconds


def kinds(kind: type[errors.Failure]) -> list[type[errors.Failure]]:
    return [kind, *(one for below in kind.__subclasses__() if below.__module__ == errors.__name__ for one in kinds(below))]


def test_every_failure_of_the_published_language_has_its_exception() -> None:
    """Of the same name, or that of the kind whose status it shares."""
    wider = {"Failure": "Failed", "UnreadableRow": "Failed", "Transient": "Unavailable", "StoreBusy": "TooMany"}
    found = {one.__name__: type(problem_of(one.status, b'{"code":"%s"}' % one.default_code.encode(), None, now=NOW)).__name__
             for one in kinds(errors.Failure)}  # fmt: skip
    assert found == {name: wider.get(name, name) for name in found}
    assert len(found) == 15


def test_a_problem_has_what_the_server_said() -> None:
    said = (
        b'{"type":"/problems/invalid","title":"Invalid input","status":422,"code":"invalid","detail":"/to: wrong","instance":"/v1/orders",'
        b'"trace_id":"4bf9","errors":[{"pointer":"/to","code":"literal_error","message":"Input should be ..."}],"wrong":3}'
    )
    problem = problem_of(422, said, "7", now=NOW)
    assert (problem.status, problem.code, problem.title, problem.detail) == (422, "invalid", "Invalid input", "/to: wrong")
    assert problem.errors == (errors.FieldError("/to", "literal_error", "Input should be ..."),)
    assert (problem.trace_id, problem.retry_after, problem.facts) == ("4bf9", 7.0, {"wrong": 3})
    assert str(problem) == "invalid: /to: wrong"


@pytest.mark.parametrize("content", [b"", b"<html>Bad gateway</html>", b"[1]", b'"text"', b'{"errors":[7]}'])
def test_an_answer_that_something_else_wrote_is_a_problem_too(content: bytes) -> None:
    problem: Any = problem_of(502, content, None, now=NOW)
    assert (type(problem), problem.code, str(problem)) == (Unavailable, "http_502", "http_502")
    assert isinstance(problem, Problem)
