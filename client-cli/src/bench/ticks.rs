//! How long the server's ticks took, from its page of metrics: pure.

use std::collections::BTreeMap;

const NAME: &str = "mixminus_tick_duration_seconds_bucket{";
const LATE: &str = "mixminus_late_ticks_total{";

/// The ticks of all workers since the server started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ticks {
    /// Ticks of at most so many µs, with all shorter ones.
    buckets: BTreeMap<u64, u64>,
    all: u64,
    /// Ticks that began more than a frame late.
    pub late: u64,
}

impl Ticks {
    /// Of a page in Prometheus's format; none if it has none.
    pub fn of(page: &str) -> Option<Self> {
        let mut ticks = Self::default();
        let mut found = false;
        for line in page.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<u64>() else { continue };
            if series.starts_with(LATE) {
                ticks.late += value;
            } else if series.starts_with(NAME)
                && let Some((_, bound)) = series.split_once("le=\"")
            {
                found = true;
                match bound.trim_end_matches("\"}").parse::<f64>() {
                    Ok(seconds) if seconds.is_finite() => {
                        *ticks.buckets.entry((seconds * 1e6).round() as u64).or_default() += value;
                    }
                    _ => ticks.all += value,
                }
            }
        }
        found.then_some(ticks)
    }

    /// What has come since then.
    pub fn since(&self, then: &Self) -> Self {
        let before = |us: &u64| then.buckets.get(us).copied().unwrap_or_default();
        Self {
            buckets: self.buckets.iter().map(|(us, count)| (*us, count.saturating_sub(before(us)))).collect(),
            all: self.all.saturating_sub(then.all),
            late: self.late.saturating_sub(then.late),
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.all
    }

    /// This share of them took at most so many ms: the upper bound of its bucket. Infinite beyond the last bound, none
    /// where there was no tick.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let wanted = (self.all as f64 * share).ceil() as u64;
        (self.all > 0).then(|| {
            let bound = self.buckets.iter().find(|(_, count)| **count >= wanted);
            bound.map_or(f64::INFINITY, |(us, _)| *us as f64 / 1e3)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(short: u64, all: u64) -> Ticks {
        let page = format!(
            "# HELP {NAME}\nmixminus_late_ticks_total{{worker=\"0\"}} 2\n\
             {NAME}worker=\"0\",le=\"0.001\"}} {short}\n{NAME}worker=\"1\",le=\"0.001\"}} 100\n\
             {NAME}worker=\"0\",le=\"0.005\"}} {all}\n{NAME}worker=\"1\",le=\"0.005\"}} 100\n\
             {NAME}worker=\"0\",le=\"+Inf\"}} {all}\n{NAME}worker=\"1\",le=\"+Inf\"}} 101\n"
        );
        Ticks::of(&page).unwrap()
    }

    #[test]
    fn workers_are_added_and_what_was_before_is_taken_off() {
        let (before, after) = (page(10, 12), page(1_010, 1_013));
        assert_eq!(before.quantile_ms(0.5), Some(1.0));
        assert_eq!(before.quantile_ms(0.98), Some(5.0));
        assert_eq!(before.quantile_ms(0.999), Some(f64::INFINITY));
        let during = after.since(&before);
        assert_eq!((during.count(), during.late), (1_001, 0));
        assert_eq!((during.quantile_ms(0.99), during.quantile_ms(0.9995)), (Some(1.0), Some(5.0)));
        assert_eq!(before.since(&before).quantile_ms(0.5), None);
        assert_eq!(Ticks::of("janus_sessions 3\n"), None);
    }
}
