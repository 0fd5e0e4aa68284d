//! What the tests of the floor share.

#![allow(dead_code, reason = "not every test file needs all of it")]

use std::time::Duration;

use room::{
    MemberId,
    floor::{Answer, Floor, Happened, Settings},
};

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The same numbers for the same seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `n - 1`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A floor, the time in ms, and what happened.
pub struct Test {
    pub floor: Floor,
    pub now: u64,
    pub happened: Vec<Happened>,
}

impl Test {
    pub fn new(settings: Settings) -> Self {
        Self { floor: Floor::new(settings), now: 1_000, happened: Vec::new() }
    }

    pub fn request(&mut self, who: u64, priority: u8) -> Answer {
        self.floor.request(MemberId(who), priority, ms(self.now), &mut self.happened)
    }

    pub fn release(&mut self, who: u64) -> Vec<Happened> {
        self.floor.release(MemberId(who), ms(self.now), &mut self.happened);
        self.take()
    }

    pub fn leave(&mut self, who: u64) -> Vec<Happened> {
        self.floor.leave(MemberId(who), ms(self.now), &mut self.happened);
        self.take()
    }

    pub fn grant(&mut self, who: u64, priority: u8) -> Vec<Happened> {
        self.floor.grant(MemberId(who), priority, ms(self.now), &mut self.happened);
        self.take()
    }

    pub fn revoke(&mut self, who: u64) -> Vec<Happened> {
        self.floor.revoke(MemberId(who), ms(self.now), &mut self.happened);
        self.take()
    }

    pub fn set(&mut self, settings: Settings) -> Vec<Happened> {
        self.floor.set(settings, ms(self.now), &mut self.happened);
        self.take()
    }

    /// One packet of each.
    pub fn media(&mut self, who: &[u64]) {
        who.iter().for_each(|who| self.floor.media(MemberId(*who), ms(self.now)));
    }

    /// For `span` ms each of `talkers` sends a packet every 20 ms, and the floor ticks in time.
    pub fn pass(&mut self, span: u64, talkers: &[u64]) -> Vec<Happened> {
        for _ in 0..span / 20 {
            self.now += 20;
            self.floor.tick(ms(self.now), &mut self.happened);
            self.media(talkers);
        }
        self.take()
    }

    /// `span` ms later, with no packet and no tick before.
    pub fn late(&mut self, span: u64) -> Vec<Happened> {
        self.now += span;
        self.floor.tick(ms(self.now), &mut self.happened);
        self.take()
    }

    pub fn take(&mut self) -> Vec<Happened> {
        std::mem::take(&mut self.happened)
    }

    pub fn holders(&self) -> Vec<u64> {
        self.floor.holders(ms(self.now)).map(|holder| holder.who.0).collect()
    }

    pub fn queue(&self) -> Vec<u64> {
        self.floor.queue().map(|waiting| waiting.who.0).collect()
    }
}
