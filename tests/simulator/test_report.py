# SPDX-License-Identifier: MIT
"""report.html of a run of several kits: its words, its bytes, what a real browser makes of it."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html import unescape

import drawing
import pytest
from browser import Browser
from click.testing import CliRunner

from host import report, runs
from host.cli import cli
from simulator.run import Run
from simulator.scenario import find

KITS = ("classroom", "bin", "water", "bikes")
PLOTS = [
    "co2", "fill", "due", "level", "count", "count_back", "temperature", "temperature_2",
    "humidity", "snr", "delivery", "airtime", "energy", "energy-mains",
    "battery", "map",
]  # fmt: skip
# Every letter of every plot that lies outside the plot, or outside the window.
CUT_OFF = """[...document.querySelectorAll('svg')].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 ||
           box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }).map(text => svg.parentElement.id + ': ' + text.textContent);
})"""
# Marks that have an extent on the screen, by plot, without the letters.
DRAWN = """Object.fromEntries([...document.querySelectorAll('figure')].map(figure => [figure.id,
  [...figure.querySelectorAll('svg .said')].filter(mark => {
    const box = mark.getBoundingClientRect();
    return box.width + box.height > 1;
  }).length]))"""
LETTERS_PX = """Math.min(...[...document.querySelectorAll('svg text')].map(
  text => text.getBoundingClientRect().height))"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder of 14 hours with one node of each kit, without its keys."""
    folder = tmp_path_factory.mktemp("street")
    plans = [find(kit) for kit in KITS]
    nodes = tuple(replace(plan.nodes[0], x_m=100.0 * at) for at, plan in enumerate(plans))
    worlds = tuple(plan.worlds[0] for plan in plans)
    Run(replace(plans[0], nodes=nodes, worlds=worlds, duration_h=14), folder).execute()
    for path in ("devices.json", "capture.pcap", "world.csv"):
        (folder / path).unlink()
    return folder


@pytest.fixture(scope="module")
def summary(kept):
    return json.loads((kept / "summary.json").read_text())


@pytest.fixture(scope="module")
def page(kept):
    assert report.write(kept)["plots"] == PLOTS
    return kept / report.NAME


@pytest.fixture(scope="module")
def browser(tool, tmp_path_factory):
    with Browser(tool("chromium"), tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize(("width_px", "phone"), [(1200, False), (390, True)])
def test_a_browser_draws_it_whole_and_asks_nobody(page, browser, width_px, phone):
    assert browser.open(page, width_px, phone=phone) == [page.resolve().as_uri()]
    assert browser.complaints() == []
    assert browser.ask("document.scrollingElement.scrollWidth") <= width_px
    assert browser.ask(CUT_OFF) == []
    drawn = browser.ask(DRAWN)
    assert list(drawn) == PLOTS
    assert all(drawn.values()), drawn
    assert browser.ask(LETTERS_PX) > 8


@pytest.fixture(scope="module")
def crowded(kept, tmp_path_factory):
    """The same run with ten nodes of each kit, which all measured the same."""
    folder = tmp_path_factory.mktemp("crowded")
    drawing.repeated(kept, folder, 10)
    report.write(folder)
    return folder / report.NAME


@pytest.mark.parametrize(("width_px", "phone"), [(1200, False), (390, True)])
def test_forty_nodes_have_a_row_each(crowded, browser, width_px, phone):
    browser.open(crowded, width_px, phone=phone)
    assert browser.complaints() == []
    assert browser.ask("document.scrollingElement.scrollWidth") <= width_px
    assert browser.ask(CUT_OFF) == []
    for key, names in (("co2", 10), ("delivery", 40)):
        texts = browser.ask(
            f"[...document.querySelectorAll('#{key} text')].map(each => each.textContent)"
        )
        assert len([each for each in texts if "-1" in each]) == names
    drawn = browser.ask(DRAWN)
    assert drawn["co2"] >= 10 and drawn["map"] >= 40
    # however often it changed, a shade of a row is one path
    assert (
        browser.ask("document.querySelectorAll('#temperature .said path').length")
        == drawn["temperature"]
    )
    assert crowded.stat().st_size < 1_000_000


def test_the_browser_sees_what_would_be_wrong(tmp_path, browser):
    """What the test above relies on: a request, a complaint, a cut letter and an empty plot."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<figure id="x"><svg viewBox="0 0 100 20" width="100"><text x="90" y="15">cut off</text>'
        '<g class="said"></g></svg></figure><img src="missing.png"><script>nothing()</script>'
    )
    assert len(browser.open(bad, 390)) == 2
    assert browser.complaints()
    assert browser.ask(CUT_OFF) == ["x: cut off"]
    assert browser.ask(DRAWN) == {"x": 0}


def test_it_says_in_a_browser_what_the_summary_says(page, browser, summary):
    browser.open(page, 1200)
    cells = browser.ask(
        "[...document.querySelectorAll('#numbers tbody tr')].map(row => "
        "[...row.cells].map(cell => cell.innerText))"
    )
    heads = browser.ask(
        "[...document.querySelectorAll('#numbers thead th')].map(cell => cell.innerText)"
    )
    assert [row[0] for row in cells] == [node["name"] for node in summary["nodes"]]
    for row, node in zip(cells, summary["nodes"], strict=True):
        found = dict(zip(heads, row, strict=True))
        assert found["sent"] == str(node["uplinks_sent"])
        assert found["heard"] == str(node["uplinks_heard"])
        assert found["airtime, s"] == f"{node['airtime_s']:.1f}"
        assert float(found["mAh a day"]) == pytest.approx(node["mah_day"], rel=1e-3)
        word = f"{node['uplinks_sent']} / {node['uplinks_heard']} / {node['decoded']}"
        assert word in browser.ask("document.querySelector('#delivery svg').textContent")


def test_a_line_goes_through_what_was_read(page, kept):
    """The plot's own numbers, from its path: the highest and the last CO2, by the axis' ticks."""
    (rows,) = runs.load(kept).series["co2"].values()
    svg = re.search(r'<figure id="co2">.*?</figure>', page.read_text(), re.S)[0]
    ticks = re.findall(r'<text [^>]*y="([\d.]+)"[^>]*>(\d{3,4})</text>', svg)
    (y0, low), (y1, high) = [(float(y), int(word)) for y, word in (ticks[0], ticks[-1])]
    path = re.search(r'class="said"><title>.*?</title>\s*<path d="([^"]*)"', svg, re.S)[1]
    points = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path)]
    values = [low + (y0 - 3.8 - y) * (high - low) / (y0 - y1) for y in points]
    assert max(values) == pytest.approx(max(value for _, value in rows), abs=4)
    assert values[-1] == pytest.approx(rows[-1][1], abs=4)


def test_who_cannot_see_or_print_colours_is_told_the_same(page, summary):
    text = page.read_text()
    labels = [unescape(each) for each in re.findall(r'role="img" aria-label="([^"]*)"', text)]
    assert len(labels) == text.count("<svg") == text.count("<figure ")
    node = next(each for each in summary["nodes"] if each["kit"] == "bikes")
    said = f"{node['name']}: {node['uplinks_sent']} sent, {node['uplinks_heard']} heard"
    assert any(said in label for label in labels)
    hatches = set(re.findall(r"fill: url\(#(h\w+)\)", text))
    assert len(hatches) >= 2


def test_the_head_says_what_came_out(page, summary):
    text = unescape(re.sub(r"<[^>]*>", "\n", page.read_text()))
    co2, _, water, bikes = summary["nodes"]
    hours, minutes = divmod(co2["co2_minutes_above_800"], 60)
    assert f"CO2 was above 800 ppm for {hours} h" + f" {minutes} min" * bool(minutes) in text
    assert f"{water['level_highest_mm']:+} mm from the mark" in text
    assert f"{bikes['name']}: {bikes['count_sum']} passed" in text
    sent = sum(node["uplinks_sent"] for node in summary["nodes"])
    heard = sum(node["uplinks_heard"] for node in summary["nodes"])
    assert f"{heard} of {sent} messages" in text or f"All {sent} messages arrived" in text


def test_ids_are_there_once_and_nothing_points_outside(page):
    text = page.read_text()
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    pointed = re.findall(r'(?:url\(#|href="#)([^)"]*)', text)
    assert pointed and set(pointed) <= set(ids)
    assert not re.search(r"https?:|<script|<link|<img|<image|@import|\bsrc=", text)


def test_the_same_run_gives_the_same_bytes(page, kept, tmp_path):
    """In another process, with other hashes, elsewhere, by the command that makes it anew."""
    shutil.copytree(kept, tmp_path / "copy")
    done = subprocess.run(
        [sys.executable, "-m", "host.cli", "report", "copy", "--out", "other.html", "--json"],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "71", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["report"] == "other.html"
    assert (tmp_path / "other.html").read_bytes() == page.read_bytes()
    assert made["bytes"] == page.stat().st_size < 300_000


def test_no_run_is_one_line(tmp_path):
    done = CliRunner().invoke(cli, ["report", str(tmp_path)], prog_name="node071")
    assert done.exit_code == 1
    assert done.stderr == (
        f"error: there is no whole run in {tmp_path}; "
        "name a folder that `node071 simulate --out` has filled\n"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("summary.json", "[]"),
        ("summary.json", '{"start": "x"}'),
        ("summary.json", '{"start": "2026-11-23T07:00", "end": "2026-11-23T07:00",'
         '"scenario": "x", "seed": 1, "nodes": [{"name": "a", "dev_eui": "00"}]}'),
        ("readings.csv", "time,name\nhello,bin-1\n"),
        ("readings.csv", "time,name\n2026-11-23T07:00:00,bin-1\n"),
        ("readings.csv", "\0"),
    ],
)  # fmt: skip
def test_a_broken_file_is_one_line(kept, tmp_path, name, text):
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    (folder / name).write_text(text)
    done = CliRunner().invoke(cli, ["report", str(folder), "--json"])
    assert done.exit_code == 1
    assert name in json.loads(done.stdout)["error"]


def test_a_run_that_was_cut_short_in_its_lines_is_drawn(page, kept, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    for name in ("capture.jsonl", "events.jsonl"):
        path = folder / name
        path.write_bytes(path.read_bytes()[:-40])
    assert report.write(folder)["plots"] == report.write(kept)["plots"]


def test_foreign_lines_among_the_events_change_nothing(kept, tmp_path, page):
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    with (folder / "events.jsonl").open("a") as file:
        file.write('[]\n{"t_us": "x", "node": 1, "event": []}\nhello\n{"event": "uplink"}\n')
    report.write(folder)
    assert (folder / report.NAME).read_bytes() == page.read_bytes()


def test_a_run_with_nothing_in_it_is_still_a_page(tmp_path):
    Run(replace(find("classroom"), duration_h=0.01), tmp_path).execute()
    assert report.write(tmp_path)["plots"][0] == "delivery"
    assert "What was measured" not in (tmp_path / report.NAME).read_text()


TOWN = """
start = 2026-11-23T06:00:00Z
duration_h = 22
gateway = [{ name = "depot", x_m = 300 }]
crowd = [{ name = "many", count = 50 }]
node = [{ name = "bin-1", kit = "bin", board = "rpi-pico-rfm95", world = "full" }]
[world.full]
kind = "bin"
bags_a_day = 20
"""


def test_simulate_out_writes_all_that_is_read(tmp_path):
    path = tmp_path / "town.toml"
    path.write_text(TOWN)
    done = CliRunner().invoke(cli, ["simulate", str(path), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    made = done.stdout.splitlines()[-2:]
    assert made == [
        f"report: {tmp_path / report.NAME}",
        f"bins due tomorrow: 1, {tmp_path / 'bins.geojson'}",
    ]
    found = json.loads((tmp_path / "bins.geojson").read_text())["features"]
    assert [each["properties"]["kind"] for each in found] == ["depot", "bin", "round"]
    (crowd,) = json.loads((tmp_path / "summary.json").read_text())["crowds"]
    heard = "All" if crowd["heard"] == crowd["sent"] else f"{crowd['heard']:,} of"
    text = (tmp_path / report.NAME).read_text()
    assert f"many, 50 cheap nodes: {heard} {crowd['sent']:,} messages arrived" in text
    assert "bin-1: " in text and "; due tomorrow." in text
    report.write(tmp_path)
    assert (tmp_path / report.NAME).read_text() == text


def test_a_name_in_a_file_is_no_html(kept, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    for name in ("summary.json", "readings.csv", "events.jsonl"):
        path = folder / name
        path.write_text(path.read_text().replace("bikes-1", "<b>&$bikes$"))
    report.write(folder)
    text = (folder / report.NAME).read_text()
    assert "&lt;b&gt;&amp;$bikes$" in text and "<b>" not in text
