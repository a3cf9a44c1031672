#!/usr/bin/env python3
"""Lets a request pass only if it carries every header of a JSON file, with the value given there."""

import argparse
import json
from pathlib import Path

from headgate.plugin import Request, Response, serve

REJECTED = -1
"""The status that the preset ``checker`` of the filter ``plugin`` answers with 403."""


class SkeletonName:
    """Answers the calls of the proxy.

    :param wanted: header -> value that it must have
    """

    def __init__(self, wanted: dict[str, str]) -> None:
        self.wanted = {name.lower(): value for name, value in wanted.items()}

    def call(self, request: Request) -> Response:
        """One request of the proxy. Its headers' names may be in any case."""
        header = {name.lower(): value for name, value in request.header.items()}
        for name, value in self.wanted.items():
            if header.get(name) != value:
                return Response(status=REJECTED)
        return Response()


def main() -> None:
    """Read the file and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", default="checkconf.json", help="JSON file with the headers that a request must carry")
    parser.add_argument("--once", metavar="REQUEST", help="answer one request, given as JSON, without a proxy")  # for serve()
    path = Path(parser.parse_args().c)
    serve(SkeletonName(json.loads(path.read_text())))


if __name__ == "__main__":
    main()
