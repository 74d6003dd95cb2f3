"""PostgreSQL: the only commits, the tables that every schema has, stored responses, erasure, fair shares of connections."""
