"""What a listener heard against what the talker said. Pure: arrays in, figures out; numpy only.

All sound is mono at 16 kHz here (`to_16k`). `reference` is what one encode and decode with nothing lost makes of the
speech; `heard` lies on the same clock, so that the place where content is found minus where it was said is its delay.
First the path: for each 10 ms of the reference its lag in `heard`. Everything else is compared along that path, so that a
delay which changes, by stretched time or in a pause, is no damage by itself."""

import dataclasses

import numpy as np

RATE = 16_000
HOP = 160  # 10 ms: a window
STEP = 32  # 2 ms: the grid on which spectra and levels are compared
WINDOW = 256  # 16 ms, so that a gap of a whole window takes nearly all of its energy
BANDS_HZ = [100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7600]
ACTIVE_DB = 30.0  # a window is speech when it is at most this far below the mean level of speech
FLOOR_DB = 40.0  # what is this far below it, spread over all bands, nobody hears
DAMAGED_DB = 5.0  # a window is damaged when its bands are off by this in the mean
NOISE_DB = 20.0  # so is one without speech in which something louder than this below speech sounds
# What a change of the path costs, in windows that match: two steps of 0.25 ms are a stretch of 5 %, a jump is rare.
NUDGE_COST, JUMP_COST, SLIDE_COST = 0.02, 1.5, 0.005
SEARCH_MS = 6  # where the path moves, a window may find its best match this far from it; elsewhere it must be on it
PITCH_PERIOD_MS = 15.0  # time stretching repeats or leaves out at most this at once
GAP_DB = 20.0  # silence where there is speech: this much quieter than it


@dataclasses.dataclass
class Result:
    """The figures of one listener; windows are of 10 ms, `delay_ms` has one for each window of speech that was heard."""

    active: int
    damaged: int
    longest_gap_ms: float
    lag: np.ndarray  # for each window, samples at 16 kHz
    is_active: np.ndarray
    is_damaged: np.ndarray


def to_16k(signal, rate=48_000):
    """Resampled by its spectrum; rate must be a multiple of 16 kHz."""
    factor = rate // RATE
    size = len(signal) // factor
    spectrum = np.fft.rfft(signal[: size * factor])[: size // 2 + 1]
    return np.fft.irfft(spectrum, size) / factor


def compare(reference, heard, start_s, end_s, max_delay_s=0.6):
    """Compares the part of the reference from `start_s` to `end_s`; it may be found up to `max_delay_s` later."""
    first, last = int(start_s * RATE) // HOP, int(end_s * RATE) // HOP
    margin = int(max_delay_s * RATE) + 4 * RATE // 10
    heard = np.concatenate([heard, np.zeros(max(0, last * HOP + margin - len(heard)))])
    active_before = _is_active(reference)
    lag = path(reference, heard, first, last, active_before[first:last], max_delay_s)

    ref_bands, heard_bands = _bands(reference), _bands(heard)
    mean = ref_bands.sum(axis=1)[:: HOP // STEP][: len(active_before)][active_before[: len(ref_bands)]].mean()
    at = np.arange(first, last) * HOP // STEP
    # Where it is found to the sample: where speech begins, a millisecond beside it is 5 dB.
    found = np.arange(first, last) * HOP + lag
    found_bands = _bands_around(heard, found)
    is_active = active_before[first:last]
    # A mix may be softer or louder as a whole: that is a fader, no damage.
    gain = np.median(ref_bands[at][is_active].sum(axis=1) / (found_bands[is_active].sum(axis=1) + 1e-12))
    floor = mean * 10 ** (-FLOOR_DB / 10) / ref_bands.shape[1]
    ref_db, heard_db = 10 * np.log10(ref_bands + floor), 10 * np.log10(heard_bands * gain + floor)
    floor_db = 10 * np.log10(floor)

    reach = range(-SEARCH_MS // 2, SEARCH_MS // 2 + 1)
    moves = np.abs(np.diff(lag, prepend=lag[0])) > STEP // 2
    moves = np.convolve(moves, np.ones(5), "same") > 0
    near = [_off_db(ref_db[at], 10 * np.log10(_bands_around(heard, found + r * STEP) * gain + floor), floor_db) for r in reach]
    off = np.where(moves, np.min(near, axis=0), near[len(near) // 2])
    heard_loud = found_bands.sum(axis=1) * gain > mean * 10 ** (-NOISE_DB / 10)
    is_damaged = np.where(is_active, off > DAMAGED_DB, heard_loud & (off > DAMAGED_DB))
    inserted = sum(_inserted(i, lag, is_active, ref_db, heard_db, floor_db, at) for i in range(1, len(lag)))
    return Result(
        active=int(is_active.sum()),
        damaged=int(is_damaged.sum() + inserted),
        longest_gap_ms=max(longest_gap_ms(reference, heard * np.sqrt(gain), first, lag, is_active, mean), _left_out_ms(lag, is_active & is_damaged)),
        lag=lag,
        is_active=is_active,
        is_damaged=is_damaged,
    )


def path(reference, heard, first, last, is_active, max_delay_s):
    """For each window of the reference its lag in samples: the best way through all windows' normalised
    cross-correlations, in which a change of the lag costs, less where nothing is said."""
    stride = 4  # 0.25 ms
    lags = int(max_delay_s * RATE) // stride
    half = 320  # 20 ms each side
    lowest = int(0.03 * RATE)  # somewhat earlier than said, for what rings before
    x = np.concatenate([np.zeros(half), reference, np.zeros(half)])
    y = np.concatenate([np.zeros(half + lowest), heard, np.zeros(half)])
    span = 2 * half + lowest + lags * stride
    size = 1 << (span - 1).bit_length()
    taper = np.hanning(2 * half)
    energy = np.concatenate([[0.0], np.cumsum(y**2)])
    total = lags + lowest // stride
    best, came_from = np.zeros(total), np.zeros((last - first, total), np.int16)
    quiet = (np.mean(reference**2) * 2 * half) * 1e-5
    for row, window in enumerate(range(first, last)):
        at = window * HOP
        part = x[at : at + 2 * half] * taper
        piece = y[at : at + span]
        cross = np.fft.irfft(np.fft.rfft(piece, size) * np.conj(np.fft.rfft(part, size)), size)
        cross = cross[: total * stride : stride]
        here = energy[at : at + total * stride : stride]
        norm = np.sqrt((part**2).sum() * (energy[at + 2 * half : at + 2 * half + total * stride : stride] - here) + quiet**2)
        likeness = np.maximum(cross[: len(norm)] / norm, 0.0) ** 2 * (1.0 if is_active[row] else 0.05)
        if row == 0:
            best = likeness
            continue
        choices, origin = _cheapest(best, *((JUMP_COST, SLIDE_COST) if is_active[row] else (0.2, 0.001)))
        came_from[row] = origin
        best = choices + likeness
    way = np.empty(last - first, int)
    way[-1] = int(np.argmax(best))
    for row in range(last - first - 1, 0, -1):
        way[row - 1] = came_from[row][way[row]]
    return way * stride - lowest


def _cheapest(best, jump_cost, slide_cost):
    """For each lag the best score that the lag before it can have, and which lag that was: staying is free, two steps to
    either side cost little, any other change costs more the farther it goes."""
    index = np.arange(len(best))
    choices, origin = best.copy(), index.copy()
    for shift in (-2, -1, 1, 2):
        moved = np.full(len(best), -np.inf)
        if shift > 0:
            moved[shift:] = best[:-shift]
        else:
            moved[:shift] = best[-shift:]
        moved -= NUDGE_COST * abs(shift)
        better = moved > choices
        choices[better], origin[better] = moved[better], (index - shift)[better]
    for direction in (1, -1):
        line = (best + slide_cost * index * direction)[::direction]
        top = np.maximum.accumulate(line)
        which = np.maximum.accumulate(np.where(line == top, np.arange(len(line)), 0))
        reached, which = top[::direction], (which if direction == 1 else len(best) - 1 - which)[::direction]
        reached = reached - slide_cost * index * direction - jump_cost
        better = reached > choices
        choices[better], origin[better] = reached[better], which[better]
    return choices, origin


def straightened(reference_length, heard, first, lag):
    """`heard` as it would be with no delay: its windows moved back along the path and joined by overlapping. From
    window `first` on, shape (windows * HOP,)."""
    out = np.zeros(len(lag) * HOP + HOP)
    fade = np.hanning(2 * HOP + 1)[:-1]
    heard = np.concatenate([heard, np.zeros(reference_length)])
    for row, shift in enumerate(lag):
        at = max(0, (first + row) * HOP + int(shift) - HOP)
        begin = row * HOP - HOP
        piece = heard[at : at + 2 * HOP] * fade
        if begin < 0:
            out[:HOP] += piece[HOP:]
        else:
            out[begin : begin + 2 * HOP] += piece
    return out[: len(lag) * HOP]


def longest_gap_ms(reference, heard, first, lag, is_active, mean):
    """The longest silence where the reference speaks, or jump of the path within speech that stretching does not explain."""
    jumps = [abs(lag[i] - lag[i - 1]) * 1000 / RATE for i in range(1, len(lag)) if is_active[i] and is_active[i - 1]]
    longest = max([jump for jump in jumps if jump > PITCH_PERIOD_MS], default=0.0)
    said, got = _fine_levels(reference), _fine_levels(heard)
    # Glottal pulses leave dips of some milliseconds in every voice, so levels are the loudest within 4 ms.
    speech = said[first * HOP // STEP :][: len(lag) * HOP // STEP]
    found = np.clip(np.arange(len(speech)) + first * HOP // STEP + np.repeat(np.round(lag / STEP).astype(int), HOP // STEP)[: len(speech)], 0, len(got) - 1)
    loud = speech > mean / WINDOW * 10 ** (-ACTIVE_DB / 10)
    silent = loud & np.repeat(is_active, HOP // STEP)[: len(speech)] & (got[found] < speech * 10 ** (-GAP_DB / 10))
    run = 0
    for is_silent in silent:
        run = run + 1 if is_silent else 0
        longest = max(longest, run * STEP * 1000 / RATE)
    return longest


def _left_out_ms(lag, is_missing):
    """The most speech that a fall of the path leaves out: what was cut out of the sound is not heard, also where the path
    takes the step in a pause beside it."""
    longest = 0
    for i in range(1, len(lag)):
        ms = (lag[i - 1] - lag[i]) * 1000 / RATE
        if ms > PITCH_PERIOD_MS:
            reach = int(np.ceil(ms / 10))
            longest = max(longest, min(ms, 10 * int(is_missing[max(0, i - reach) : i + reach].sum())))
    return longest


def _fine_levels(signal):
    power = (signal[: len(signal) // STEP * STEP].reshape(-1, STEP) ** 2).mean(axis=1)
    padded = np.concatenate([power[:1], power, power[-1:]])
    return np.max([padded[:-2], padded[1:-1], padded[2:]], axis=0)


def _inserted(i, lag, is_active, ref_db, heard_db, floor_db, at):
    """Damaged windows that were put in between window i - 1 and i of the reference."""
    more_ms = (lag[i] - lag[i - 1]) * 1000 / RATE
    if more_ms <= 4 or not (is_active[i] and is_active[i - 1]):
        return 0
    windows = int(np.ceil(more_ms / 10 - 0.4))
    if more_ms > PITCH_PERIOD_MS:
        return windows
    count = 0
    start = at[i - 1] + int(round(lag[i - 1] / STEP))
    near = np.arange(max(0, at[i] - 12), min(len(ref_db), at[i] + 12))
    for k in range(windows):
        here = min(len(heard_db) - 1, start + (k + 1) * HOP // STEP)
        count += bool(np.min(_off_db(ref_db[near], heard_db[here][None, :], floor_db)) > DAMAGED_DB)
    return count


def _off_db(a_db, b_db, floor_db):
    """How far the bands are apart: the mean over those in which either can be heard, each counted up to 20 dB."""
    apart = np.minimum(np.abs(a_db - b_db), 20.0)
    heard = np.maximum(a_db, b_db) > floor_db + 10
    return (apart * heard).sum(axis=1) / np.maximum(heard.sum(axis=1), 4)


def _bands(signal):
    """The energy in each band of the 16 ms around each 2 ms step, shape (steps, bands)."""
    return _bands_around(signal, np.arange(len(signal) // STEP) * STEP)


def _bands_around(signal, centres):
    """The energy in each band of the 16 ms around each of these samples, shape (centres, bands); silence is around the signal."""
    padded = np.concatenate([np.zeros(WINDOW // 2), signal, np.zeros(WINDOW // 2)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[np.clip(centres, 0, len(signal))]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    # Bins are 62.5 Hz apart: a band takes a share of those at its edges.
    edges = np.array(BANDS_HZ)
    low, high = edges[:-1, None], edges[1:, None]
    width = hz[1]
    share = np.clip((np.minimum(high, hz + width / 2) - np.maximum(low, hz - width / 2)) / width, 0, 1)
    return power @ share.T


def _is_active(reference):
    """For each 10 ms window, centred at its start as the spectra are, whether the reference speaks."""
    energy = _bands(reference).sum(axis=1)[:: HOP // STEP]
    loud = energy[energy > energy.max() * 1e-4].mean()
    return energy > loud * 10 ** (-ACTIVE_DB / 10)
