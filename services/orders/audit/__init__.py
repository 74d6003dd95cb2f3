"""Checks orders: each row matches its history, each step is legal, each penny and each unit in stock is accounted for."""

from services.orders.audit import figures, history, orders, stock

CHECKS = [*orders.CHECKS, *history.CHECKS, *stock.CHECKS, *figures.CHECKS]
