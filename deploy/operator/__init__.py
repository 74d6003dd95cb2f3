"""The operator's commands and what they stand on: how the system runs in production. Imports nothing of `deploy.local`."""
