"""What was promised, beside what was measured: pure, from the document that load.py makes."""

COUNTS = (100, 500, 1000, 2000)
# From one packet to the next are 20 ms; two of those lost or late are a gap.
GAP_MS = 60
# A share of 48 packets in 50: clocks and the edges of the measurement.
HEARD_PERCENT = 99.5
NOT_MEASURED = "not measured in this run"


def rows(document):
    """Lines of (what is wanted, what was measured, whether it holds); None where it was not measured."""
    of = {(row["row"], row["column"]): row for row in document["rows"] if "failed" not in row}
    found = document.get("scenarios", {})
    return [
        *_beside_janus(of),
        *_listeners(of, found.get("floor")),
        *_loss(of),
        *_workers(found.get("workers")),
        *_idle(found.get("idle")),
        _overload(found.get("overload")),
        _joins(found.get("joins")),
        _start(found.get("start")),
    ]


def _beside_janus(of):
    lines = []
    for name, part in (("1x100x1", 20), ("1x50x3", 8), ("10x5x2", 2)):
        wanted = f"{name}: CPU ≤ 1/{part} of Janus's"
        ours, theirs = of.get((name, "mixminus")), of.get((name, "janus"))
        if not ours or not theirs:
            lines.append((wanted, NOT_MEASURED, None))
            continue
        ours, theirs = (row["server"]["cpu_ms_per_peer_s"] for row in (ours, theirs))
        lines.append((wanted, f"{ours:.3f} against {theirs:.3f} ms a peer and second: {_part(theirs, ours)}", ours * part <= theirs))
    wanted = "memory a peer ≤ 1/3 of Janus's, 1x100x1"
    ours, theirs = of.get(("1x100x1", "mixminus")), of.get(("1x100x1", "janus"))
    if not ours or not theirs:
        return [*lines, (wanted, NOT_MEASURED, None)]
    ours, theirs = (row["server"]["rss_kb_each"] for row in (ours, theirs))
    return [*lines, (wanted, f"{ours:.0f} against {theirs:.0f} kB: {_part(theirs, ours)}", 3 * ours <= theirs)]


def _part(theirs, ours):
    return f"1/{theirs / ours:.1f}" if ours else "nothing"


def each_listener(of, column):
    """µs of CPU for each listener and packet (50 a second), by the number of listeners: all of it, and that of those from the
    eleventh on, for the first cost the room its wake-ups, its mix and the way into the kernel."""
    figures = {}
    for count in COUNTS:
        row = of.get((f"1x{count + 1}x1", column))
        if row and "over_ten_percent" in row["server"]:
            percent, more = (row["server"][key] for key in ("cpu_percent", "over_ten_percent"))
            figures[count] = percent * 1e4 / count / 50, more * 1e4 / (count - 10) / 50
    return figures


def _listeners(of, floor):
    lines = []
    floor = {one["destinations"]: one["sendto_us"] for one in (floor or {}).get("loopback", [])}
    # The floor is measured at fewer numbers.
    nearest = lambda count: floor.get(count) or floor[min(floor, key=lambda other: abs(other - count))]  # noqa: E731
    for column, name in (("mixminus", "forwarded"), ("mixed", "mixed")):
        figures = each_listener(of, column)
        flat = f"CPU a listener, {name}, 10 to 2 000: flat within 20 %"
        near = f"CPU a listener, {name}: ≤ 2.5 × the floor"
        if set(figures) != set(COUNTS):
            lines += [(flat, NOT_MEASURED, None), (near, NOT_MEASURED, None)]
            continue
        own = [figure for _, figure in figures.values()]
        said = ", ".join(f"{count}: {figure:.2f} ({raw:.2f})" for count, (raw, figure) in figures.items())
        ratio = max(own) / min(own) if min(own) > 0 else float("inf")
        lines.append((flat, f"largest / smallest {ratio:.2f}; µs a packet from the tenth listener on, of all in brackets: {said}", ratio <= 1.2))
        if not floor:
            lines.append((near, NOT_MEASURED, None))
            continue
        times = {count: figure / nearest(count) for count, (_, figure) in figures.items()}
        said = ", ".join(f"{count}: {ratio:.2f}" for count, ratio in times.items())
        at = ", ".join(f"{count}: {us:.2f}" for count, us in floor.items())
        lines.append((near, f"× the floor {said}; floor, µs: {at}", max(times.values()) <= 2.5))
    return lines


def _loss(of):
    row = of.get(("1x2001x1", "mixminus"))
    if not row:
        return [("2 000 listeners: no loss", NOT_MEASURED, None)]
    return [("2 000 listeners: no loss", f"{row['loss_percent']:.3f} %", row["loss_percent"] == 0)]


def perfect(row):
    """Nothing lost, heard all the time, no gap."""
    gap = row["longest_gap_ms"]
    return row["loss_percent"] == 0 and (row["heard_percent"] or 0) >= HEARD_PERCENT and gap is not None and gap <= GAP_MS


def _sound(row):
    return f"lost {row['loss_percent']:.3f} %, heard {row['heard_percent'] or 0:.1f} %, longest gap {row['longest_gap_ms']} ms"


def _absent(found):
    if found is None:
        return NOT_MEASURED
    return found.get("missing") or found.get("failed")


def at_once(row):
    """Who was in before the first was refused; where nobody was, all."""
    return row.get("joined_at_once", row["joined"])


def _workers(found):
    lines = []
    for name in ("small rooms", "one large room"):
        wanted = f"two workers carry ≥ 1.8 × what one does, {name}"
        if absent := _absent(found):
            lines.append((wanted, absent, None if found is None else False))
            continue
        one, two = (found[f"{name}, {count}"] for count in (1, 2))
        threads = ", ".join(f"{thread} {percent:.1f} %" for thread, percent in found[f"{name}, threads"].items())
        peers = [at_once(row) for row in (one, two)]
        said = f"{peers[0]} and {peers[1]} peers: × {peers[1] / max(peers[0], 1):.2f}; one: {_sound(one)}; two: {_sound(two)}; at equal load {threads}"
        # Where nobody was refused, it is the load that ended and not the worker.
        is_full = one["refused"]["count"] > 0
        said += "" if is_full else "; one worker refused nobody"
        lines.append((wanted, said, is_full and peers[1] >= 1.8 * peers[0] and perfect(one) and perfect(two)))
    return lines


def _idle(found):
    wanted = "1 000 idle rooms: under 0.2 % of a core, nothing wakes"
    if absent := _absent(found):
        return [(wanted, absent, None if found is None else False)]
    lines = []
    for name, kind in (("1000 rooms", wanted), ("10000 rooms", "10 000 idle rooms"), ("1000 peers", "1 000 idle peers")):
        one = found[name]
        said = f"{one['cpu_percent']:.3f} % of a core; in {one['seconds']} s the workers woke {one['wakeups_of_workers']} times, all threads {one['wakeups']}"
        # An empty server's threads of HTTP may wake; no worker may.
        holds = one["cpu_percent"] < 0.2 and one["wakeups_of_workers"] == 0 if kind is wanted else None
        lines.append((kind, said, holds))
    return lines


def _overload(found):
    wanted = "overload, three times the budget: those in keep perfect audio, others get 503 within 100 ms, it recovers by itself"
    if absent := _absent(found):
        return (wanted, absent, None if found is None else False)
    refused = found["refused"]
    said = (
        f"{found['joined']} of {found['offered']} let in: {_sound(found)}; {refused['count']} got 503 ({refused['with_retry_after']} with Retry-After), "
        f"p99 {refused['after_ms']['p99']} ms; "
    )
    recovered = found.get("recovered_s")
    said += "never took anybody again" if recovered is None else f"took joins again {recovered} s after they had left"
    holds = perfect(found) and refused["count"] == refused["with_retry_after"] > 0 and refused["after_ms"]["p99"] < 100
    return (wanted, said, holds and found["offered"] >= 3 * found["joined"] and recovered is not None)


def _joins(found):
    wanted = "100 joins a second for 60 s, each stays 2 s: p99 under 500 ms, nobody hears it"
    if absent := _absent(found):
        return (wanted, absent, None if found is None else False)
    joins = found["joins"]
    said = "; ".join(f"{name} p50 {one['p50']}, p99 {one['p99']}, max {one['max']} ms" for name, one in (("answered", joins["answer_ms"]), ("connected", joins["connected_ms"])))
    said = f"{joins['connected']} of {joins['asked']} connected: {said}; those who stayed: {_sound(found)}"
    return (wanted, said, joins["connected"] == joins["asked"] and joins["connected_ms"]["p99"] < 500 and perfect(found))


def _start(found):
    wanted = "start-up in under 100 ms; size of the programs watched"
    if absent := _absent(found):
        return (wanted, absent, None if found is None else False)
    return (wanted, f"{found['ms']} ms; mixminus-server {found['server_mb']} MB, mixminus {found['client_mb']} MB", found["ms"] < 100)
