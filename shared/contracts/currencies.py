"""The currencies that amounts may be in, with their minor units: those of today, and those that were withdrawn since 1990.

Both tables are our own, so that no update of a library can make a stored amount unreadable. Add to them; never remove or change a row:
a currency that is withdrawn keeps its digits and gets a day in WITHDRAWN.
"""

from datetime import date

_DIGITS = {
    0: """ADP BEF BIF BYB BYR CLP DJF ESP GNF GRD ISK ITL JPY KMF KRW LUF MGF PTE PYG RWF TPE TRL UGX UYI VND VUV XAF XOF XPF""",
    2: """AED AFA AFN ALL AMD ANG AOA AON AOR ARS ATS AUD AWG AZM AZN BAM BBD BDT BGL BGN BMD BND BOB BOV BRL BRR BSD BTN BWP BYN
        BZD CAD CDF CHE CHF CHW CNY COP COU CRC CSD CUC CUP CVE CYP CZK DEM DKK DOP DZD ECS EEK EGP ERN ETB EUR FIM FJD FKP FRF GBP
        GEL GHC GHS GIP GMD GTQ GWP GYD HKD HNL HRK HTG HUF IDR IEP ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL LTL
        LVL MAD MDL MGA MKD MMK MNT MOP MRO MRU MTL MUR MVR MWK MXN MXV MYR MZM MZN NAD NGN NIO NLG NOK NPR NZD PAB PEN PGK PHP PKR
        PLN PLZ QAR ROL RON RSD RUB RUR SAR SBD SCR SDD SDG SDP SEK SGD SHP SIT SKK SLE SLL SOS SRD SRG SSP STD STN SVC SYP SZL THB
        TJR TJS TMM TMT TOP TRY TTD TWD TZS UAH UAK USD USN USS UYU UZS VEB VED VEF VES WST XAD XCD XCG XEU YER YUM ZAR ZMK ZMW ZRN
        ZWD ZWG ZWL ZWN ZWR""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

MINOR_UNITS = {code: digits for digits, codes in _DIGITS.items() for code in codes.split()}
"""Decimal digits of each currency, as in ISO 4217."""

_EURO_COINS = date(2002, 3, 1)

WITHDRAWN = {
    **dict.fromkeys(("ADP", "ATS", "BEF", "DEM", "ESP", "FIM", "FRF", "GRD", "IEP", "ITL", "LUF", "NLG", "PTE"), _EURO_COINS),
    **{
        code: date.fromisoformat(day)
        for code, day in (
            ("AFA", "2003-01-01"), ("ANG", "2025-07-01"), ("AON", "2000-02-01"), ("AOR", "2000-02-01"), ("AZM", "2007-01-01"),
            ("BGL", "2000-01-01"), ("BGN", "2026-02-01"), ("BRR", "1994-07-01"), ("BYB", "2001-01-01"), ("BYR", "2017-01-01"),
            ("CSD", "2006-10-26"), ("CUC", "2021-07-01"), ("CYP", "2008-02-01"), ("ECS", "2000-10-01"), ("EEK", "2011-01-15"),
            ("GHC", "2008-01-01"), ("GWP", "1997-08-01"), ("HRK", "2023-01-15"), ("LTL", "2015-01-16"), ("LVL", "2014-01-15"),
            ("MGF", "2005-01-01"), ("MRO", "2018-07-01"), ("MTL", "2008-02-01"), ("MZM", "2007-01-01"), ("PLZ", "1997-01-01"),
            ("ROL", "2007-01-01"), ("RUR", "1999-01-01"), ("SDD", "2007-07-01"), ("SDP", "1998-07-01"), ("SIT", "2007-01-15"),
            ("SKK", "2009-01-17"), ("SLL", "2024-01-01"), ("SRG", "2004-01-01"), ("STD", "2018-07-01"), ("TJR", "2001-04-01"),
            ("TMM", "2010-01-01"), ("TPE", "2002-05-20"), ("TRL", "2006-01-01"), ("UAK", "1996-09-17"), ("USS", "2014-03-28"),
            ("VEB", "2008-07-01"), ("VEF", "2018-08-21"), ("XEU", "1999-01-01"), ("YUM", "2003-07-01"), ("ZMK", "2013-07-01"),
            ("ZRN", "1998-07-31"), ("ZWD", "2008-08-01"), ("ZWL", "2024-09-01"), ("ZWN", "2008-08-01"), ("ZWR", "2009-06-01"),
        )
    },
}  # fmt: skip
"""The first day on which a currency was no longer legal tender anywhere. Its amounts can be read for ever."""
