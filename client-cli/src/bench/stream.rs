//! What a listener knows of its packets without decoding them: how many should have come.

/// Counts the packets of a listener by their sequence numbers: pure.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// SSRC, first and highest sequence number, the highest extended over 16 bits (RFC 3550 §A.1).
    current: Option<(u32, u64, u64)>,
    /// Of the SSRCs before this one.
    earlier: u64,
}

/// Another source begins anew with a far higher number than this, RFC 3550 §A.1.
const WRAP: u64 = 1 << 16;

impl Stream {
    /// A packet came.
    pub fn packet(&mut self, ssrc: u32, sequence: u16) {
        let sequence = u64::from(sequence);
        match &mut self.current {
            Some((same, first, highest)) if *same == ssrc => {
                // Forward by less than half of the numbers, or an earlier one that is late.
                let ahead = sequence.wrapping_sub(*highest) % WRAP;
                if ahead < WRAP / 2 {
                    *highest += ahead;
                } else {
                    *first = (*first).min(*highest - (WRAP - ahead).min(*highest));
                }
            }
            _ => {
                self.earlier = self.expected();
                // So far up that what comes late has a number too.
                self.current = Some((ssrc, WRAP + sequence, WRAP + sequence));
            }
        }
    }

    /// How many were sent, as far as this side can know: the numbers from the first to the highest.
    pub fn expected(&self) -> u64 {
        self.earlier + self.current.map_or(0, |(_, first, highest)| highest - first + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(packets: &[(u32, u16)]) -> u64 {
        let mut stream = Stream::default();
        for (ssrc, sequence) in packets {
            stream.packet(*ssrc, *sequence);
        }
        stream.expected()
    }

    #[test]
    fn gaps_count_and_order_wraps_and_new_sources_do_not() {
        assert_eq!(expected(&[]), 0);
        assert_eq!(expected(&[(1, 10), (1, 11), (1, 14)]), 5);
        assert_eq!(expected(&[(1, 10), (1, 12), (1, 11)]), 3);
        assert_eq!(expected(&[(1, 10), (1, 9)]), 2, "the first one overtook another");
        assert_eq!(expected(&[(1, 65_534), (1, 65_535), (1, 1)]), 4);
        assert_eq!(expected(&[(1, 0), (1, 65_535)]), 2);
        assert_eq!(expected(&[(1, 10), (1, 11), (2, 40_000), (2, 40_002)]), 5);
    }
}
