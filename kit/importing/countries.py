"""Stand-in addresses: the file names a country and no address, so each order gets one that its country accepts."""

from kit.client.requests.orders import AddressInput

UNKNOWN_STREET = "Street not in the file"
NO_SUCH_COUNTRY = ("Unspecified", "European Community")

# name in the file: (ISO 3166-1 alpha-2, city, postal code, area); parts that a country's addresses do not have are empty
PLACES: dict[str, tuple[str, str, str, str]] = {
    "Australia": ("AU", "Canberra", "2601", "ACT"),
    "Austria": ("AT", "Wien", "1010", ""),
    "Bahrain": ("BH", "Manama", "", ""),
    "Belgium": ("BE", "Bruxelles", "1000", ""),
    "Brazil": ("BR", "São Paulo", "01310-100", "SP"),
    "Canada": ("CA", "Ottawa", "K1A 0A9", "ON"),
    "Channel Islands": ("JE", "St Helier", "JE1 1AA", ""),
    "Cyprus": ("CY", "Nicosia", "", ""),
    "Czech Republic": ("CZ", "Praha", "100 00", ""),
    "Denmark": ("DK", "København", "1050", ""),
    "EIRE": ("IE", "Dublin", "", ""),
    "Finland": ("FI", "Helsinki", "00100", ""),
    "France": ("FR", "Paris", "75001", ""),
    "Germany": ("DE", "Berlin", "10115", ""),
    "Greece": ("GR", "Athina", "105 57", ""),
    "Hong Kong": ("HK", "Central", "", "Hong Kong Island"),
    "Iceland": ("IS", "Reykjavík", "101", ""),
    "Israel": ("IL", "Jerusalem", "", ""),
    "Italy": ("IT", "Roma", "00144", "RM"),
    "Japan": ("JP", "Chiyoda", "100-0001", "Tokyo"),
    "Lebanon": ("LB", "Beirut", "", ""),
    "Lithuania": ("LT", "Vilnius", "01103", ""),
    "Malta": ("MT", "Valletta", "VLT 1117", ""),
    "Netherlands": ("NL", "Amsterdam", "1012 AB", ""),
    "Norway": ("NO", "Oslo", "0150", ""),
    "Poland": ("PL", "Warszawa", "00-001", ""),
    "Portugal": ("PT", "Lisboa", "1100-148", ""),
    "RSA": ("ZA", "Cape Town", "8001", ""),
    "Saudi Arabia": ("SA", "Riyadh", "", ""),
    "Singapore": ("SG", "Singapore", "018956", ""),
    "Spain": ("ES", "Madrid", "28001", "M"),
    "Sweden": ("SE", "Stockholm", "111 29", ""),
    "Switzerland": ("CH", "Bern", "3011", ""),
    "United Arab Emirates": ("AE", "Dubai", "", "Dubai"),
    "United Kingdom": ("GB", "London", "EC1A 1BB", ""),
    "USA": ("US", "Washington", "20001", "DC"),
}
SHOP = "United Kingdom"


def stand_in_address(country: str) -> AddressInput:
    """An address in the file's `country`, or in the shop's own, the United Kingdom, if that is not a country or is not in the table."""
    code, city, postal_code, area = PLACES.get(country, PLACES[SHOP])
    address: AddressInput = {"country_code": code, "street_address": UNKNOWN_STREET, "city": city}
    if postal_code:
        address["postal_code"] = postal_code
    if area:
        address["country_area"] = area
    return address
