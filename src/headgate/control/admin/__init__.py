"""The admin server: MOSN's ``/api/v1`` paths, Prometheus metrics, health and readiness. It runs in the supervisor."""
