"""Turns the contents of a document into its PDF or page. Only this service has it.

present.py     contents in the words, digits and order of their language
renderer.py    the confined processes that make PDFs; child.py is their program
papers.py      the papers, and how small the type must be to fit
fontbook.py    which fonts a view needs, and what no font has
textlayer.py   repairs the text layer of the engine's PDFs
cii.py         an invoice or a credit note as an e-invoice; archival.py says in the PDF's metadata that it holds one
printable.py   the same view as one HTML page
logo.py        redraws an uploaded logo
catalogues/    words of each language; templates/ and fonts/ of the engine
"""
