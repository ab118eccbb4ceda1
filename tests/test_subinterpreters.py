"""Subinterpreters: the package works in the main one alone, says so in others, and lets neither harm the other."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import tokstream
from replies import completion
from server import reply

ROOT = str(Path(tokstream.__file__).parents[1])
# Longer than the program takes; one that hangs is ended and fails.
PATIENCE = 30

PROGRAM = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def use():
    import tokstream
    with tokstream.Client(base_url={url!r}) as client:
        print(client.chat.completions.create(messages="x").choices[0].message.content, flush=True)

def import_elsewhere():
    other = interpreters.create()
    interpreters.run_string(other, '''
import sys
sys.path.insert(0, {root!r})
try:
    import tokstream
except ImportError as error:
    print("refused:", error, flush=True)
else:
    print("imported", flush=True)
''')
    interpreters.destroy(other)

sys.path.insert(0, {root!r})
for step in {order}:
    use() if step == "main" else import_elsewhere()
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="the interface of the interpreters is another one")
@pytest.mark.parametrize("order", [("main", "other", "main"), ("other", "main", "other", "main")], ids=" ".join)
def test_other_interpreters_are_refused_and_the_main_one_works(serve, order):
    server = serve(then=reply(completion("ok")))
    program = textwrap.dedent(PROGRAM).format(url=server.url, root=ROOT, order=order)
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-X", "faulthandler", "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr, len(lines)) == (0, "", len(order))
    for step, line in zip(order, lines, strict=True):
        if step == "main":
            assert line == "ok"
        else:
            assert line.startswith("refused:")
            assert "subinterpreters" in line
