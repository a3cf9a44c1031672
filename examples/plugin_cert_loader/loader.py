#!/usr/bin/env python3
"""Hands out a certificate, its key and a CA's certificate. They are read anew for each call, so changed files are taken up."""

import argparse
import json
from pathlib import Path

from headgate.plugin import Request, Response, serve


class Loader:
    """Answers the calls of the proxy.

    :param folder: has ``cert.pem``, ``key.pem``, ``ca.pem``
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, request: Request) -> Response:
        """Asked without anything; the answer's body is JSON."""
        files = {f"{name}_pem": (self.folder / f"{name}.pem").read_text() for name in ("cert", "key", "ca")}
        return Response(body=json.dumps(files).encode())


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-d", default="certs", help="folder with cert.pem, key.pem, ca.pem")
    serve(Loader(Path(parser.parse_args().d)))


if __name__ == "__main__":
    main()
