"""`make proof`: checks that the tests can fail, and other long checks. It is run by hand and resumes where it stopped.

steps.py    the steps, part by part                ledger.py   what was proven for this commit, and docs/proof.md
mutants.py  every mutant turns its test red        p19.py      another store during each attack (others.py, p19_report.py)
refusing.py the cost of a refusal                  webhooks.py what other endpoints and stores notice of one in trouble
"""
