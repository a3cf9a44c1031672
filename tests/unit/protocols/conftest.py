"""Which of these tests belong to which build."""

from __future__ import annotations

from headgate.cli.version import build_kind

collect_ignore: list[str] = []
if build_kind() == "compiled":
    # They stand in for the engine with classes of their own, and classes compiled by mypyc take no interpreted subclasses. What they look
    # at is the same source; through the whole proxy it is tested in both builds.
    collect_ignore += ["test_client_connection.py", "test_known_heads.py", "test_response_decoder.py"]
    collect_ignore += ["test_grpc_call_endings.py", "test_grpc_client_connection.py"]
    collect_ignore += ["test_http2_broken_peers.py", "test_http2_frames.py", "test_http2_given_up.py"]
