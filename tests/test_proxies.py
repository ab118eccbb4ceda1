"""Proxies: given or from the environment, plain and tunnelled."""

from __future__ import annotations

import base64

import pytest

import tokstream
from replies import completion, said
from server import StartTLS, head, reply, stream
from surface import KEY

OK = reply(completion("ok"))
FAR = "http://api.example.test/v1/openai"


def test_a_proxy(surface, serve):
    proxy = serve(OK)
    surface.create(surface.client(FAR, proxy=proxy.origin))
    assert proxy.request.target == f"{FAR}/chat/completions"
    assert proxy.request.header("host") == "api.example.test"
    assert proxy.request.header("authorization") == f"Bearer {KEY}"


def test_a_proxy_with_a_password(surface, serve):
    proxy = serve(OK)
    api = surface.client(FAR, proxy=f"http://me:p%40ss@127.0.0.1:{proxy.port}")
    surface.create(api)
    credentials = base64.b64encode(b"me:p@ss").decode()
    assert proxy.request.header("proxy-authorization") == f"Basic {credentials}"
    assert "p%40ss" not in repr(api)
    assert "p@ss" not in repr(api)


def test_a_tunnel_through_a_proxy(surface, serve, authority):
    proxy = serve([head(200), StartTLS(authority.server("api.example.test"))], OK, stream(said("ok")))
    api = surface.client(
        "https://api.example.test/v1", proxy=f"http://me:pw@127.0.0.1:{proxy.port}", verify=authority.file
    )
    assert surface.ask(api, False) == "ok"
    assert surface.ask(api, True) == "ok"
    connect, first, second = proxy.requests
    assert (connect.method, connect.target) == ("CONNECT", "api.example.test:443")
    assert connect.header("proxy-authorization") is not None
    assert connect.header("authorization") is None
    assert (first.target, first.header("proxy-authorization")) == ("/v1/chat/completions", None)
    assert len(proxy.connections) == 1
    assert second.header("authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment(surface, serve, monkeypatch, name):
    proxy = serve(OK)
    monkeypatch.setenv(name, proxy.origin)
    surface.create(surface.client(FAR))
    assert proxy.request.target == f"{FAR}/chat/completions"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_tunnel_of_the_environment(surface, serve, monkeypatch, authority, name):
    proxy = serve([head(200), StartTLS(authority.server("api.example.test"))], OK)
    monkeypatch.setenv(name, proxy.origin)
    surface.create(surface.client("https://api.example.test/v1", verify=authority.file))
    assert proxy.requests[0].method == "CONNECT"


@pytest.mark.parametrize("value", ["127.0.0.1", "other.test,127.0.0.1", "127.0.0.0/8", "*"])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy(surface, serve, monkeypatch, name, value):
    proxy, server = serve(), serve(OK)
    monkeypatch.setenv("HTTP_PROXY", proxy.origin)
    monkeypatch.setenv(name, value)
    surface.create(surface.client(server))
    assert len(server.requests) == 1


@pytest.mark.parametrize("is_its_port", [True, False], ids=["its port", "another port"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_with_a_port(surface, serve, monkeypatch, host, is_its_port):
    proxy, server = serve(then=OK), serve(then=OK)
    monkeypatch.setenv("HTTP_PROXY", f"http://me:pw@127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", f"other.test:80,{host}:{server.port if is_its_port else proxy.port}")
    surface.create(surface.client(f"http://{host}:{server.port}/v1"))
    surface.create(surface.client(FAR))
    through = [request.target for request in proxy.requests]
    elsewhere = [f"http://{host}:{server.port}/v1/chat/completions"]
    assert through == ([] if is_its_port else elsewhere) + [f"{FAR}/chat/completions"]
    assert all(request.header("proxy-authorization") for request in proxy.requests)
    assert len(server.requests) == is_its_port


def test_no_proxy_of_a_name(surface, serve, monkeypatch):
    proxy = serve(OK)
    monkeypatch.setenv("HTTP_PROXY", proxy.origin)
    monkeypatch.setenv("NO_PROXY", ".other.test")
    surface.create(surface.client(FAR))
    assert len(proxy.requests) == 1


def test_the_argument_wins_over_the_environment(surface, serve, monkeypatch):
    proxy, other = serve(OK), serve()
    monkeypatch.setenv("HTTP_PROXY", other.origin)
    surface.create(surface.client(FAR, proxy=proxy.origin))
    assert len(proxy.requests) == 1


def failure(surface, url, **options):
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(surface.client(url, max_retries=0, **options))
    return caught.value


@pytest.mark.parametrize("url", [FAR, "https://api.example.test/v1"], ids=["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"], ids=["refuses", "no address"])
def test_a_proxy_that_is_not_there(surface, monkeypatch, closed_port, host, url):
    proxy = f"http://me:pw-of-mine@{host}:{closed_port}"
    given = failure(surface, url, proxy=proxy)
    monkeypatch.setenv("ALL_PROXY", proxy)
    for error in (given, failure(surface, url)):
        assert error.cause == "proxy"
        assert "pw-of-mine" not in str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"], ids=["refuses", "no address"])
def test_a_failure_beside_the_proxy_is_the_servers_own(surface, serve, monkeypatch, closed_port, host):
    proxy = serve()
    monkeypatch.setenv("HTTP_PROXY", proxy.origin)
    monkeypatch.setenv("NO_PROXY", host)
    assert failure(surface, f"http://{host}:{closed_port}/v1").cause == ("refused" if host == "127.0.0.1" else "dns")
    assert proxy.connections == []


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses(surface, serve, status):
    proxy = serve([head(status, ("Content-Length", "0"))])
    with pytest.raises(tokstream.APIConnectionError) as caught:
        surface.create(surface.client("https://api.example.test/v1", proxy=proxy.origin, max_retries=0))
    assert caught.value.cause == "proxy"


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:1", "http://", "not a url", 12], ids=repr)
def test_bad_proxies_are_refused(surface, proxy):
    with pytest.raises((tokstream.ConfigurationError, TypeError)):
        surface.create(surface.client(FAR, proxy=proxy))


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy(surface, serve, scheme):
    asked = []

    def handshake(connection):
        _, methods = connection.take(2)
        connection.take(methods)
        connection.send(b"\x05\x00")
        kind = connection.take(4)[3]
        address = connection.take(connection.take(1)[0]) if kind == 3 else connection.take(4)
        port = connection.take(2)
        asked.append((kind, address, int.from_bytes(port, "big")))
        connection.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01" + port)

    proxy = serve(OK, on_accept=handshake)
    host = "127.0.0.1" if scheme == "socks5" else "api.example.test"
    surface.create(surface.client(f"http://{host}:8080/v1", proxy=f"{scheme}://127.0.0.1:{proxy.port}"))
    assert asked == [(1, b"\x7f\x00\x00\x01", 8080) if scheme == "socks5" else (3, b"api.example.test", 8080)]
    assert proxy.request.target == "/v1/chat/completions"
