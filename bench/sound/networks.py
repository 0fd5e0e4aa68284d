"""The networks between a talker and the server: for each packet, when each copy of it arrives. Pure and
seeded: the same name, packets and seed give the same fates, so every server meets the very same network."""

import dataclasses
import random

BURST_PACKETS = 3  # the mean length of a burst of losses


@dataclasses.dataclass(frozen=True)
class Network:
    """What happens to packets; shares are 0 to 1, times milliseconds."""

    name: str
    label: str
    loss: float = 0.0
    bursts: bool = False
    jitter_ms: float = 0.0  # each packet is held for 0 to this long, evenly spread; none overtakes another
    reordered: float = 0.0  # these are held 30 ms: the next packet overtakes them
    repeated: float = 0.0  # these come a second time 10 ms later
    fec: bool = True  # whether the talker's packets carry in-band FEC


NETWORKS = [
    Network("clean", "clean"),
    *(Network(f"loss{p}", f"{p} % lost", loss=p / 100) for p in (2, 5, 10, 20)),
    *(Network(f"burst{p}", f"{p} % lost in bursts", loss=p / 100, bursts=True) for p in (2, 5, 10, 20)),
    *(Network(f"jitter{ms}", f"jitter {ms} ms", jitter_ms=ms) for ms in (30, 60)),
    Network("reorder5", "5 % reordered", reordered=0.05),
    Network("repeat5", "5 % repeated", repeated=0.05),
    *(Network(f"nofec{p}", f"{p} % lost, no FEC sent", loss=p / 100, fec=False) for p in (5, 10)),
]


def by_name(names):
    """The networks of these names, in the table's order; ValueError names what there is."""
    known = [network.name for network in NETWORKS]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"unknown rows: {' '.join(unknown)}; there are: {' '.join(known)}")
    return [network for network in NETWORKS if network.name in names]


def fates(network, packets, seed, packet_ms=20):
    """For each packet the delays in ms at which copies of it arrive: () is lost, (0.0,) untouched,
    (0.0, 10.0) repeated. The first and the last packet always arrive, so that a stream has its ends.
    The share of losses (of packets held, of packets repeated) is exact to one packet: of many draws the
    first with that count is taken, so that a row does not depend on a lucky draw."""
    rng = random.Random(f"{network.name} {seed}")
    lost = _exactly(network.loss, packets, rng, _bursts if network.bursts else _single)
    held = _exactly(network.reordered, packets, rng, _single)
    twice = _exactly(network.repeated, packets, rng, _single)
    all_fates, last_ms = [], 0.0
    for index in range(packets):
        delay_ms = rng.uniform(0.0, network.jitter_ms) if network.jitter_ms else 0.0
        # A queue keeps its order: none arrives before the one that went in before it.
        arrives_ms = max(index * packet_ms + delay_ms, last_ms)
        last_ms = arrives_ms
        delay_ms = arrives_ms - index * packet_ms + (30.0 if held[index] else 0.0)
        if lost[index]:
            all_fates.append(())
        else:
            all_fates.append((delay_ms, delay_ms + 10.0) if twice[index] else (delay_ms,))
    return all_fates


def _exactly(share, packets, rng, draw):
    wanted = round(share * packets)
    if wanted == 0:
        return [False] * packets
    for _ in range(100_000):
        drawn = draw(share, packets, rng)
        drawn[0] = drawn[-1] = False
        if sum(drawn) == wanted:
            return drawn
    raise ValueError(f"no draw of {packets} packets has {wanted} of them; are there too few packets?")


def _single(share, packets, rng):
    return [rng.random() < share for _ in range(packets)]


def _bursts(share, packets, rng):
    """Gilbert-Elliott with nothing lost in the good state and everything in the bad one."""
    end = 1 / BURST_PACKETS
    begin = share * end / (1 - share)
    bad, drawn = False, []
    for _ in range(packets):
        bad = rng.random() >= end if bad else rng.random() < begin
        drawn.append(bad)
    return drawn
