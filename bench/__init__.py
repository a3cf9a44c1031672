"""Measures Headgate beside nginx, HAProxy and Envoy: ``make bench``, or ``python -m bench --help``.

One machine, two cores: the proxy alone on the first, backend and load generator on the second. The proxies take turns, A B C A B C, so
that whatever else the machine is doing falls on all of them. CPU time per request is the figure to trust; requests per second depend on
who else is running.
"""
