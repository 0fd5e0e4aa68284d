//! How late packets come, and so how much delay lets nearly all of them be played.
//!
//! The offset of a packet is its arrival less its media time, in samples: alone it means nothing,
//! two of them compared say which came later than it should. The need is the largest offset of the
//! last 3 s, or what was exceeded in 6 of the last 20 such spans, so that what happens once is
//! forgotten soon, and what happens every few seconds is not. How late what is lost can be restored from a later
//! packet is kept beside it, and counts where that is worth the wait.

/// Samples of sound in one slice: 0.5 s.
const SLICE: usize = 24_000;

/// Slices in the span of the short memory: 3 s.
const SLICES: usize = 6;

/// Spans that the long memory holds: a minute.
const SPANS: usize = 20;

/// What so many of the spans needed is needed still: it happens every 10 s or more often.
const NEEDED_BY: usize = 6;

/// A break of so many samples (1 s) moves the clocks apart by more than they may differ.
const BREAK: i64 = 48_000;

/// Nothing comes so much earlier than all before it (0.5 s): the sender's clock has jumped.
const JUMP: i64 = 24_000;

/// So many packets in a row later than can be waited for are a new clock, not lateness.
const BEYOND: u32 = 25;

/// What is added against clocks that drift: half of what the last 3 s moved by, so that a drift is met 1.5 s before it hurts, at most 1 ms …
const MAX_DRIFT: i64 = 48;

/// … or a tenth of it where that is more, at most 3 ms: the next packet is later than all of 3 s once in so many as come in that time, and of
/// those that are overtaken or restored only a few come.
const MAX_GUARD: i64 = 144;

/// Delay comes down when this is left over besides, 2 ms, so that it does not flap.
const HYSTERESIS: i64 = 96;

/// … and this, 0.25 ms, where ticks are moved rather than sound, which is less than what they leave.
const HYSTERESIS_FOLLOWED: i64 = 12;

/// Offsets in a slice of time.
#[derive(Clone, Copy, Debug)]
struct Slice {
    least: i64,
    most: i64,
    /// Of what was lost and could be restored.
    restored: i64,
}

const EMPTY: Slice = Slice { least: i64::MAX, most: i64::MIN, restored: i64::MIN };

impl Slice {
    fn of(offset: i64) -> Self {
        Self { least: offset, most: offset, ..EMPTY }
    }
}

/// How late the latest of each span was.
#[derive(Debug, Default)]
struct Spans {
    /// A ring.
    late: [i64; SPANS],
    next: usize,
    /// What [`NEEDED_BY`] of them exceeded.
    recurring: i64,
}

impl Spans {
    fn add(&mut self, late: i64) {
        self.late[self.next] = late;
        self.next = (self.next + 1) % SPANS;
        self.remember();
    }

    fn expect(&mut self, late: i64) {
        for back in 1..=NEEDED_BY {
            let span = &mut self.late[(self.next + SPANS - back) % SPANS];
            *span = (*span).max(late);
        }
        self.remember();
    }

    fn remember(&mut self) {
        let mut sorted = self.late;
        sorted.sort_unstable();
        self.recurring = sorted[SPANS - NEEDED_BY];
    }
}

/// The arrival pattern of a stream.
#[derive(Debug)]
pub(super) struct Lateness {
    slices: [Slice; SLICES],
    now: usize,
    /// Samples of sound in the slice of now.
    spent: usize,
    packets: Spans,
    restored: Spans,
    /// What is lost is waited for, to be restored.
    restores: bool,
    last: Option<i64>,
    beyond: u32,
    /// The least and the most that may be waited for.
    min: i64,
    max: i64,
    /// The ticks move to where they are needed.
    is_followed: bool,
}

impl Lateness {
    /// Nothing is known: what comes at once is played at once.
    pub fn new(min: usize, max: usize, is_followed: bool) -> Self {
        Self {
            slices: [EMPTY; SLICES],
            now: 0,
            spent: 0,
            packets: Spans::default(),
            restored: Spans::default(),
            restores: true,
            last: None,
            beyond: 0,
            min: min as i64,
            max: max as i64,
            is_followed,
        }
    }

    pub fn set_min(&mut self, min: usize) {
        self.min = min as i64;
    }

    /// A packet of so many samples, which begins at `media`, came.
    pub fn see(&mut self, media: i64, samples: usize, arrival: i64) {
        let offset = arrival - media;
        let pause = self.last.is_none_or(|last| arrival - last > BREAK);
        self.last = Some(arrival);
        let late = offset.saturating_sub(self.least());
        if self.is_empty() {
            self.slices[self.now] = Slice::of(offset);
        } else if pause || late < -JUMP {
            self.shift(late);
        } else if late > self.max {
            self.beyond += 1;
            if self.beyond >= BEYOND {
                self.slices = [EMPTY; SLICES];
                self.slices[self.now] = Slice::of(offset);
                self.beyond = 0;
            }
            return;
        }
        self.beyond = 0;
        let slice = &mut self.slices[self.now];
        slice.least = slice.least.min(offset);
        slice.most = slice.most.max(offset);
        self.spent += samples;
        if self.spent >= SLICE {
            self.turn();
        }
    }

    /// What was lost and begins at `media` can be played from what came at `arrival`: so late was it.
    pub fn see_restored(&mut self, media: i64, arrival: i64) {
        let offset = arrival - media;
        if !self.is_empty() && offset.saturating_sub(self.least()) <= self.max {
            let slice = &mut self.slices[self.now];
            slice.restored = slice.restored.max(offset);
        }
    }

    /// So much will be needed again and again to restore what is lost, as far as is known: it is believed for some 40 s.
    pub fn expect(&mut self, samples: usize) {
        self.restored.expect(samples as i64);
    }

    /// Whether what is lost is waited for.
    pub fn set_restores(&mut self, restores: bool) {
        self.restores = restores;
    }

    /// The next packet begins a clock of its own; how unevenly packets come is not forgotten.
    pub fn rebase(&mut self) {
        self.last = None;
    }

    /// The offset at which sound is to be played so that nearly nothing comes too late.
    pub fn need(&self) -> i64 {
        if self.is_empty() {
            return 0;
        }
        let (least, most) = (self.least(), self.most());
        let spread = most - least;
        let guard = (spread / 2).min(MAX_DRIFT).max((spread / 10).min(MAX_GUARD));
        let restored = if self.restores { self.restored.recurring } else { 0 };
        (most + guard).max(least + self.packets.recurring.max(restored).max(self.min))
    }

    /// The same, if anything is known.
    pub fn known_need(&self) -> Option<i64> {
        (!self.is_empty()).then(|| self.need())
    }

    /// The offset above which delay is too much.
    pub fn enough(&self) -> i64 {
        match (self.is_empty(), self.is_followed) {
            (true, _) => 0,
            (false, true) => self.need() + HYSTERESIS_FOLLOWED,
            (false, false) => self.need() + HYSTERESIS + (self.most() - self.least()) / 8,
        }
    }

    /// How much longer than the quickest packet all are made to wait, in samples.
    pub fn target(&self) -> usize {
        if self.is_empty() { self.min as usize } else { (self.need() - self.least()).max(0) as usize }
    }

    fn is_empty(&self) -> bool {
        self.slices.iter().all(|slice| slice.least == i64::MAX)
    }

    fn least(&self) -> i64 {
        self.slices.iter().fold(i64::MAX, |least, slice| least.min(slice.least))
    }

    fn most(&self) -> i64 {
        let most = self.most_of(|slice| slice.most);
        if self.restores { most.max(self.most_of(|slice| slice.restored)) } else { most }
    }

    fn most_of(&self, which: impl Fn(&Slice) -> i64) -> i64 {
        self.slices.iter().map(which).fold(i64::MIN, i64::max)
    }

    /// Moves all that is known by as much as the clock has moved.
    fn shift(&mut self, by: i64) {
        for slice in self.slices.iter_mut().filter(|slice| slice.least != i64::MAX) {
            slice.least += by;
            slice.most += by;
            slice.restored = slice.restored.saturating_add(by);
        }
    }

    fn turn(&mut self) {
        self.spent = 0;
        self.now = (self.now + 1) % SLICES;
        if self.now == 0 {
            let least = self.least();
            self.packets.add(self.most_of(|slice| slice.most) - least);
            self.restored.add(self.most_of(|slice| slice.restored).saturating_sub(least).max(0));
        }
        self.slices[self.now] = EMPTY;
    }
}
