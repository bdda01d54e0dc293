"""Refused requests: each has its status, and a sentence that names the file."""

import asyncio
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from service_process import document, image

from munseo._errors import UserError
from munseo._service.admission import Admission, Limits
from munseo._service.errors import Refusal
from munseo._service.startup import check_access
from munseo._service.uploads import Upload, count_request, read_pages

FORM = {"content-type": "multipart/form-data; boundary=x"}


def form_of(*parts: bytes, end=b"--x--\r\n") -> bytes:
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + end


def part(name: bytes, data=b"x") -> bytes:
    return b'Content-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n' + data


REFUSED = {
    "no such path": (lambda c: c.get("/v2/predict"), 404, "openapi.json"),
    "a method that is not allowed": (lambda c: c.get("/v1/predict"), 405, ""),
    "another kind of content": (
        lambda c: c.post("/v1/predict", content=b"{}", headers={"content-type": "application/json"}),
        415,
        "application/json",
    ),
    "an empty body": (lambda c: c.post("/v1/predict"), 400, "is empty"),
    "a form without a boundary": (
        lambda c: c.post("/v1/predict", content=b"x", headers={"content-type": "multipart/form-data"}),
        400,
        "boundary",
    ),
    "a malformed form": (
        lambda c: c.post("/v1/predict", content=b"hello", headers=FORM),
        400,
        "is not multipart",
    ),
    "a form that is cut": (
        lambda c: c.post("/v1/predict", content=form_of(part(b"a.png"), end=b""), headers=FORM),
        400,
        "cut short",
    ),
    "a form without files": (lambda c: c.post("/v1/predict", content=b"--x--\r\n", headers=FORM), 400, ""),
    "a field that is not a file": (
        lambda c: c.post(
            "/v1/predict", content=form_of(b'Content-Disposition: form-data; name="lang"\r\n\r\nko'), headers=FORM
        ),
        422,
        "lang",
    ),
    "a text without a file": (
        lambda c: c.post(
            "/v1/predict", content=form_of(b'Content-Disposition: form-data; name="text"\r\n\r\nwords'), headers=FORM
        ),
        422,
        "is a field, not a file",
    ),
    "two texts of one file": (
        lambda c: c.post(
            "/v1/predict",
            content=form_of(part(b"a.png"), *[b'Content-Disposition: form-data; name="text"\r\n\r\nwords'] * 2),
            headers=FORM,
        ),
        422,
        "is a field, not a file",
    ),
    "a text for a run without words": (
        lambda c: c.post(
            "/v1/predict",
            content=form_of(part(b"a.png"), b'Content-Disposition: form-data; name="text"\r\n\r\nwords'),
            headers=FORM,
        ),
        422,
        "trained without words",
    ),
    "too many files": (
        lambda c: c.post("/v1/predict", content=form_of(*[part(b"a.png")] * 6), headers=FORM),
        413,
        "5 files",
    ),
    "too many pages": (lambda c: c.post("/v1/predict?name=book.pdf", content=document(9)), 413, "book.pdf"),
    "too many pages in all": (
        lambda c: c.post("/v1/predict", files=[("f", ("a.pdf", document(3))), ("f", ("b.pdf", document(3)))]),
        413,
        "4 pages",
    ),
    "too many bytes": (lambda c: c.post("/v1/predict", content=b"x" * 200_001), 413, "200,000 bytes"),
    "too many bytes that come unannounced": (
        lambda c: c.post("/v1/predict", content=iter([b"x" * 50_000] * 5)),
        413,
        "200,000 bytes",
    ),
    "too many pixels": (
        lambda c: c.post("/v1/predict?name=big.png", content=image(size=(600, 600))),
        422,
        "more than 250,000 pixels",
    ),
    "not an image": (lambda c: c.post("/v1/predict?name=page.jpg", content=b"#!/bin/sh"), 422, "page.jpg"),
    "a cut image": (lambda c: c.post("/v1/predict?name=c.png", content=image()[:60]), 422, "c.png"),
    "another host": (lambda c: c.get("/v1/model", headers={"host": "evil.example"}), 421, "localhost"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_words(name, server):
    ask, status, words = REFUSED[name]
    with server.client() as client:
        answer = ask(client)
        problem = answer.json()
        assert answer.status_code == problem["status"] == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert words in answer.text
        assert problem["title"]
        assert "/tmp" not in answer.text
        assert "server" not in answer.headers
        assert client.get("/healthz").status_code == 200


def test_names_of_files_are_made_harmless(server):
    """An answer repeats neither folders nor control characters of a name."""
    with server.client() as client:
        answer = client.post("/v1/predict", params={"name": "../../etc/\x1b[2Jpasswd"}, content=b"not an image")
    assert answer.json()["errors"][0]["file"] == "\\x1b[2Jpasswd"


def test_every_path_but_the_health_checks_needs_the_token(stand_in):
    token = "correct-horse-battery"
    server = stand_in(token=token)
    with server.client() as client:
        for path in ("/v1/model", "/metrics", "/openapi.json", "/nothing"):
            for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {token}"}):
                answer = client.get(path, headers=header)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        assert client.get("/v1/model", headers={"authorization": f"bearer {token}"}).status_code == 200
        assert client.post("/v1/predict", content=image()).status_code == 401


def test_over_capacity_it_says_when_to_try_again_and_recovers(stand_in):
    server = stand_in(limits={"waiting": 4}, delay_s=0.3)
    ready = threading.Barrier(24)

    def ask(_):
        with server.client() as client:
            ready.wait()
            return client.post("/v1/predict", content=image())

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(24)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 4
    busy = next(answer for answer in answers if answer.status_code == 429)
    assert int(busy.headers["retry-after"]) >= 1
    assert busy.json()["title"] == "Too Many Requests"
    with server.client() as client:
        assert client.post("/v1/predict", content=image()).status_code == 200


def test_an_answer_that_takes_too_long(stand_in):
    server = stand_in(limits={"answer_seconds": 0.2}, delay_s=1)
    with server.client() as client:
        answer = client.post("/v1/predict", content=image())
        assert answer.status_code == 504
        assert "No answer within 0.2 s" in answer.json()["detail"]
        assert client.get("/readyz").status_code == 200


def received(connection) -> bytes:
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data


def test_slow_clients_are_disconnected(server):
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    for begun in (b"", head, head + b"\r\nabc"):
        with server.raw() as connection:
            connection.sendall(begun)
            assert b" 408 " in received(connection)
    with server.raw() as connection:  # a byte now and then does not help
        for byte in head:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the connection stayed open")


def test_the_rest_of_a_refused_body_is_skipped_and_the_answer_arrives(server):
    with server.raw() as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n")
        for _ in range(30):
            connection.sendall(b"x" * 100_000)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        both = received(connection)
    assert both.count(b"HTTP/1.1 413") == 1
    assert both.count(b"HTTP/1.1 200") == 1


def test_more_connections_than_it_accepts(stand_in):
    server = stand_in(limits={"connections": 6})
    opened = [server.raw() for _ in range(6)]
    with server.raw() as one_more:
        assert b" 503 " in received(one_more)
    for connection in opened:
        connection.close()
    for _ in range(50):
        with server.client() as client:
            try:
                if client.get("/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
        time.sleep(0.1)
    pytest.fail("it did not take connections again")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered_before_it_ends(stand_in, signum):
    server = stand_in(delay_s=0.4)
    num = 12
    with ThreadPoolExecutor(num) as pool:
        answers = [pool.submit(httpx.post, server.url + "/v1/predict", content=image(), timeout=60) for _ in range(num)]
        with server.client() as client:
            while "munseo_waiting_pages 0.0" in client.get("/metrics").text:
                time.sleep(0.02)
        time.sleep(0.3)  # the last of them have been read by then
        server.process.send_signal(signum)
        assert [answer.result().status_code for answer in answers] == [200] * num
    assert server.process.wait(60) is not None
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url + "/healthz")


def test_pages_are_counted_over_the_whole_request_before_any_is_decoded():
    """Eight small files of many pages would otherwise take the memory of all their pages before they are refused."""
    prepared = []
    book = document(5)
    uploads = [Upload(f"{number}.pdf", book) for number in range(8)]

    async def ask(limits: Limits) -> int:
        with ThreadPoolExecutor(2) as threads:
            num_pages = await count_request(uploads, limits, threads)
            assert prepared == []
            return num_pages, await read_pages(uploads, prepared.append, limits, threads)

    with pytest.raises(Refusal) as refused:
        asyncio.run(ask(Limits(pages=39)))
    assert refused.value.status == 413
    assert "has 5 pages" in str(refused.value.errors)
    assert prepared == []
    num_pages, pages = asyncio.run(ask(Limits(pages=40)))
    assert num_pages == len(pages) == len(prepared) == 40


def test_a_request_that_is_given_up_decodes_no_further_page():
    prepared, given_up = [], threading.Event()

    async def ask() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def prepare(pixels):
            prepared.append(pixels)
            loop.call_soon_threadsafe(task.cancel)
            assert given_up.wait(60)

        with ThreadPoolExecutor(1) as pool:
            try:
                await read_pages([Upload("a.pdf", document(5))], prepare, Limits(), pool)
            except asyncio.CancelledError:
                given_up.set()

    asyncio.run(ask())
    assert len(prepared) == 1


def test_pages_of_all_requests_are_admitted_up_to_their_limit():
    admission = Admission(Limits(waiting_pages=10), lambda: 4.0)
    with admission.pages(200):  # a request alone is always admitted
        assert admission.num_pages == 200
        with pytest.raises(Refusal) as refused, admission.pages(1):
            pass
        assert refused.value.status == 429
        assert refused.value.headers["Retry-After"] == "50"
    assert admission.num_pages == 0
    with admission.pages(4), admission.pages(6):
        with pytest.raises(Refusal), admission.pages(1):
            pass
        assert admission.num_pages == 10


def test_pages_that_wait_are_refused_in_words(stand_in):
    server = stand_in(limits={"waiting_pages": 5}, delay_s=0.5)
    book = document(3)
    with server.client() as client, ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/predict", content=book), range(6)))
        assert {answer.status_code for answer in answers} == {200, 429}
        metrics = client.get("/metrics").text
    for name in ("files", "pages", "bytes"):
        assert f"munseo_admitted_{name} 0.0" in metrics


def test_head_is_answered_like_get_without_a_body(server):
    with server.client() as client:
        for path in ("/healthz", "/readyz", "/v1/model", "/metrics", "/openapi.json"):
            answer = client.head(path)
            assert answer.status_code == 200
            assert answer.content == b""
            assert answer.headers["content-type"] == client.get(path).headers["content-type"]
        assert client.head("/v1/predict").status_code == 405


@pytest.mark.parametrize(
    "token",
    [
        "문서-분류-서비스-토큰-열여섯-글자",
        "naïve-token-of-16-letters",
        "two words, sixteen letters",
        "line\nbreak-and-some-more",
    ],
)
def test_a_token_that_no_header_can_carry_is_refused_at_the_start(token):
    with pytest.raises(UserError, match="header cannot carry"):
        check_access("127.0.0.1", token, open_to_all=False)
    check_access("127.0.0.1", "letters-and_digits.16~!", open_to_all=False)
