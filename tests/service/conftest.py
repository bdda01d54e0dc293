"""Servers that the tests of a file share."""

import json
from pathlib import Path

import pytest
from service_process import Server, free_port, serving

STAND_IN = Path(__file__).with_name("stand_in.py")


@pytest.fixture(scope="module")
def stand_in():
    """Start the service with arithmetic instead of a model; keywords as in ``stand_in.py``."""
    opened = []

    def start(**words) -> Server:
        port = free_port()
        context = serving([STAND_IN, port, json.dumps(words)], port)
        opened.append(context)
        return context.__enter__()

    yield start
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture(scope="module")
def server(stand_in) -> Server:
    """A server with limits that a test can reach."""
    return stand_in(limits={"body_bytes": 200_000, "files": 5, "pages": 4, "pixels": 250_000, "body_seconds": 2})
