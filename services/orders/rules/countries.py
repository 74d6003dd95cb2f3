"""Which country a shop is at home in. Pure."""

from babel.core import get_global

_NOWHERE = ("ZZ", "001")


def home_country(country: str | None, time_zone: str) -> str | None:
    """The store's `country` (ISO 3166-1 alpha-2) if it is set, else the country of its IANA time zone; None for one such as UTC."""
    return country or country_of(time_zone)


def country_of(time_zone: str) -> str | None:
    """The country of an IANA time zone, also by a former name of it (Asia/Kolkata and Asia/Calcutta); None if it has none."""
    zone = get_global("zone_aliases").get(time_zone, time_zone)
    found = get_global("zone_territories").get(zone)
    return None if found in (None, *_NOWHERE) else str(found)
