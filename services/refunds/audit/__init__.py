"""Checks refunds: no more than was collected, no unit twice, and each row and sum matches its events, reports and inspections."""

from services.refunds.audit import explanations, figures, refunds

CHECKS = [*refunds.CHECKS, *explanations.CHECKS, *figures.CHECKS]
