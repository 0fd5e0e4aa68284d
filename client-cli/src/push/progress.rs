//! How far each file is, on standard error: bars on a terminal, a line a second otherwise.

use audio::{FRAME_TIME, meter::FLOOR_DBFS};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use signaling::client::SendStats;

use super::source::Source;
use crate::output;

/// Packets between two looks: ten a second for a bar.
const LOOK: u64 = 5;
/// Packets between two lines: one second.
const LINE: u64 = 50;

/// All files together.
pub struct Progress {
    bars: Option<MultiProgress>,
}

/// One file.
pub struct Row {
    name: String,
    bar: Option<ProgressBar>,
    length: Option<f64>,
    start: f64,
    again: bool,
    sent: u64,
    loudest: f32,
}

impl Progress {
    /// For `files` files; one that fails to be drawn is no failure.
    pub fn new(files: usize) -> Self {
        Self { bars: (output::is_watched() && files > 0).then(MultiProgress::new) }
    }

    /// The row of one file.
    pub fn row(&self, name: &str, source: &Source) -> Row {
        let length = source.duration.map(|length| length.as_secs_f64());
        let bar = self.bars.as_ref().map(|bars| {
            let template = if length.is_some() { "{prefix} {bar:24} {msg}" } else { "{prefix} {spinner} {msg}" };
            let style = ProgressStyle::with_template(template).expect("the templates above are right");
            let bar = bars.add(ProgressBar::new(length.map_or(0, |length| (length * 1_000.0) as u64)));
            bar.with_style(style).with_prefix(name.to_owned())
        });
        let start = source.start.as_secs_f64();
        Row { name: name.to_owned(), bar, length, start, again: source.again, sent: 0, loudest: FLOOR_DBFS }
    }
}

impl Row {
    /// A packet went out.
    pub fn sent(&mut self, level_dbfs: f32, stats: SendStats) {
        self.sent += 1;
        self.loudest = self.loudest.max(level_dbfs);
        let every = if self.bar.is_some() { LOOK } else { LINE };
        if !self.sent.is_multiple_of(every) {
            return;
        }
        let text = self.text(stats);
        match &self.bar {
            Some(bar) => {
                bar.set_position((self.place() * 1_000.0) as u64);
                bar.set_message(text);
            }
            None => output::note(&format!("{}: {text}", self.name)),
        }
        self.loudest = FLOOR_DBFS;
    }

    /// The file has ended.
    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }

    /// Seconds into the file.
    fn place(&self) -> f64 {
        let place = self.start + self.sent as f64 * FRAME_TIME.as_secs_f64();
        match self.length {
            Some(length) if self.again && length > 0.0 => place % length,
            Some(length) => place.min(length),
            None => place,
        }
    }

    fn text(&self, stats: SendStats) -> String {
        let length = self.length.map(|length| format!("/{}", output::clock(length))).unwrap_or_default();
        let round_trip = match stats.round_trip {
            Some(time) => format!("{:.1} ms", time.as_secs_f64() * 1_000.0),
            None => "-".into(),
        };
        format!(
            "{}{length}  {} {:.1} dBFS  loss {:.1} %  RTT {round_trip}",
            output::clock(self.place()),
            output::meter(self.loudest),
            self.loudest,
            100.0 * stats.fraction_lost,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_row_says_time_level_loss_and_round_trip() {
        let mut row = Row {
            name: "bass".into(),
            bar: None,
            length: Some(10.0),
            start: 9.0,
            again: true,
            sent: 100,
            loudest: -18.0,
        };
        let stats =
            SendStats { fraction_lost: 0.25, round_trip: Some(Duration::from_micros(1_500)), ..Default::default() };
        assert_eq!(row.text(stats), "0:01.0/0:10.0  #######... -18.0 dBFS  loss 25.0 %  RTT 1.5 ms");
        row.again = false;
        assert!(row.text(SendStats::default()).starts_with("0:10.0/0:10.0"));
        assert!(row.text(SendStats::default()).ends_with("loss 0.0 %  RTT -"));
    }
}
