"""`make bench`: figures beside their limits, measured in the same run on the same servers.

reference.sql  what the database can do at best: the same rows, plain SQL, driven by pgbench (reference.py)
generator.py   an HTTP client that costs little, in processes of its own; its own limit is measured too
machine.py     whether this machine is quiet enough to be believed
measures.py, events.py, pages.py, webhooks.py, system.py    what is measured
receiver.py    receives webhooks in a process of its own, and posts as a bare aiohttp loop does
outcome.py, picture.py                         how it is told: terminal, JSON, SVG, Markdown
"""
