"""A bare socket: the least that a Python program needs to its first token."""

import socket
import sys
import time

URL, BEGAN = sys.argv[1:]
BODY = b'{"model": "flood:n=100,k=1"}'

host, port = URL.rpartition("/")[2].split(":")
connection = socket.create_connection((host, int(port)))
if URL.startswith("https"):
    import ssl

    connection = ssl.create_default_context().wrap_socket(connection, server_hostname=host)
connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY))
data = b""
while b'"content":"' not in data:
    data += connection.recv(65536)
print((time.monotonic_ns() - int(BEGAN)) / 1e6)
