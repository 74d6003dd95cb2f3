"""Where a parcel of a well-known carrier can be followed, so that its number is enough for a link. Pure.

A carrier is known by any of its names, without regard to case, accents, spaces and punctuation. Any other name is kept as it is written
and has no link unless the caller gives one.
"""

import re
import unicodedata
from urllib.parse import quote

from shared.contracts.events import Tracking

_INDIA_POST = "https://www.indiapost.gov.in/_layouts/15/DOP.Portal.Tracking/TrackConsignment.aspx?consignment={}"

_LINKS = {
    ("Pathao", "Pathao Courier"): "https://merchant.pathao.com/tracking?consignment_id={}",
    ("RedX",): "https://redx.com.bd/track-parcel/?trackingId={}",
    ("Steadfast", "Steadfast Courier", "SteadFast BD"): "https://steadfast.com.bd/t/{}",
    ("Sundarban", "Sundarban Courier", "Sundarban Courier Service", "SCS"): "https://tracking.sundarbancourierltd.com/Home/Tracking?no={}",
    ("Paperfly",): "https://go.paperfly.com.bd/track/order/{}",
    ("eCourier",): "https://ecourier.com.bd/track/?parcel={}",
    ("DHL", "DHL Express", "DHL eCommerce"): "https://www.dhl.com/global-en/home/tracking.html?tracking-id={}",
    ("Deutsche Post", "DHL Paket", "DHL Germany"): "https://www.dhl.de/de/privatkunden/pakete-empfangen/verfolgen.html?piececode={}",
    ("UPS", "United Parcel Service"): "https://www.ups.com/track?tracknum={}",
    ("FedEx", "Federal Express", "FedEx Express", "FedEx Ground"): "https://www.fedex.com/fedextrack/?trknbr={}",
    ("TNT",): "https://www.tnt.com/express/en_gc/site/shipping-tools/tracking.html?searchType=con&cons={}",
    ("USPS", "United States Postal Service", "US Postal Service"): "https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
    ("OnTrac",): "https://www.ontrac.com/tracking/?number={}",
    ("Royal Mail",): "https://www.royalmail.com/track-your-item#/tracking-results/{}",
    ("Parcelforce", "Parcelforce Worldwide"): "https://www.parcelforce.com/track-trace?trackNumber={}",
    ("DPD",): "https://tracking.dpd.de/status/en_US/parcel/{}",
    ("DPD UK",): "https://track.dpd.co.uk/search?reference={}",
    ("GLS",): "https://gls-group.com/EU/en/parcel-tracking?match={}",
    ("Evri", "Hermes UK", "myHermes"): "https://www.evri.com/track/parcel/{}",
    ("Hermes", "Hermes Germany"): "https://www.myhermes.de/empfangen/sendungsverfolgung/sendungsinformation/#{}",
    ("Yodel",): "https://www.yodel.co.uk/tracking/{}",
    ("Correos", "Correos Spain"): "https://www.correos.es/es/es/herramientas/localizador/envios/detalle?tracking-number={}",
    ("Correos Express",): "https://s.correosexpress.com/c?n={}",
    ("SEUR",): "https://www.seur.com/livetracking/?segOnlineIdentificador={}",
    ("MRW",): "https://www.mrw.es/seguimiento_envios/MRW_resultados_consultas.asp?modo=nacional&envio={}",
    ("La Poste", "Colissimo", "La Poste Colissimo"): "https://www.laposte.fr/outils/suivre-vos-envois?code={}",
    ("Chronopost",): "https://www.chronopost.fr/tracking-no-cms/suivi-page?listeNumerosLT={}",
    ("Mondial Relay",): "https://www.mondialrelay.fr/suivi-de-colis?numeroExpedition={}",
    ("PostNL",): "https://jouw.postnl.nl/track-and-trace/{}",
    ("bpost",): "https://track.bpost.cloud/btr/web/#/search?itemCode={}&lang=en",
    ("PostNord",): "https://tracking.postnord.com/en/tracking?id={}",
    ("Posten", "Bring", "Posten Bring"): "https://tracking.bring.com/tracking/{}",
    ("Posti", "Posti Finland"): "https://www.posti.fi/en/tracking#/lahetys/{}",
    ("InPost", "InPost Paczkomaty"): "https://inpost.pl/sledzenie-przesylek?number={}",
    ("Poczta Polska",): "https://emonitoring.poczta-polska.pl/?numer={}",
    ("Österreichische Post", "Austrian Post"): "https://www.post.at/sv/sendungsdetails?snr={}",
    ("Swiss Post", "Die Schweizerische Post", "Die Post", "La Poste Suisse"): "https://service.post.ch/ekp-web/ui/entry/search/{}",
    ("Poste Italiane",): "https://www.poste.it/cerca/index.html#/risultati-spedizioni/{}",
    ("BRT", "Bartolini"): "https://vas.brt.it/vas/sped_det_show.hsm?referer=sped_numspe_par.htm&Nspediz={}",
    ("CTT", "CTT Correios"): "https://www.ctt.pt/feapl_2/app/open/objectSearch/objectSearch.jspx?objects={}",
    ("An Post",): "https://www.anpost.com/Post-Parcels/Track/History?item={}",
    ("Packeta", "Zásilkovna"): "https://tracking.packeta.com/en/?id={}",
    ("Nova Poshta", "Nova Post"): "https://novaposhta.ua/tracking/?cargo_number={}",
    ("Canada Post", "Postes Canada"): "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={}",
    ("Purolator",): "https://www.purolator.com/en/shipping/tracker?pin={}",
    ("Correios", "Correios Brasil"): "https://rastreamento.correios.com.br/app/index.php?objetos={}",
    ("Estafeta",): "https://www.estafeta.com/Herramientas/Rastreo?wayBill={}",
    ("Australia Post", "AusPost", "eParcel"): "https://auspost.com.au/mypost/track/details/{}",
    ("StarTrack",): "https://startrack.com.au/track/details/{}",
    ("NZ Post", "New Zealand Post"): "https://www.nzpost.co.nz/tools/tracking?trackid={}",
    ("Japan Post", "JP Post", "日本郵便"): "https://trackings.post.japanpost.jp/services/srv/search/direct?reqCodeNo1={}&locale=en",
    ("Yamato", "Yamato Transport", "Kuroneko Yamato", "ヤマト運輸"): "https://toi.kuronekoyamato.co.jp/cgi-bin/tneko?number01={}",
    ("Sagawa", "Sagawa Express", "佐川急便"): "https://k2k.sagawa-exp.co.jp/p/web/okurijosearch.do?okurijoNo={}",
    ("Korea Post",): "https://service.epost.go.kr/trace.RetrieveEmsRigiTraceList.comm?POST_CODE={}",
    ("CJ Logistics", "CJ Korea Express", "CJ대한통운"): "https://trace.cjlogistics.com/next/tracking.html?wblNo={}",
    ("India Post", "Speed Post", "India Speed Post"): _INDIA_POST,
    ("Delhivery",): "https://www.delhivery.com/track-v2/package/{}",
    ("Blue Dart",): "https://www.bluedart.com/trackdartresultthirdparty?trackFor=0&trackNo={}",
    ("DTDC",): "https://www.dtdc.in/trace.asp?strCnno={}",
    ("Ekart", "Ekart Logistics"): "https://ekartlogistics.com/shipmenttrack/{}",
    ("Xpressbees",): "https://www.xpressbees.com/shipment/tracking?awbNo={}",
    ("Ecom Express",): "https://ecomexpress.in/tracking/?awb_field={}",
    ("Shadowfax",): "https://tracker.shadowfax.in/#/track/{}",
    ("TCS", "TCS Pakistan"): "https://www.tcsexpress.com/track/{}",
    ("Leopards", "Leopards Courier"): "https://www.leopardscourier.com/tracking?cn={}",
    ("Aramex",): "https://www.aramex.com/track/results?ShipmentNumber={}",
    ("J&T", "J&T Express", "JNT", "JNT Express"): "https://www.jtexpress.my/tracking/{}",
    ("Ninja Van",): "https://www.ninjavan.co/en-sg/tracking?id={}",
    ("Pos Malaysia", "Poslaju"): "https://tracking.pos.com.my/tracking/{}",
    ("SingPost", "Singapore Post"): "https://www.singpost.com/track-items?number={}",
    ("JNE",): "https://www.jne.co.id/tracking-package?awb={}",
    ("LBC", "LBC Express"): "https://www.lbcexpress.com/track/?tracking_no={}",
    ("Thailand Post",): "https://track.thailandpost.co.th/?trackNumber={}",
    ("Kerry", "Kerry Express", "KEX"): "https://th.kex-express.com/en/track/?track={}",
    ("Flash", "Flash Express"): "https://www.flashexpress.com/fle/tracking?se={}",
    ("SF Express", "SF", "Shunfeng", "顺丰", "顺丰速运"): "https://www.sf-express.com/chn/en/waybill/list?waybillNo={}",
    ("YunExpress",): "https://www.yuntrack.com/parcelTracking?id={}",
    ("China Post", "EMS China", "中国邮政"): "https://t.17track.net/en#nums={}",
    ("Cainiao", "AliExpress Standard Shipping"): "https://global.cainiao.com/newDetail.htm?mailNoList={}",
    ("4PX",): "https://track.4px.com/#/result/0/{}",
    ("Yanwen",): "https://track.yw56.com.cn/en/querydel?nums={}",
    ("The Courier Guy",): "https://portal.thecourierguy.co.za/track?ref={}",
}


def _plain(name: str) -> str:
    """A name without case, accents, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKD", name.casefold()))


_LINK_OF = {_plain(name): link for names, link in _LINKS.items() for name in names}


def followed(tracking: Tracking) -> Tracking:
    """`tracking` with the carrier's own link for its number, if it has no link and its carrier is known."""
    link = _LINK_OF.get(_plain(tracking.carrier))
    if tracking.url is not None or link is None:
        return tracking
    return tracking.model_copy(update={"url": link.format(quote(tracking.number, safe=""))})
