#!/usr/bin/env python3
"""The same check with nothing but grpcio: what a plugin has to do, written out. Needs ``pip install grpcio grpcio-tools``."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

REJECTED = -1

# Reads plugin.proto, which lies beside this file. Generated code (python -m grpc_tools.protoc) does as well.
messages, services = grpc.protos_and_services("plugin.proto")


class Checker(services.PluginServicer):  # type: ignore[name-defined,misc]  # the class is made when the program starts
    """Answers ``/proto.Plugin/Call``.

    :param wanted: header -> value that it must have
    """

    def __init__(self, wanted: dict[str, str]) -> None:
        self.wanted = {name.lower(): value for name, value in wanted.items()}

    def Call(self, request: Any, context: grpc.ServicerContext) -> Any:
        """One request of the proxy. Its headers' names may be in any case."""
        header = {name.lower(): value for name, value in request.header.items()}
        passes = all(header.get(name) == value for name, value in self.wanted.items())
        return messages.Response(status=0 if passes else REJECTED)


def exit_with_parent(parent: int, over: threading.Event) -> None:
    """Ends the process when the proxy is gone."""
    while not over.wait(1.0):
        if os.getppid() != parent:
            over.set()


def controller(over: threading.Event) -> grpc.GenericRpcHandler:
    """``/plugin.GRPCController/Shutdown``, the proxy's request to end; message and answer are empty."""

    def shutdown(request: bytes, context: grpc.ServicerContext) -> bytes:
        over.set()
        return b""

    return grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": grpc.unary_unary_rpc_method_handler(shutdown)})


def main() -> None:
    """Serve until the proxy says that it is over (``Shutdown``, SIGTERM) or is gone."""
    if os.environ.get("MOSN_PLUGIN") != "ON":
        sys.exit('This program is a plugin: the proxy starts it, where it stands in the configuration under "plugins".')
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", default="checkconf.json", help="JSON file with the headers that a request must carry")
    wanted = json.loads(Path(parser.parse_args().c).read_text())
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # to the standard error, which the proxy logs

    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: over.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the proxy
    threading.Thread(target=exit_with_parent, args=(os.getppid(), over), daemon=True).start()

    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    services.add_PluginServicer_to_server(Checker(wanted), server)
    server.add_generic_rpc_handlers((controller(over),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"1|1|tcp|127.0.0.1:{port}|grpc", flush=True)  # must be the first line on the standard output
    logging.info("wanted: %d headers", len(wanted))
    over.wait()
    server.stop(grace=1.0).wait()
    logging.info("stopped")


if __name__ == "__main__":
    main()
