"""Answers for files and pages, and when the model fails."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from service_process import document, image
from stand_in import BROKEN, CLASSES, row_of


def test_a_form_with_files_and_a_body_that_is_a_file(server):
    with server.client() as client:
        files = [("file", ("a/b\\first.png", image())), ("other", ("zwei.jpg", image(form="JPEG")))]
        pages = client.post("/v1/predict", files=files).json()["pages"]
        assert [(page["file"], page["page"], page["num_pages"]) for page in pages] == [
            ("first.png", 1, 1),
            ("zwei.jpg", 1, 1),
        ]
        single = client.post("/v1/predict", params={"name": "scan.png"}, content=image()).json()["pages"][0]
    row = row_of(np.full((60, 40, 3), (200, 30, 20), np.uint8))
    assert single["file"] == "scan.png"
    assert single["class_name"] == CLASSES[0]
    assert single["target"] == "0"
    assert single["needs_person"] is False
    assert list(single["probabilities"]) == list(CLASSES)
    assert np.array_equal(np.float32(list(single["probabilities"].values())), row), "to the last bit"
    assert single["probabilities"] == pages[0]["probabilities"]


def test_a_page_under_the_threshold_needs_a_person(server):
    with server.client() as client:
        page = client.post("/v1/predict", content=image((100, 100, 90))).json()["pages"][0]
    assert page["confidence"] < 0.5
    assert page["needs_person"] is True


def test_each_page_of_a_pdf_or_tiff_has_an_answer(server):
    with server.client() as client:
        for form in ("PDF", "TIFF"):
            pages = client.post("/v1/predict", content=document(3, form)).json()["pages"]
            assert [(page["page"], page["num_pages"], page["problem"]) for page in pages] == [
                (1, 3, None),
                (2, 3, None),
                (3, 3, None),
            ]
            first = [page["probabilities"]["letter"] for page in pages]
            assert first == sorted(first)
            assert len(set(first)) == 3


def test_one_bad_file_does_not_cost_the_others_their_answer(server):
    files = [("file", ("good.png", image())), ("file", ("bad.jpg", b"<html>not found</html>"))]
    with server.client() as client:
        answer = client.post("/v1/predict", files=files)
    good, bad = answer.json()["pages"]
    assert answer.status_code == 200
    assert good["class_name"] == "letter"
    assert "holds HTML" in bad["problem"]
    assert bad["needs_person"] is True
    assert bad["class_name"] is None


def test_requests_at_once_get_their_own_answers(stand_in):
    server = stand_in(delay_s=0.02)
    colours = [(number, 255 - number, 7) for number in range(0, 240, 6)]
    ready = threading.Barrier(len(colours))

    def ask(colour):
        with server.client() as client:
            ready.wait()
            return client.post("/v1/predict", content=image(colour)).json()["pages"][0]["probabilities"]

    with ThreadPoolExecutor(len(colours)) as pool:
        answers = list(pool.map(ask, colours))
    for colour, answer in zip(colours, answers, strict=True):
        assert np.array_equal(np.float32(list(answer.values())), row_of(np.full((60, 40, 3), colour, np.uint8)))
    with server.client() as client:
        text = client.get("/metrics").text
    batches = float(next(line for line in text.splitlines() if line.startswith("munseo_batch_pages_count")).split()[1])
    assert batches < len(colours), "pages of several requests were answered together"
    assert f'munseo_pages_total{{outcome="answered"}} {len(colours)}.0' in text


def test_a_failing_model_fails_one_batch_and_reveals_nothing(server):
    with server.client() as client:
        answer = client.post("/v1/predict", content=image(BROKEN))
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert not {"secret", "weights", "Traceback", "RuntimeError"} & set(answer.text.replace("/", " ").split())
        assert client.post("/v1/predict", content=image()).status_code == 200


def test_the_service_describes_itself(server):
    with server.client() as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/v1/model").json() == {"run": "stand-in"}
        described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/v1/predict", "/v1/model", "/healthz", "/readyz", "/metrics"}
    body = described["paths"]["/v1/predict"]["post"]
    assert "multipart/form-data" in body["requestBody"]["content"]
    assert "429" in body["responses"]
    assert json.dumps(described["components"]["schemas"]["Answers"]["examples"])
