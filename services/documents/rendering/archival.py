"""The invoice attached to a PDF/A-3. Our engine attaches it; that it is a Factur-X is said here, in the metadata.

Like the repair of the text layer this is an incremental update: the metadata, once more and with what is added, at the end of the file.
"""

import re

from services.documents.rendering.textlayer import appended, object_of, stream_of

_METADATA = re.compile(rb"/Type/Catalog[^\n]*?/Metadata (\d+) 0 R")
_ATTACHED = re.compile(rb"/Type/Catalog[^\n]*?/AF\[(\d+) 0 R\]")
_FILE = re.compile(rb"/EF<</F (\d+) 0 R")
_SCHEMAS_END = b"</rdf:Bag></pdfaExtension:schemas>"
_RDF_END = b"</rdf:RDF>"
_SPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": ("factur-x.xml", "name of the embedded XML invoice file"),
    "DocumentType": ("INVOICE", "INVOICE"),
    "Version": ("1.0", "The actual version of the Factur-X XML schema"),
    "ConformanceLevel": ("EN 16931", "The conformance level of the embedded Factur-X data"),
}
"""What each says, and how the extension schema explains it; a credit note says INVOICE, too."""


def with_invoice_described(pdf: bytes) -> bytes:
    """`pdf` with the properties of Factur-X, and their schema, in its metadata. Raises ValueError for a file without the engine's."""
    found = _METADATA.search(pdf)
    if found is None:
        raise ValueError("a PDF without metadata")
    number = int(found[1])
    before = stream_of(pdf, number)
    if before.count(_SCHEMAS_END) != 1 or before.count(_RDF_END) != 1:
        raise ValueError("metadata that are not PDF/A's")
    after = before.replace(_SCHEMAS_END, _schema() + _SCHEMAS_END).replace(_RDF_END, _said() + _RDF_END)
    return appended(pdf, {number: b"<</Type/Metadata/Subtype/XML/Length %d>>\nstream\n%s\nendstream" % (len(after), after)})


def attached_to(pdf: bytes) -> bytes:
    """The file that our engine attached to a PDF. Raises ValueError if there is none."""
    listed = _ATTACHED.search(pdf)
    file = _FILE.search(object_of(pdf, int(listed[1]))) if listed else None
    if file is None:
        raise ValueError("a PDF with nothing attached")
    return stream_of(pdf, int(file[1]))


def _said() -> bytes:
    said = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (value, _) in _PROPERTIES.items())
    return f'<rdf:Description rdf:about="" xmlns:fx="{_SPACE}">{said}</rdf:Description>'.encode()


def _schema() -> bytes:
    """PDF/A wants each property that it does not know explained."""
    rows = "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        f"<pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>{why}</pdfaProperty:description></rdf:li>"
        for name, (_, why) in _PROPERTIES.items()
    )
    return (
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{_SPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{rows}</rdf:Seq></pdfaSchema:property></rdf:li>"
    ).encode()
