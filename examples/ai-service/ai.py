#!/usr/bin/env python3
"""An AI service that does not process tokens. nginx in front of it verifies callers with Tenancy, and sends their
identity in headers. The service listens only where nginx can reach it. Run it with:

    PORT=9001 ./ai.py
    nginx -p . -c nginx.conf
"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


MAX_BODY = 64 * 1024


class Handler(BaseHTTPRequestHandler):
    # A stalled client must not occupy a thread forever.
    timeout = 20

    def do_POST(self):
        try:
            length = int(self.headers.get("Content-Length", 0))
            if not 0 <= length <= MAX_BODY:
                raise ValueError(length)
            prompt = self.rfile.read(length).decode()
        except ValueError:
            self.close_connection = True
            return self.send_error(400, "Send a text of at most 64 KiB")
        answer = {
            "tenant": self.headers["X-Tenant-Slug"],
            "user": self.headers["X-User-Id"],
            "completion": prompt[::-1],
            # nginx does not forward the credential.
            "has_credential": "Authorization" in self.headers or "X-API-Key" in self.headers,
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self):
        # The gateway forwards preflights without an identity. This service decides which origins may call.
        self.send_response(204)
        self.send_header("Access-Control-Allow-Origin", os.environ.get("ORIGIN", "https://app.example.com"))
        self.send_header("Access-Control-Allow-Methods", "POST")
        self.send_header("Access-Control-Allow-Headers", "authorization, content-type, x-api-key")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 9001))), Handler).serve_forever()
