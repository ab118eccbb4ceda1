"""Clients, replies and errors in other processes: pools by fork and by spawn, joblib, and servers that fork."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import tokstream
from replies import completion, error, said
from server import reply, stream

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="these processes are started as POSIX does"),
    # From Python 3.12 on a fork beside other threads, those of the scripted server, is warned of.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
joblib = pytest.importorskip("joblib", reason="joblib is not installed")
PATIENCE = 40


def answer(request):
    if b"fail" in request.body:
        return reply(error("as asked"), 400)
    return stream(said("o", "k")) if request.json.get("stream") else reply(completion("ok"))


def ask(client, question):
    """What a worker does: it is given a client and gives back a reply, or raises."""
    text = "".join(client.chat.completions.create(messages=question, stream=True).text_stream)
    return text, client.chat.completions.create(messages=question)


def contents(results):
    return [(text, reply.choices[0].message.content) for text, reply in results]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes(serve, method, monkeypatch):
    # A module of this folder is not known to a child by itself.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    server = serve(then=answer)
    client = tokstream.Client(base_url=server.url, max_retries=0)
    ask(client, "before")
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        results = list(pool.map(ask, [client] * 6, ["x"] * 6, timeout=PATIENCE))
        caught = pool.submit(ask, client, "fail").exception(PATIENCE)
    assert contents(results) == [("ok", "ok")] * 6
    assert isinstance(caught, tokstream.BadRequestError)
    assert (caught.status_code, caught.message) == (400, "as asked")
    assert ask(client, "after")[0] == "ok"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_method_is_what_a_pool_calls(serve, method):
    server = serve(then=answer)
    create = tokstream.Client(base_url=server.url, max_retries=0).chat.completions.create
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        asked = [pool.submit(create, messages="x") for _ in range(4)]
        failed = pool.submit(create, messages="fail").exception(PATIENCE)
        assert [one.result(PATIENCE).choices[0].message.content for one in asked] == ["ok"] * 4
    assert isinstance(failed, tokstream.BadRequestError)


def test_joblib(serve):
    server = serve(then=answer)
    client = tokstream.Client(base_url=server.url)
    results = joblib.Parallel(n_jobs=2, timeout=PATIENCE)(joblib.delayed(ask)(client, "x") for _ in range(4))
    assert contents(results) == [("ok", "ok")] * 4


APPLICATION = """
import os, tokstream
client = tokstream.Client(base_url=os.environ["UPSTREAM"])
before = client.chat.completions.create(messages="x").choices[0].message.content

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for word in client.chat.completions.create(messages="x", stream=True).text_stream:
        yield word.encode()
    yield f" {before} {os.getpid()}".encode()
"""


def test_a_server_that_loads_its_application_before_it_forks(serve, tmp_path):
    (tmp_path / "application.py").write_text(APPLICATION)
    server = serve(then=answer)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}"]
    with subprocess.Popen(
        [*line, "--log-level", "error", "application:app"],
        cwd=tmp_path,
        env={**os.environ, "UPSTREAM": server.url, "PYTHONPATH": str(Path(tokstream.__file__).parents[1])},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            workers = set()
            deadline = time.monotonic() + PATIENCE
            while len(workers) < 2 and time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(OSError):
                    page = urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=PATIENCE).read().decode()
                    text, before, worker = page.split()
                    assert (text, before) == ("ok", "ok")
                    workers.add(worker)
            process.send_signal(signal.SIGTERM)
            complaints = process.communicate(timeout=PATIENCE)[1]
        finally:
            process.kill()
    assert len(workers) == 2, complaints
    assert process.returncode == 0, complaints
