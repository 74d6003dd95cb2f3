"""`aftersale up`, which runs the servers and all services on this machine, and the demo on top of them. Not part of any image."""
