"""Links of well-known carriers: a number is enough, however the carrier's name is written."""

import pytest

from services.orders.rules.carriers import followed
from shared.contracts.events import Tracking

PATHAO = "https://merchant.pathao.com/tracking?consignment_id=DD1"


@pytest.mark.parametrize(
    ("carrier", "number", "url"),
    [
        ("Pathao", "DD1", PATHAO),
        (" pathao  COURIER ", "DD1", PATHAO),
        ("Royal-Mail", "AB1GB", "https://www.royalmail.com/track-your-item#/tracking-results/AB1GB"),
        ("J & T express", "6", "https://www.jtexpress.my/tracking/6"),
        ("osterreichische POST", "1", "https://www.post.at/sv/sendungsdetails?snr=1"),
        ("佐川急便", "4", "https://k2k.sagawa-exp.co.jp/p/web/okurijosearch.do?okurijoNo=4"),
        ("u.p.s.", "1Z 9/9?&#", "https://www.ups.com/track?tracknum=1Z%209%2F9%3F%26%23"),
        ("Uncle Karim", "DD1", None),
        ("...", "DD1", None),
    ],
)
def test_a_number_is_enough_for_a_link(carrier: str, number: str, url: str | None) -> None:
    assert followed(Tracking(carrier=carrier, number=number)) == Tracking(carrier=carrier, number=number, url=url)


def test_a_given_link_wins() -> None:
    own = Tracking(carrier="Pathao", number="DD1", url="https://shop.example/t/DD1")
    assert followed(own) == own


COMMON = """Pathao,RedX,Steadfast,Sundarban,Paperfly,eCourier,DHL,UPS,FedEx,USPS,Royal Mail,DPD,GLS,Evri,Correos,La Poste,Colissimo,
Deutsche Post,PostNL,bpost,PostNord,InPost,Canada Post,Australia Post,Japan Post,Yamato,Sagawa,India Post,Delhivery,Blue Dart,DTDC,
Ekart,Xpressbees,Aramex,J&T,Ninja Van,SF Express,YunExpress"""


@pytest.mark.parametrize("carrier", [name.strip() for name in COMMON.split(",")])
def test_common_carriers_are_known(carrier: str) -> None:
    url = followed(Tracking(carrier=carrier, number="N-42")).url
    assert url is not None
    assert url.startswith("https://")
    assert url.count("N-42") == 1
