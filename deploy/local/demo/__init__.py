"""`aftersale demo`: one order's life, played on the running system and shown as it happens."""
