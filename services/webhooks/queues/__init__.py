"""Queues that belong to stores: their names and passwords, and the operator that makes them.

names.py      what a queue, its user and their virtual host are called
passwords.py  passwords that are never stored
orders.py     the rows that the operator works from
admin.py      RabbitMQ's management API
operator.py   the process that carries out the orders; nothing else here has an administrator's rights
settings.py   the operator's own settings
"""
