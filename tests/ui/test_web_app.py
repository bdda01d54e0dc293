"""The pages as a client without scripts receives them."""

import contextlib
import csv
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from urllib.parse import quote, urlencode

import httpx
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from starlette.testclient import TestClient
from ui_process import served

from munseo import fix, predict
from munseo import ui as serve_page
from munseo._errors import UserError
from munseo._report.leaderboard import COLUMNS
from munseo._run import open_run
from munseo._run.atomic import write_json
from munseo._ui.site import Site
from munseo._ui.web_app import build


@pytest.fixture
def client(ui):
    with httpx.Client(base_url=ui.url, timeout=120, follow_redirects=True) as client:
        yield client


def test_the_leaderboard_sorts_and_filters(client, ui, name):
    text = client.get("/", params={"sort": "public"}).text
    order = re.findall(r'<th scope="row"><a [^>]*href="/runs/([^"]+)"', text)
    assert len(order) == 2
    assert order[0] == quote(name), "the one with a server's score first"
    assert "0.7664" in text
    assert re.search(r'aria-sort="descending"><a [^>]*>Server', text)
    assert "No run matches" in client.get("/", params={"q": "nothing like it"}).text
    found = client.get("/", params={"q": "-test_"}).text
    assert len(re.findall(r'type="checkbox" [^>]*name="run"', found)) == 1


def test_the_leaderboard_shows_every_column_with_its_title(client, ui):
    for language in ("en", "ko"):
        text = client.get("/", headers={"accept-language": language}).text
        titles = dict(re.findall(r'<a id="by-([^"]+)"[^>]*>([^<]+)', text))
        assert set(titles) == {key for key, column in COLUMNS.items() if column.position is not None}
        assert all(title.strip() for title in titles.values())
        assert len(re.findall(r"<t[dh]", text.split("<tbody>")[1])) == (len(titles) + 1) * text.count('name="run"')


def test_a_run_shows_its_confusion_and_leads_to_its_pages(client, ui, name):
    text = client.get(f"/runs/{name}").text
    table = pd.read_parquet(ui.runs / name / "val_predictions.parquet")
    predicted = table[[c for c in table if c.startswith("p_")]].to_numpy().argmax(axis=1)
    true, said = int(table["target"][0]), int(predicted[0])
    count = int(((table["target"] == true) & (predicted == said)).sum())
    cell = re.search(rf'href="([^"]*true={true}&amp;predicted={said})"[^>]*>(\d+)<', text)
    assert cell, "the cell is a link"
    assert int(cell[2]) == count
    pages = client.get(cell[1].replace("&amp;", "&")).text
    assert len(re.findall(r"<li class=", pages)) == count
    picture = client.get(re.search(r'src="([^"]+/image[^"]+)"', pages)[1].replace("&amp;", "&"))
    assert Image.open(BytesIO(picture.content)).size[0] > 20


def test_filters_by_confidence_and_damage(client, name, ui):
    table = pd.read_parquet(ui.runs / name / "val_predictions.parquet")
    everything = client.get(f"/runs/{name}/pages").text
    assert f"of {len(table)}" in everything
    assert "No page matches" in client.get(f"/runs/{name}/pages", params={"least": 1.0}).text
    assert "No page matches" in client.get(f"/runs/{name}/pages", params={"damage": "earthquake"}).text
    wrong = client.get(f"/runs/{name}/pages", params={"wrong": "true"}).text
    assert 'class="right"' not in wrong


def test_a_page_has_probabilities_views_and_heat(client, name, ui):
    page_id = pd.read_parquet(ui.runs / name / "val_predictions.parquet")["ID"][0]
    text = client.get(f"/runs/{name}/page", params={"id": page_id}).text
    assert text.count("%") > 12
    assert "deskewed_denoised" in text
    assert text.count("data:image/jpeg") == 13
    heat = client.get(re.search(r'class="heat" src="([^"]+)"', text)[1].replace("&amp;", "&"))
    pixels = np.asarray(Image.open(BytesIO(heat.content)))
    assert pixels.shape == (64, 64, 3)
    assert client.get(f"/runs/{name}/page", params={"id": "../../etc/passwd"}).status_code == 404


def test_two_runs_compared(client, ui):
    names = [path.name for path in ui.runs.iterdir() if path.is_dir()]
    text = client.get("/compare", params={"run": names}).text
    assert "<code>weight_decay</code>" in text
    assert "4 of the" in text, "the planted pages"
    assert client.get("/compare", params={"run": names[:1]}).status_code == 400
    assert client.get("/compare", params={"run": ["a", "b"]}).status_code == 404


def test_a_report_in_both_languages(client, name):
    korean = client.get(f"/runs/{name}/report", headers={"accept-language": "ko-KR,ko;q=0.9"}).text
    assert '<html lang="ko">' in korean
    assert "혼동" in korean
    english = client.get(f"/runs/{name}/report", params={"lang": "en"}).text
    assert '<html lang="en">' in english
    assert '<html lang="en">' in client.get("/", headers={"accept-language": "ko"}).text, "the choice is remembered"


def test_trying_gives_what_predict_gives(client, name, ui, documents, tmp_path):
    files = sorted((documents / "test").iterdir())[:2]
    output = predict(ui.runs / name, files, tmp_path / "p.parquet", proba=True, quiet=True)
    best = pd.read_parquet(output).set_index("ID")["class_name"] if "class_name" in pd.read_parquet(output) else None
    document = BytesIO()
    Image.open(files[0]).convert("RGB").save(document, "PDF")
    sent = [("file", (files[1].name, files[1].read_bytes())), ("file", ("two.pdf", document.getvalue())),
            ("file", ("broken.png", b"no image"))]  # fmt: skip
    text = client.post("/try", params={"run": name}, files=sent).text.replace("<wbr>", "")
    answers = re.findall(r'class="answer"><strong>([^<]+)</strong>', text)
    assert len(answers) == 2
    assert best is None or answers[0] == best[files[1].name]
    assert "broken.png, page 1: is not an image" in text
    assert "Evidence in the page" in text
    assert client.post("/try", params={"run": "../x"}, files=sent[:1]).status_code == 404


def test_augmenting_draws_and_saves_what_the_sliders_say(client):
    quiet = {"what": "competition", **{f"{name}.p": "0" for name in (
        "overlay", "mirror", "rotation", "focus_blur", "brightness", "noise", "occlusion")}}  # fmt: skip
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", client.get("/augment/preview", params=quiet).text)
    assert len(set(pictures)) == 1, "nothing happens to a page"
    pictures = re.findall(
        r"data:image/jpeg;base64,([^\"]+)", client.get("/augment/preview", params={"what": "eda"}).text
    )
    assert len(set(pictures)) == len(pictures)
    saved = client.get("/augment/yaml", params={**quiet, "noise.p": "0.5", "noise.l": "0.2", "noise.h": "0.7"})
    assert yaml.safe_load(saved.text) == {
        "name": "competition", "damages": {"noise": {"probability": 0.5, "severity": [0.2, 0.7]}},
    }  # fmt: skip
    policy = yaml.safe_load(client.get("/augment/yaml", params={"what": "eda", "noise_p.v": "0.25"}).text)
    assert policy["augmentation_params"]["eda"]["noise_p"] == 0.25


def test_requests_from_other_sites_are_refused(client, ui, name):
    answer = client.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text), "nothing is fetched from elsewhere"
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    decision = {"name": "labels", "part": "train", "id": "x", "target": "0", "action": "drop", "seen": "0"}
    refused = client.post("/review/decide", data=decision, headers={"origin": "http://evil.example"})
    assert refused.status_code == 403
    assert client.get("/runs/..%2f..%2fetc").status_code == 404
    assert client.get("/nothing").status_code == 404
    assert not ui.review_file.exists()


def test_reviewed_labels_are_corrected(client, ui, tmp_path):
    """Without scripts: a relabel, a drop that is undone, and the doctor's fix step."""

    def sent(text, action):
        form = next(form for form in text.split("<form")[1:] if f'name="action" value="{action}"' in form)
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))

    for queue in ("copies", "uncertain"):
        assert client.get("/review", params={"name": queue}).status_code == 200
    text = client.get("/review").text
    relabelled = sent(text, "relabel")
    text = client.post("/review/decide", data=relabelled).text
    dropped = sent(text, "drop")
    assert dropped["id"] != relabelled["id"]
    text = client.post("/review/decide", data=dropped).text
    number = re.search(r'name="number" value="(\d+)"', text)[1]
    text = client.post("/review/undo", data={"name": "labels", "number": number}).text
    assert sent(text, "drop")["id"] == dropped["id"], "it is shown again"
    fix(ui.data, ui.review_file, tmp_path / "fixed.csv")
    before = pd.read_csv(ui.data / "train.csv", dtype=str).set_index("ID")["target"]
    after = pd.read_csv(tmp_path / "fixed.csv", dtype=str).set_index("ID")["target"]
    assert list(after.index) == list(before.index)
    assert dict(after[after != before]) == {relabelled["id"]: relabelled["new_target"]}


def test_no_acknowledged_decision_is_lost_when_the_process_is_killed(two_runs, documents, tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "none").mkdir()
    ids = pd.read_csv(documents / "train.csv", dtype=str)
    acknowledged: list[str] = []

    def decide(row, page, enough):
        sent = {"name": "labels", "part": "train", "id": row.ID, "target": row.target, "action": "keep", "seen": "0"}
        with contextlib.suppress(httpx.TransportError):
            if httpx.post(f"{page.url}/review/decide", data=sent, timeout=30).status_code == 303:
                acknowledged.append(row.ID)
                if len(acknowledged) == enough:
                    page.process.send_signal(signal.SIGKILL)

    for start, enough in ((0, 10), (40, 20)):
        with served(runs, documents) as page, ThreadPoolExecutor(4) as pool:
            rows = ids.iloc[start : start + 40].itertuples()
            list(pool.map(decide, rows, itertools.repeat(page), itertools.repeat(enough)))
    with (runs / "review.csv").open(encoding="utf-8", newline="") as file:
        written = {row["ID"] for row in csv.DictReader(file)}
    assert len(acknowledged) >= 20
    assert set(acknowledged) <= written


def test_missing_folders_and_files_are_reported(tmp_path):
    done = subprocess.run([sys.executable, "-m", "munseo", "ui", str(tmp_path / "no")], capture_output=True, text=True,
                          check=False, env=os.environ | {"COLUMNS": "200"})  # fmt: skip
    assert done.returncode == 2
    assert "no: there is no such folder" in done.stderr
    for words, said in (
        ({"data": tmp_path / "no"}, "no such data folder"),
        ({"host": "0.0.0.0"}, "other machines reach"),
        ({"issues": tmp_path / "i.csv"}, "munseo doctor"),
    ):
        with pytest.raises(UserError, match=said):
            serve_page(tmp_path, **words)


def test_a_run_that_begins_is_shown_as_it_goes(client, ui, name, tmp_path):
    run = open_run(ui.runs / name)
    assert run.read_manifest()["status"] == "finished"
    text = client.get(f"/runs/{name}").text
    assert "hx-trigger" not in text.split('id="live"')[1].split(">")[0]
    assert text.count("<polyline") >= 3


NASTY = ("²", "-1", "1e9", "nan", "9" * 5000, "\x00", "//other.example", "\udcff", "")


@pytest.fixture(scope="module")
def app(two_runs, documents, tmp_path_factory):
    """The application itself, without a server."""
    return build(
        Site(two_runs, documents, None, tmp_path_factory.mktemp("review") / "review.csv"), lambda run: None, ()
    )


def test_no_value_of_a_query_breaks_a_page_or_leads_elsewhere(app, two_runs):
    """Every parameter of every page that is read, with values that ``isdigit``, ``int`` or ``float`` stumble over."""
    name = next(two_runs.iterdir()).name
    page_id = pd.read_parquet(two_runs / name / "val_predictions.parquet")["ID"][0]
    given = {"id": page_id, "part": "train", "what": "eda", "run": name, "label": "0"}
    asked = 0
    with TestClient(app, follow_redirects=False) as client:
        for route in read_routes(app.routes):
            path = route.path.replace("{name}", name)
            parameters = [parameter.name for parameter in route.dependant.query_params]
            needed = {key: given[key] for key in parameters if key in given}
            # Every page reads the language, and a slider of the augmentation page has no parameter of its own.
            more = {"/": ["lang"], "/augment": ["rotation_deg.l"]}.get(route.path, [])
            for parameter in [*parameters, *more]:
                for value in NASTY:
                    query = urlencode({**needed, parameter: value}, errors="surrogateescape")
                    answer = client.get(f"{path}?{query}")
                    assert answer.status_code < 500, (path, parameter, value[:20], answer.text[-300:])
                    assert not 300 <= answer.status_code < 400, (path, parameter, answer.headers)
                    asked += 1
    assert asked > 150


def read_routes(routes):
    """Return the routes that answer GET, also those of included routers."""
    found = []
    for route in routes:
        if "GET" in (getattr(route, "methods", None) or ()) and hasattr(route, "dependant"):
            found.append(route)
        found += read_routes(getattr(getattr(route, "original_router", None), "routes", []))
    return found


def test_a_number_that_is_no_index_of_a_class_is_not_found(client, name):
    for true in ("²", "٣", "999", "-1"):
        assert client.get(f"/runs/{name}/pages", params={"true": true}).status_code == 404
    page_id = re.search(r"id=([^&\"]+)", client.get(f"/runs/{name}/pages", params={"true": "0"}).text)[1]
    assert client.get(f"/runs/{name}/heat?id={page_id}&label=999").status_code == 404


@pytest.mark.parametrize("path", ["//other.example/x", "///other.example/x", "/%5Cother.example", "/%09/other.example"])
def test_another_language_is_never_on_another_host(app, path):
    with TestClient(app, follow_redirects=False) as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=f"{path}?lang=ko&a=1".encode())
        answer = client.send(request)
        assert answer.status_code == 303
        assert re.match(r"/[^/\\]", answer.headers["location"]), answer.headers["location"]
        request.url = request.url.copy_with(raw_path=path.encode())
        links = re.findall(r'href="([^"]*)\?lang=', client.send(request).text)
        assert links
        assert all(re.match(r"/[^/\\\s]", link) for link in links), links


def test_head_is_answered_like_get_without_a_body(client, name):
    for path in ("/", f"/runs/{name}", "/static/report.css"):
        answer = client.head(path)
        assert answer.status_code == 200
        assert answer.content == b""
        assert answer.headers["content-type"] == client.get(path).headers["content-type"]


def test_labelled_test_sets_are_listed_and_lead_to_the_report(client, ui, name):
    run = open_run(ui.runs / name)
    assert "Labelled test sets" not in client.get(f"/runs/{name}", params={"lang": "en"}).text
    expected = {"macro_f1": 0.71, "interval": [0.66, 0.76]}
    entries = {"name": "branch_b", "evaluated": "2026-07-05T10:00:00+09:00", "data": "/data", "expected": expected}
    entries |= {"num_groups": 13, "effective_groups": 9.2}
    run.evaluation_dir("branch_b").mkdir(parents=True)
    write_json(run.evaluation_dir("branch_b") / "results.json", {**run.read_json(run.results_file)["val"], **entries})
    text = client.get(f"/runs/{name}").text
    assert "Labelled test sets" in text
    assert "0.660–0.760" in text
    assert text.count("13 groups of pages, worth 9 of equal size: the interval may be too narrow") == 1
    link = re.search(r'href="([^"]+)#(evaluation-1)"', text)
    assert f'id="{link[2]}"' in client.get(link[1]).text
    shutil.rmtree(run.evaluations_dir)
