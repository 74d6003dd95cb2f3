"""Files of customers: what an upload may be, and where its bytes are stored."""
