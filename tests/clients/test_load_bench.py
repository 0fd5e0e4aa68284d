"""The page that bench/load makes: every figure in its row, and what speaks against us is not left out."""

import importlib.util
import pathlib
import xml.etree.ElementTree

# By its path: bench/sound has a module of the same name.
_spec = importlib.util.spec_from_file_location("load_report", pathlib.Path(__file__).resolve().parents[2] / "bench/load/report.py")
report = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(report)


def row(name, column, cpu_percent, listeners=0, group="rooms"):
    rooms, peers, talkers = (int(n) for n in name.split("x"))
    server = {"cpu_percent": cpu_percent, "cpu_ms_per_peer_s": 0.5, "rss_kb_each": 80.0, "rss_mb": 20.0}
    shape = {"rooms": rooms, "peers": peers, "talkers": talkers, "listeners": listeners}
    figures = {"heard_percent": 99.9, "loss_percent": 0.0, "ticks": 100, "tick_p999_ms": 0.25}
    return {"group": group, "row": name, "column": column, "server": server, **shape, **figures}


def test_a_row_has_its_figures_and_a_load_that_failed_says_so():
    failed = {"group": "rooms", "row": "1x9x1", "column": "janus", "failed": "8 of 9 peers connected"}
    table = report.tables({"rows": [row("1x9x1", "mixminus", 4.25), failed, row("5x0x0", "mixminus", 0.0, group="idle")]})
    lines = table.splitlines()
    assert lines[0] == "### Rooms that talk"
    assert lines[4] == "| 1x9x1 | mixminus | 0.500 | 4.2 | 80 | 20 | 0.000 | 99.9 | ≤ 0.25 |"
    assert "8 of 9 peers connected" in lines[5]
    assert "| 5x0x0 | mixminus | - | 0.0 | 80 (a room) |" in table
    assert {line.count("|") for line in lines if line.startswith("|")} == {10}


def test_what_costs_more_than_with_janus_is_named_and_nothing_else():
    dearer = [row("1x9x1", "mixminus", 9.0), row("1x9x1", "mixed", 3.0), row("1x9x1", "janus", 8.0)]
    assert report.behind({"rows": dearer}) == ["- 1x9x1, mixminus: CPU 9 against 8."]
    assert report.behind({"rows": [row("1x9x1", "mixminus", 7.0), row("1x9x1", "janus", 8.0)]}) == ["- none."]


def test_the_picture_has_a_point_for_each_figure():
    rows = [row(f"1x{n + 1}x1", column, n * 0.1, n, "listeners") for column in ("mixminus", "janus") for n in (10, 100, 2000)]
    picture = xml.etree.ElementTree.fromstring(report.picture({"rows": rows}))
    tags = [part.tag.rsplit("}")[-1] for part in picture.iter()]
    assert (tags.count("polyline"), tags.count("circle")) == (2, 6)
    xs = [float(part.get("cx")) for part in picture.iter() if part.tag.endswith("circle")]
    assert xs[:3] == sorted(xs[:3]) and max(xs) <= 860
