"""Failures as RFC 9457 problems: a stable code, what would be accepted, never the input itself."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from shared.contracts.actor import WHO
from shared.contracts.errors import Failure, FieldError, Invalid, NotFound, Transient, UnreadableRow
from shared.data.idempotency import Overtaken
from shared.data.set_aside import Unusable, set_aside
from shared.data.traces import current_trace_id
from shared.web.published import published

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
MAX_FIELD_ERRORS = 20
MAX_ERRORS_BUILT = 500
"""Above this number invalid fields are counted and not listed: pydantic builds a dict for each, and a body may have 250,000."""
HTTP_CODES = {400: "invalid_json", 404: "no_such_route", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}

KERNEL_PROBLEMS = {
    "invalid": "A field is not valid; `errors` lists which ones and what would be accepted.",
    "invalid_json": "The body is not JSON.",
    "nul_character": "Text may not contain the character U+0000.",
    "in_the_future": "It cannot have happened later than now.",
    "before_placing": "It cannot have happened before the order was placed.",
    "not_a_quarter_hour": "Figures are sums of quarters of an hour, so they begin and end on one.",
    "bad_span": "Figures end after they begin: at most 32 days later by the hour, 367 by the day.",
    "bad_etag": 'If-Match must be one ETag from this API, such as "v7".',
    "bad_cursor": "The cursor is not from this list: take it from next_cursor or previous_cursor.",
    "idempotency_key_missing": "Every POST needs an Idempotency-Key header with a unique value for each new operation.",
    "idempotency_key_invalid": "An Idempotency-Key has 1 to 255 characters.",
    "idempotency_key_reused": "This Idempotency-Key was used for another request.",
    "in_progress": "A call with this Idempotency-Key is still running: retry in a moment.",
    "unauthenticated": "Send Authorization: Bearer <token>.",
    "not_a_jwt": "The bearer token is not a JWT.",
    "unknown_issuer": "No key of this token's issuer is trusted here.",
    "bad_signature": "The token's signature does not verify with its issuer's key.",
    "missing_claim": "The token lacks a claim; exp, iat, aud, sub, store and role are needed.",
    "bad_claim": "sub and store have 1 to 128 characters, times are seconds since 1970, a guest's sub is an order's id.",
    "unknown_scope": "The token's scope must be a text of the words read and write, or absent.",
    "token_lives_too_long": "The token is valid for longer, from iat to exp, than the settings allow for its role.",
    "keys_unavailable": "The service currently has no keys to verify tokens with; retry in a moment.",
    "wrong_audience": "The token's aud must be aftersale.",
    "token_expired": "The token has expired.",
    "token_not_yet_valid": "The token was issued in the future.",
    "token_too_long": "A token has at most 4,096 characters.",
    "link_revoked": "This guest's link was revoked, or the order's customer was erased.",
    "role_not_issued": "The issuer's key may not issue tokens for this role.",
    "store_not_issued": "The issuer's key may not issue tokens for this store.",
    "forbidden": "This caller may never do this.",
    **WHO,
    "on_behalf_of_platform_only": "Only a platform may act on behalf of its customer.",
    "not_found": "It does not exist, or it belongs to another caller.",
    "no_such_route": "There is no such address.",
    "method_not_allowed": "This address does not take this method.",
    "unsupported_media_type": "Send application/json.",
    "invalid_form": "The body is not a form of the kind that its Content-Type names.",
    "too_large": "The body is over the limit of its route.",
    "too_many_values": "The body has more lists, objects or fields than any call of its size needs.",
    "body_timeout": "The body did not arrive in time: send it without pauses.",
    "head_too_large": "The request's head is over the limit: send fewer and shorter headers.",
    "address_too_long": "The request's address is over the limit: send fewer and shorter parameters.",
    "malformed_request": "What was sent is not an HTTP/1.1 request.",
    "rate_limited": "Too many calls by this token or store in a short time: wait as long as Retry-After says.",
    "too_many_calls": "Too many calls by this token or store are in progress: wait for answers before you send more.",
    "too_many_streams": "Too many streams are open for this token: close one first.",
    "version_conflict": "It has changed since you read it: read it again, then retry.",
    "if_match_required": "Send If-Match with the ETag that you read.",
    "event_too_large": "The change would create an event of more than 4.3 MB.",
    "try_again": "The database asked for a retry; nothing was changed.",
    "unavailable": "The service cannot reach its database; retry in a moment with the same Idempotency-Key.",
    "heic_not_taken": "HEIC pictures are not accepted: choose JPEG in the camera's settings, or save the picture as JPEG.",
    "store_busy": "This store already uses its fair share of the service and has more calls waiting: retry after Retry-After seconds.",
    "unreadable_row": "The stored row cannot be read; the operator sees it in `aftersale parked list` and in readiness.",
    "internal_error": "Something went wrong in the service: retry with the same Idempotency-Key, and give the operator the trace_id.",
}


class ChoiceView(BaseModel):
    """A value that would be accepted: its name or its code."""

    name: str
    code: str | None = None


class FieldProblem(BaseModel):
    """One invalid field; `choices` lists what would be accepted, at most the first 100, where only some names are."""

    pointer: str
    code: str
    message: str
    choices: list[ChoiceView] | None = None


class Problem(BaseModel):
    """An RFC 9457 problem with a stable `code`; facts of a refusal are further members."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    instance: str = ""
    trace_id: str | None = None
    errors: list[FieldProblem] | None = None


def problem_response(title: str) -> dict[str, Any]:
    """One entry for OpenAPI `responses`."""
    return {"description": title, "model": Problem, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: problem_response("Bad request"),
    401: problem_response("Not authenticated"),
    403: problem_response("Not allowed"),
    413: problem_response("Too large"),
    422: problem_response("Invalid input"),
    429: problem_response("Too many requests"),
    500: problem_response("Internal error"),
    503: problem_response("Temporarily unavailable"),
}


def add_problem_handlers(app: FastAPI, own: Mapping[str, str]) -> None:
    """Answer every failure as a problem, and explain every code at /problems/{code}."""
    known = {**KERNEL_PROBLEMS, **own, **published("problems.json")}  # those of all services, so that each gives the same answer

    async def on_failure(request: Request, error: Exception) -> Response:
        assert isinstance(error, Failure)
        if isinstance(error, UnreadableRow):
            row = Unusable(error.store_id, error.row_key, "unreadable", error.why)
            await set_aside(request.app.state.running.database, error.place, [row])
        return _problem(request, error)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _problem(request, invalid(error.errors()))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        form = request.headers.get("content-type", "").startswith("multipart/")
        code = "invalid_form" if form and error.status_code == 400 else HTTP_CODES.get(error.status_code, "http_error")
        return _problem(request, plain(code, error.status_code, str(error.detail)), headers=error.headers)

    async def on_overtaken(request: Request, error: Exception) -> Response:
        return _problem(request, Transient(detail="Too many identical calls were made at once.", retry_after_seconds=1))

    async def on_disconnect(request: Request, error: Exception) -> Response:
        return _problem(request, plain("body_timeout", 408))  # the client will not read it: it is for the log and the metrics

    async def on_bug(request: Request, error: Exception) -> Response:
        log.error("bug", error=repr(error), exc_info=error)
        return _problem(request, Failure(detail=KERNEL_PROBLEMS["internal_error"]))

    app.add_exception_handler(Failure, on_failure)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(StarletteHTTPException, on_http)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Overtaken, on_overtaken)
    app.add_exception_handler(ClientDisconnect, on_disconnect)
    app.add_exception_handler(Exception, on_bug)

    @app.get("/problems/{code}", include_in_schema=False)
    async def explain(code: str) -> dict[str, str]:
        if code not in known:
            raise NotFound(detail="No problem has this code.")
        return {"code": code, "explanation": known[code]}


def members(failure: Failure) -> dict[str, Any]:
    """A failure as a problem, without what follows from the call: its type, instance and trace id."""
    named = ("title", "status", "code", "detail")
    wrong = {"errors": [error.members() for error in failure.errors]} if isinstance(failure, Invalid) and failure.errors else {}
    return failure.facts | {name: getattr(failure, name) for name in named} | wrong


def rendered(failure: Failure, path: str, trace_id: str | None, public_url: str) -> tuple[dict[str, str], bytes]:
    """The headers and the body of the response to a failure; its links begin with `public_url`."""
    body = {"type": f"{public_url}/problems/{failure.code}"} | members(failure)
    body |= {"instance": path and f"{public_url}{path}", "trace_id": trace_id}
    headers = {"Content-Type": MEDIA_TYPE, **failure.headers}
    if failure.retry_after_seconds is not None:
        headers["Retry-After"] = str(failure.retry_after_seconds)
    if failure.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return headers, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _problem(request: Request, failure: Failure, *, headers: Mapping[str, str] | None = None) -> Response:
    public_url = request.app.state.running.settings.public_url
    ours, body = rendered(failure, request.url.path, current_trace_id(), public_url)
    return Response(body, status_code=failure.status, headers={**(headers or {}), **ours})


def plain(code: str, status: int, detail: str = "") -> Failure:
    """A failure of HTTP itself, which has no class."""
    kind = type("Plain", (Failure,), {"status": status, "title": HTTPStatus(status).phrase})
    made = kind(code, detail or KERNEL_PROBLEMS.get(code, ""))
    assert isinstance(made, Failure)
    return made


def invalid_value(error: ValidationError) -> Invalid:
    """Pydantic's errors: listed if they are few enough to read, otherwise only counted."""
    count = error.error_count()
    if count > MAX_ERRORS_BUILT:
        return Invalid("invalid", f"{count} fields are wrong, unknown or missing: too many to list.", wrong=count)
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return invalid({**item, "loc": ("body", *item["loc"])} for item in found)


def invalid(found: Iterable[Mapping[str, Any]]) -> Invalid:
    """These errors, in the form that pydantic and FastAPI give them; at most 20 are listed."""
    listed = list(found)
    if any(item["type"] == "json_invalid" for item in listed):
        return _BadJson("invalid_json", "The body is not JSON.")
    fields = tuple(FieldError(_pointer(item["loc"]), item["type"], message_of(item)) for item in listed[:MAX_FIELD_ERRORS])
    first = fields[0]
    return Invalid("invalid", f"{first.pointer}: {first.message}", errors=fields)


def message_of(item: Mapping[str, Any]) -> str:
    """The sentence of one of pydantic's errors, without the "Value error, " before a sentence of ours, and without names of our classes."""
    if item["type"] in ("model_type", "dict_type"):
        return "Input should be an object"
    message = str(item["msg"]).removeprefix("Value error, ")
    return message[:1].upper() + message[1:]


class BadKey(Invalid):
    """The Idempotency-Key header is missing or malformed: 400, as in the IETF draft."""

    status = 400
    title = "Idempotency-Key"


class _BadJson(Invalid):
    """The body is not JSON."""

    status, title = 400, "Bad request"


def _pointer(location: tuple[Any, ...]) -> str:
    """JSON pointer into the body, `?name` for a query parameter, `header:name`, `path:name`."""
    where, *rest = location
    if where == "body":
        return "".join(f"/{part}" for part in rest) or "/"
    prefix = "?" if where == "query" else f"{where}:"
    return prefix + ".".join(map(str, rest))
