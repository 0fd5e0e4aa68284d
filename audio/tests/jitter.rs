//! The interarrival jitter of RFC 3550 §6.4.1 for arrivals whose figure is known.

mod support;

use std::time::Duration;

use audio::{Packet, Playout, PlayoutSettings};
use support::ms;

struct Talker {
    playout: Playout,
    first: u16,
}

impl Talker {
    fn new() -> Self {
        Self { playout: Playout::new(PlayoutSettings::default()), first: 65_530 }
    }

    /// Packet `number`, 20 ms each, `late` after it was sent; returns the figure after it.
    fn send(&mut self, number: u64, late: Duration) -> Duration {
        let packet = Packet {
            sequence: self.first.wrapping_add(number as u16),
            timestamp: (u64::from(u32::MAX - 5_000) + number * 960) as u32,
            payload: &[0xF8, 0xFF, 0xFE],
        };
        self.playout.insert(packet, ms(20 * number) + late);
        self.playout.stats().jitter
    }
}

fn assert_near(jitter: Duration, wanted: Duration) {
    assert!(jitter.abs_diff(wanted) < Duration::from_micros(1), "{jitter:?}, not {wanted:?}");
}

#[test]
fn an_even_stream_has_none_however_long_it_is_on_its_way() {
    let mut talker = Talker::new();
    for number in 0..500 {
        assert_near(talker.send(number, ms(80)), Duration::ZERO);
    }
}

#[test]
fn one_step_counts_a_sixteenth_and_fades_by_fifteen_sixteenths() {
    let mut talker = Talker::new();
    talker.send(0, ms(10));
    assert_near(talker.send(1, ms(26)), ms(1));
    assert_near(talker.send(2, ms(26)), Duration::from_micros(937) + Duration::from_nanos(500));
    // Back by 16 ms: another sixteenth on top.
    assert_near(talker.send(3, ms(10)), Duration::from_nanos(937_500) * 15 / 16 + ms(1));
}

#[test]
fn a_delay_that_goes_to_and_fro_reads_its_width() {
    let mut talker = Talker::new();
    let last = (0..400).map(|number| talker.send(number, ms(10 + 8 * (number % 2)))).last().unwrap();
    assert_near(last, ms(8));
}

#[test]
fn a_pause_of_the_talker_is_no_jitter_nor_is_loss_nor_a_packet_that_comes_late() {
    let mut talker = Talker::new();
    for number in [0, 1, 2, 3, 103, 104, 105, 110, 111] {
        assert_near(talker.send(number, ms(30)), Duration::ZERO);
    }
    assert_near(talker.send(109, ms(90)), Duration::ZERO);
    assert_near(talker.send(109, ms(95)), Duration::ZERO);
    assert_near(talker.send(112, ms(30)), Duration::ZERO);
}

#[test]
fn a_new_stream_starts_at_nothing() {
    let mut talker = Talker::new();
    for number in 0..50 {
        talker.send(number, ms(10 * (number % 3)));
    }
    assert!(talker.send(50, ms(10)) > ms(5));
    talker.playout.reset();
    assert_near(talker.playout.stats().jitter, Duration::ZERO);
    assert_near(talker.send(51, ms(200)), Duration::ZERO);
    talker.first = 20_000;
    assert_near(talker.send(52, ms(500)), Duration::ZERO);
}
