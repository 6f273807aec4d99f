#!/usr/bin/env python3
"""serve.py FOLDER PORT_FILE: an HTTP server over FOLDER that misbehaves as the path says, for tests of `latentc weights fetch`.

  /NAME              the file; answers Range
  /noranges/NAME     the whole file, whatever Range asks
  /moved/NAME        302 to /NAME
  /loop/NAME         302 to itself
  /cut/NAME          announces the file, sends half of what was asked for, closes: each time
  /cutonce/NAME      the same, the first time
  /wrongrange/NAME   answers a range with another one
  /broken/NAME       503
  /endless/NAME      the file again and again, of no length that is said
  /drip/NAME         a byte every 50 ms, each time from the beginning of what was asked for
  /one/NAME          one byte, then closes: each time
  /busyonce/NAME     503 the first time

Prints one line a request on standard output: METHOD PATH RANGE. Writes its port to PORT_FILE once it listens."""
import http.server
import os
import sys
import time

folder, port_file = sys.argv[1:3]
seen = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def plain(self, status, **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        body = b"a page that says what is wrong\n"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        asked = self.headers.get("Range")
        print("GET", self.path, asked or "-", flush=True)
        mode, _, name = self.path.lstrip("/").rpartition("/")
        first = (mode, name) not in seen
        seen.add((mode, name))
        if mode == "moved":
            return self.plain(302, Location="/" + name)
        if mode == "loop":
            return self.plain(302, Location=self.path)
        if mode == "broken" or (mode == "busyonce" and first):
            return self.plain(503)
        try:
            data = open(os.path.join(folder, os.path.basename(name)), "rb").read()
        except OSError:
            return self.plain(404)
        begin = int(asked.split("=")[1].split("-")[0]) if asked and mode != "noranges" else 0
        if begin and begin >= len(data):
            return self.plain(416, Content_Range="bytes */%d" % len(data))
        if mode == "endless":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                while True:
                    self.wfile.write(data)
            except OSError:
                return None
        if mode == "wrongrange" and begin:
            begin += 1
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (begin, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        if mode == "cut" or (mode == "cutonce" and first):
            self.wfile.write(data[begin:begin + (len(data) - begin) // 2])
            self.close_connection = True
            return None
        if mode == "one":
            self.wfile.write(data[begin:begin + 1])
            self.close_connection = True
            return None
        try:
            if mode == "drip":
                for i in range(begin, len(data)):
                    self.wfile.write(data[i:i + 1])
                    time.sleep(0.05)
            else:
                self.wfile.write(data[begin:])
        except OSError:
            pass
        return None


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that goes away is what some tests are about."""


with Server(("127.0.0.1", 0), Handler) as server:
    with open(port_file + ".tmp", "w") as f:
        f.write(str(server.server_address[1]))
    os.rename(port_file + ".tmp", port_file)
    server.serve_forever()
