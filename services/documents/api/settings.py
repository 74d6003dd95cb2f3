"""A store's document settings: read, save, logo, preview."""

from functools import partial
from typing import Annotated

from fastapi import Body, Query, Response

from services.documents import queries
from services.documents.api import answers
from services.documents.commands import letterhead, renderings
from services.documents.rendering.catalogues import catalogue
from services.documents.rendering.logo import MAX_SIDE_PIXELS, MAX_UPLOAD_BYTES, cleaned_logo
from services.documents.requests import DocumentSettingsInput, SampleKind
from services.documents.rules.sample import sample
from services.documents.rules.series import issuing_day
from services.documents.rules.settings import check_labels, letterhead_of
from services.documents.state import Language
from services.documents.views import DocumentSettingsVersionView, DocumentSettingsView, LogoLimitsView
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, Invalid, NotFound, PreconditionRequired, Refused, TooLarge, VersionConflict
from shared.data.db import Transaction
from shared.web.call import SHOP_ONLY, WITHOUT_KEY, Call, Router, problems
from shared.web.settings_history import serve_history
from shared.web.views import Page

router = Router()
serve_history(
    router,
    "/v1/documents-settings",
    "documents_settings",
    queries.settings_versions,
    page=Page[DocumentSettingsVersionView],
    view=DocumentSettingsVersionView.of,
)

MAX_LOGO_BODY_BYTES = 1_100_000  # a little more than the limit for a logo, so that the refusal `logo_too_large` can state that limit
SAVING = problems(Forbidden, VersionConflict, PreconditionRequired)


@router.get(
    "/v1/documents-settings", operation_id="documents_settings_read", response_model=DocumentSettingsView, responses=problems(Forbidden)
)
async def read(call: Call) -> Response:
    """The store's document settings; version 0 is the defaults."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        return call.show(DocumentSettingsView.of(await queries.office(tx, call.actor.store), now=call.now))


@router.put(
    "/v1/documents-settings",
    operation_id="documents_settings_save",
    response_model=DocumentSettingsView,
    responses={**SAVING, **problems(Refused, Invalid)},
)
async def save(request: DocumentSettingsInput, call: Call) -> Response:
    """Save the complete settings as a new version. Issued documents do not change.

    `issue` says who issues each kind, from the moment of saving or from a later day: what happened before is neither issued nor taken
    back. A document is issued by what was in force when the order was confirmed, the payment recorded, or the refund decided.
    """
    return await call.save("documents.save_settings", partial(DocumentSettingsView.of, now=call.now), letterhead.save_settings, request)


@router.put(
    "/v1/documents-settings/logo", operation_id="documents_logo_save", response_model=DocumentSettingsView,
    responses={**SAVING, **problems(Invalid, TooLarge)},
    max_body_size=MAX_LOGO_BODY_BYTES,
    openapi_extra=SHOP_ONLY,
)  # fmt: skip
async def save_logo(
    call: Call, image: Annotated[bytes, Body(media_type="image/png", description="A PNG or a JPEG, up to 1 MB.")]
) -> Response:
    """Set the logo: the body is the image itself. It is redrawn before it is stored, so that only the picture remains."""
    shop_only(call.actor).or_raise()
    version = call.if_match_required  # checked before the work of redrawing
    logo = await cleaned_logo(call.settings, image)

    async def work(tx: Transaction) -> DocumentSettingsView:
        return DocumentSettingsView.of(
            await letterhead.save_logo(tx, call.actor, logo, expected_version=version, now=call.now), now=call.now
        )

    return await call.once("documents.save_logo", work, idempotent="optional")


@router.delete("/v1/documents-settings/logo", operation_id="documents_logo_remove", response_model=DocumentSettingsView, responses=SAVING)
async def remove_logo(call: Call) -> Response:
    """Print without a logo from now on."""
    return await call.save("documents.remove_logo", partial(DocumentSettingsView.of, now=call.now), letterhead.save_logo, None)


@router.get(
    "/v1/documents-settings/logo", operation_id="documents_logo_read", response_class=Response,
    responses={**problems(Forbidden, NotFound), 200: {"description": "The logo.", "content": {"image/png": {}}}},
)  # fmt: skip
async def read_logo(call: Call) -> Response:
    """The logo as it is printed."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        office = await queries.office(tx, call.actor.store)
        png = await queries.logo(tx, call.actor.store, office.letterhead.logo_sha256)
    if png is None:
        raise NotFound(detail="The store has no logo.")
    return Response(png, media_type="image/png", headers=answers.FILE_HEADERS)


@router.get(
    "/v1/documents-settings/logo/limits",
    operation_id="documents_logo_limits_read",
    response_model=LogoLimitsView,
    responses=problems(Forbidden),
)
async def logo_limits(call: Call) -> Response:
    """The limits for a logo, so that a form can show them before anything is uploaded."""
    shop_only(call.actor, to_read=True).or_raise()
    limits = LogoLimitsView(media_types=["image/png", "image/jpeg"], max_bytes=MAX_UPLOAD_BYTES, max_side_pixels=MAX_SIDE_PIXELS)
    return call.show(limits)


@router.post(
    "/v1/documents-settings/preview", operation_id="documents_settings_preview", response_class=Response,
    responses={**problems(Forbidden, Invalid), **answers.PDF_RESPONSES}, openapi_extra=WITHOUT_KEY,
)  # fmt: skip
async def preview(
    request: DocumentSettingsInput,
    call: Call,
    kind: Annotated[SampleKind, Query()] = "invoice",
    language: Annotated[Language, Query(description="Used where the settings say `auto`.")] = "en",
) -> Response:
    """A sample document with these settings and the store's logo; nothing is saved."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        office = await queries.office(tx, call.actor.store)
    check_labels(request.labels, catalogue("en").label)
    tried = letterhead_of(request, logo_sha256=office.letterhead.logo_sha256)
    chosen: Language = language if tried.language == "auto" else tried.language
    contents = sample(kind, chosen, tried, issuing_day(call.now, office.time_zone))
    made = await renderings.picture(call.db, call.settings, call.actor.store, contents)
    return answers.pdf(made, f"sample_{kind}", kept=False)
