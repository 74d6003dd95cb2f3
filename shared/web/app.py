"""Assembling a service's ASGI app: its routes, problems and documents, behind the front door."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from shared.web.call import calling
from shared.web.gate import Gate
from shared.web.observed import Observed
from shared.web.openapi import tidy_openapi
from shared.web.problems import PROBLEM_RESPONSES, add_problem_handlers
from shared.web.published import add_published
from shared.web.routes import Ways, ways_of
from shared.web.serving import Described, Serving


def create_app(running: Serving, *, with_api: bool) -> FastAPI:
    """The ASGI app of a service; a worker without the API role still serves health, metrics and its documents."""
    app = described(running.service, with_api=with_api)
    app.state.running = running
    add_problem_handlers(app, running.service.problems)
    running.add_operations(app)
    add_published(app, running.settings.public_url)
    app.add_middleware(Observed, service=running.service.name)
    return app


def described(service: Described, *, with_api: bool = True) -> FastAPI:
    """A service's routes and its OpenAPI document, without a process behind them."""
    app = FastAPI(
        title=service.title,
        version="1",
        description=service.description,
        openapi_url="/service/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would echo the Host header, and the OpenAPI document does not list it
        responses=PROBLEM_RESPONSES,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours follow an event into its consumers
        separate_input_output_schemas=False,
    )
    if with_api:
        app.include_router(service.router)
    tidy_openapi(app)
    return app


def front_of(running: Serving) -> ASGIApp:
    """The ASGI app that the server calls: the service's app behind its front door."""
    return Gate(running.app, running, ways_of(running.app, calling))


def nowhere(running: Serving) -> ASGIApp:
    """A front door with no routes: every call is answered with 404 `no_such_route`."""
    return Gate(running.app, running, Ways(()))
