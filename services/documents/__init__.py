"""Invoices, receipts and credit notes: issued on events, numbered without gaps, rendered once and never changed."""
