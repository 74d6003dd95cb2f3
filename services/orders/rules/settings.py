"""The rules for a store's settings."""

from zoneinfo import available_timezones

from shared.contracts.errors import FieldError, Invalid


def known_time_zone(name: str) -> str:
    """`name`, if it is a time zone of the IANA database. Raises Invalid `unknown_time_zone`."""
    if name not in available_timezones():
        message = "A time zone is an IANA name such as Asia/Dhaka."
        raise Invalid("unknown_time_zone", message, errors=(FieldError("/time_zone", "unknown_time_zone", message),))
    return name
