"""curl: what a client in C needs. Two URLs in one invocation share its connection."""

import os
import shutil
import subprocess
import sys

URL, MODEL, KIND = sys.argv[1:]
program = shutil.which("curl")
if program is None:
    print("curl is not here", file=sys.stderr)
    sys.exit(77)
version = "--http2" if KIND == "http2" else "--http1.1"
# With HTTP/2, curl 7's time_starttransfer of a POST is when its body was sent. The reply is one token and its end.
time = "%{time_total}" if KIND == "http2" else "%{time_starttransfer}"
line = [program, "--silent", "--show-error", "--fail", "--no-buffer", version, "--cacert", os.environ["SSL_CERT_FILE"]]
line += ["--header", "Content-Type: application/json", "--header", "Authorization: Bearer key"]
line += ["--data", f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Hello!"}}], "stream": true}}']
line += ["--write-out", f"{time}\\n", *["--output", os.devnull] * 2, *[f"{URL}/v1/chat/completions"] * 2]
cold, warm = (float(word) * 1000 for word in subprocess.check_output(line, text=True).split())
print(f'{{"cold": {cold}, "warm": {warm}}}')
