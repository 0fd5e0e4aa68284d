"""What a listener heard, from the packets that it got: sound on the talker's clock, and when each sample could be heard."""

import dataclasses

import numpy as np

import opus
from opus import FRAME, RATE

LATE_SHARE = 0.01  # what a buffer that knows the row beforehand may lose to being late


@dataclasses.dataclass
class Heard:
    """`signal` (samples,) at 48 kHz, its first sample at the time when the talker began. `extra_s` for each 10 ms of
    it: how much later than that the sample could be heard."""

    signal: np.ndarray
    extra_s: np.ndarray
    forwarded: float  # the share of the packets that are the talker's own
    missing: int  # packets that had to be concealed or taken from FEC


def hear(packets, start, sent):
    """From `(arrival, sequence number, timestamp, payload)` in order of arrival. A mix comes over a clean network, so each
    packet is heard as it arrives. Forwarded packets carry the talker's network with them: they go through
    the buffer that `_buffered` describes."""
    arrived = _unwrapped([p for p in packets if p[3]])
    if not arrived:
        return Heard(np.zeros(RATE, np.float32), np.zeros(100), 0.0, len(sent))
    own = set(sent)
    forwarded = sum(payload in own for _, _, payload in arrived.values()) / len(arrived)
    return (_buffered if forwarded > 0.5 else _at_once)(arrived, start, forwarded)


def _unwrapped(packets):
    """{sequence number: (arrival, timestamp in samples, payload)}, both counted on from the first, first copy only."""
    arrived = {}
    _, first_sequence, first_timestamp, _ = packets[0] if packets else (0, 0, 0, b"")
    for arrival, sequence, timestamp, payload in packets:
        sequence = (sequence - first_sequence + 0x8000) % 0x10000 - 0x8000
        near = max(arrived, default=0)
        sequence += (near - sequence + 0x8000) // 0x10000 * 0x10000
        timestamp = (timestamp - first_timestamp + 0x80000000) % 0x100000000 - 0x80000000
        arrived.setdefault(sequence, (arrival, timestamp, payload))
    return dict(sorted(arrived.items()))


def _at_once(arrived, start, forwarded):
    base = float(np.median([arrival - at / RATE for arrival, at, _ in arrived.values()]))
    return _decode(arrived, base, start, forwarded, keep_extra=True)


def _buffered(arrived, start, forwarded):
    """The ideal buffer of a fixed depth: the least for which 1 % of packets are late, and one packet more where more than 1 % is
    missing, since the FEC of a lost packet is in the next. What is late counts as lost."""
    relative = np.array([arrival - at / RATE for arrival, at, _ in arrived.values()])
    base = float(np.quantile(relative, 1 - LATE_SHARE, method="lower"))
    span = max(arrived) - min(arrived) + 1
    if 1 - len(arrived) / span > LATE_SHARE:
        base += FRAME / RATE
    in_time = {s: p for s, p in arrived.items() if p[0] - p[1] / RATE <= base + 1e-3}
    return _decode(in_time, base, start, forwarded, keep_extra=False)


def _decode(arrived, base, start, forwarded, keep_extra):
    decoder = opus.Decoder()
    pieces, missing, end = [], 0, None
    sequences = range(min(arrived), max(arrived) + 1)
    for sequence in sequences:
        if sequence in arrived:
            arrival, at, payload = arrived[sequence]
            sound = decoder.decode(payload)
            extra = arrival - at / RATE - base if keep_extra else 0.0
        else:
            missing += 1
            follows = arrived.get(sequence + 1)
            # Its FEC helps only if it is there when this frame is due.
            if follows and follows[0] - (follows[1] - FRAME) / RATE <= base + (0 if not keep_extra else 1):
                sound = decoder.decode_fec(follows[2])
            else:
                sound = decoder.decode(None)
            at, extra = end, 0.0
        pieces.append((at, sound, extra))
        end = at + len(sound)
    offset = int(round((base - start) * RATE))
    length = max(end + offset, RATE)
    signal, extra_s = np.zeros(length, np.float32), np.zeros(length // 480 + 1)
    for at, sound, extra in pieces:
        begin = at + offset
        if begin >= 0:
            signal[begin : begin + len(sound)] = sound[: length - begin]
            extra_s[begin // 480 : (begin + len(sound)) // 480] = extra
    return Heard(signal, extra_s, forwarded, missing)
