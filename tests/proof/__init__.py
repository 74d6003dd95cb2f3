"""`make proof`: what proves the proofs, by hand, to be taken up again where it was left.

steps.py    what there is to do, part by part      ledger.py   what was done for this commit, and docs/proof.md
mutants.py  every mutant turns its test red        p19.py      another store beside each attack (others.py, p19_report.py)
refusing.py what a refusal costs
"""
