//! What the recorder shows while it runs, on standard error: a meter on a terminal, a line a second
//! otherwise.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{assembler::Counts, recording::Recording};
use crate::output;

/// Ticks of 20 ms between two looks at the meter.
const LOOK: u64 = 5;
/// Ticks between two lines.
const LINE: u64 = 50;

/// The live meter.
pub struct Meter {
    bar: Option<ProgressBar>,
    duration: Option<Duration>,
    ticks: u64,
}

impl Meter {
    /// Shows nothing yet.
    pub fn new(duration: Option<Duration>) -> Self {
        let bar = output::is_watched().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is right");
            ProgressBar::new_spinner().with_style(style)
        });
        Self { bar, duration, ticks: 0 }
    }

    /// To be called every 20 ms.
    pub fn show(&mut self, recording: &mut Recording, counts: Counts) {
        self.ticks += 1;
        let every = if self.bar.is_some() { LOOK } else { LINE };
        if !self.ticks.is_multiple_of(every) {
            return;
        }
        let level = recording.recent_level_dbfs();
        let length =
            self.duration.map(|length| format!("/{}", output::clock(length.as_secs_f64()))).unwrap_or_default();
        let lufs = recording.short_term_lufs().map_or("-".into(), |lufs| format!("{lufs:.1}"));
        let text = format!(
            "{}{length}  {} {level:.1} dBFS  {lufs} LUFS  lost {}  concealed {} ms",
            output::clock(recording.seconds()),
            output::meter(level),
            counts.lost,
            recording.concealed_ms(),
        );
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            None => output::note(&text),
        }
    }

    /// Leaves the terminal tidy.
    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
