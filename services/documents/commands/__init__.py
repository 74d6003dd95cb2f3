"""One function per use case: load rows under a lock, ask the rules, change rows, emit events.

copies.py      what the service learns from events: orders, refunds, time zones, erasures
issuing.py     issues due documents
letterhead.py  the store's document settings and logo
renderings.py  stores the bytes of rendered documents
"""
