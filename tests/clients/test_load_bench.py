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
    figures = {"longest_gap_ms": 21.0, "sent_late": 0, "client_cpu_percent": 9.0, "heard_percent": 99.9, "loss_percent": 0.0, "ticks": 100, "tick_p999_ms": 0.25}
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


def wanted(document):
    """Of each line of what was wanted, by its first words: what was measured and whether it holds."""
    return {what: (measured, holds) for what, measured, holds in report.wanted.rows(document)}


def find(document, words):
    lines = [line for what, line in wanted(document).items() if what.startswith(words)]
    assert len(lines) == 1, words
    return lines[0]


def test_without_figures_nothing_is_said_to_hold():
    assert {holds for _, holds in wanted({"rows": []}).values()} == {None}
    assert "| -" in report.wanted_table({"rows": []}).splitlines()[2]


def test_cpu_is_beside_a_part_of_that_of_janus():
    ours, theirs = row("1x100x1", "mixminus", 3.0), row("1x100x1", "janus", 60.0)
    ours["server"]["cpu_ms_per_peer_s"], theirs["server"]["cpu_ms_per_peer_s"] = 0.3, 6.0
    assert find({"rows": [ours, theirs]}, "1x100x1")[1] is True
    theirs["server"]["cpu_ms_per_peer_s"] = 5.9
    assert find({"rows": [ours, theirs]}, "1x100x1")[1] is False


def listening(us, room=0.5):
    """A talker and N listeners, each packet to all but the first ten so many µs, a room with those so many % of a core."""
    rows = [row(f"1x{n + 1}x1", "mixminus", room + each * (n - 10) * 50 / 1e4, n, "listeners") for n, each in us.items()]
    for one in rows:
        one["server"]["over_ten_percent"] = one["server"]["cpu_percent"] - room
    return rows


def test_listeners_are_flat_and_near_the_floor_without_what_their_room_costs():
    floor = {"floor": {"loopback": [{"destinations": n, "sendto_us": 2.0} for n in (10, 100, 1000, 2000)]}}
    level = {100: 4.0, 500: 4.4, 1000: 4.6, 2000: 4.7}
    document = {"rows": listening(level), "scenarios": floor}
    measured, holds = find(document, "CPU a listener, forwarded, 10")
    assert holds is True and "100: 4.00 (4.60)" in measured
    assert find(document, "CPU a listener, forwarded: ≤")[1] is True
    steep = {"rows": listening({**level, 2000: 5.1}), "scenarios": floor}
    assert [find(steep, f"CPU a listener, forwarded{rest}")[1] for rest in (", 10", ": ≤")] == [False, False]


def refused(joined, count, p99=2.0):
    base = row("1x9x1", "mixminus", 9.0)
    return {**base, "joined": joined, "offered": 200, "recovered_s": 0.5, "refused": {"count": count, "with_retry_after": count, "after_ms": {"p99": p99}}}


def test_overload_holds_only_where_those_in_hear_all_and_the_others_are_told_at_once():
    words = "overload"
    assert find({"rows": [], "scenarios": {"overload": refused(60, 140)}}, words)[1] is True
    worse = [{"loss_percent": 0.01}, {"longest_gap_ms": 100.0}, {"heard_percent": 98.0}, {"joined": 80}, {"recovered_s": None}]
    worse += [{"refused": refused(60, 140, p99=120.0)["refused"]}, {"refused": {**refused(60, 140)["refused"], "with_retry_after": 139}}]
    for figures in worse:
        assert find({"rows": [], "scenarios": {"overload": {**refused(60, 140), **figures}}}, words)[1] is False, figures
    assert find({"rows": [], "scenarios": {"overload": {"missing": "no --budget"}}}, words) == ("no --budget", False)


def test_two_workers_are_beside_one_that_was_full():
    # Who comes in after the first refusal does not count.
    taken = lambda peers, count=10: {**refused(peers + 20, count), "joined_at_once": peers}  # noqa: E731
    found = {f"{name}, {count}": taken(50 * count) for name in ("small rooms", "one large room") for count in (1, 2)}
    found |= {f"{name}, threads": {"worker-0": 4.0, "worker-1": 4.0} for name in ("small rooms", "one large room")}
    document = {"rows": [], "scenarios": {"workers": found}}
    assert find(document, "two workers carry ≥ 1.8 × what one does, small")[1] is True
    found["small rooms, 1"] = refused(50, 0)
    found["one large room, 2"] = taken(89)
    assert [find(document, f"two workers carry ≥ 1.8 × what one does, {name}")[1] for name in ("small", "one")] == [False, False]


def test_idle_rooms_wake_no_worker():
    one = {"seconds": 10, "cpu_percent": 0.01, "wakeups": 3, "wakeups_of_workers": 0}
    found = {"1000 rooms": one, "10000 rooms": one, "1000 peers": one}
    assert find({"rows": [], "scenarios": {"idle": found}}, "1 000 idle rooms")[1] is True
    found["1000 rooms"] = {**one, "wakeups_of_workers": 1}
    assert find({"rows": [], "scenarios": {"idle": found}}, "1 000 idle rooms")[1] is False
