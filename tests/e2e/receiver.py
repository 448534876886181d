"""A receiver of notifications that listens in a thread of its own, with TLS or without."""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from msgspec import Struct

from ibgu.sandbox.certificates import ServingFiles


class Request(Struct, frozen=True):
    path: str
    headers: Mapping[str, str]
    """The names are in small letters."""
    body: bytes


class Receiver:
    """Takes every request."""

    def __init__(self, files: ServingFiles | None = None) -> None:
        self.requests: list[Request] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Request(self.path, headers, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if files is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(files.certificate, files.key)
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def host(self) -> str:
        return f"localhost:{self._server.server_port}"

    @contextmanager
    def listening(self) -> Iterator["Receiver"]:
        thread = threading.Thread(target=self._server.serve_forever, name="receiver")
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
