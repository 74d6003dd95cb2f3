"""One function per use case: load locked, ask the rules, change rows, emit.

copies.py      what the service learns from events: orders, refunds, time zones, erasures
issuing.py     issues what is due
letterhead.py  the store's document settings and logo
renderings.py  keeps the bytes of rendered documents
"""
