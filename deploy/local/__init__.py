"""`aftersale up`: servers and all services on this machine, and the demo on them. In no image."""
