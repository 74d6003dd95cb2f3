"""The rules for a store's settings."""

from zoneinfo import available_timezones

from shared.contracts.errors import Invalid


def known_time_zone(name: str) -> str:
    """`name`, if it is a time zone of the IANA database. Raises Invalid `unknown_time_zone`."""
    if name not in available_timezones():
        raise Invalid("unknown_time_zone", "A time zone is an IANA name such as Asia/Dhaka.", at="/time_zone")
    return name
