"""The operator's commands and what they need: how the system runs in production. Imports nothing from `deploy.local`."""
