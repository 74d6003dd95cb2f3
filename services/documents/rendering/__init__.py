"""From the contents of a document to its PDF or page, and what is printed on it; only this service has it.

present.py     contents in words, digits and order of their language
renderer.py    the processes that make PDFs, confined: child.py is what runs in them
textlayer.py   mends the text layer of what the engine made
printable.py   the same view as one HTML page
logo.py        an uploaded logo, drawn anew
catalogues/    words of each language; templates/ and fonts/ of the engine
"""
