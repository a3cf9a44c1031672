"""Supervisor and workers: processes, listening sockets, reload, drain."""
