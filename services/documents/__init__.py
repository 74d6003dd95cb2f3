"""Invoices, receipts and credit notes: issued on events, numbered without gaps, rendered, kept for ever."""
