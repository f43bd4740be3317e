"""What waitress gets wrong about S3's clients: an empty upload that asks before it sends."""

from __future__ import annotations

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser


class RequestParser(HTTPRequestParser):
    """Doesn't ask for the body of a request that has none.

    boto3 sends `Expect: 100-continue` with every upload, with an empty one too. waitress then waits for a body of no
    bytes for ever: its answer "100 Continue" marks the request, complete already, as incomplete.
    """

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if not self.chunked and self.content_length == 0:
            self.expect_continue = False


def use_request_parser() -> None:
    """Makes every channel of this process parse with it."""
    HTTPChannel.parser_class = RequestParser
