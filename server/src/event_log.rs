//! The event log: a thread that writes lines `[ms since start] [address] event` to a file.
//!
//! Who records never waits for the disk: lines go through a bounded queue that drops the oldest
//! when the disk cannot keep up, counts them, and says so in the log itself.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};

/// Lines that wait for the disk. At 100 bytes a line this is about 1 MB.
const QUEUE_LINES: usize = 8192;

/// Writes events to a file, or nowhere. Cheap to clone; every clone writes to the same file.
#[derive(Clone, Default)]
pub struct EventLog {
    shared: Option<Arc<Shared>>,
}

struct Shared {
    queue: broadcast::Sender<Entry>,
    dropped: AtomicU64,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone)]
enum Entry {
    Line(Arc<str>),
    End,
}

impl EventLog {
    /// A log that writes nowhere.
    pub fn none() -> Self {
        Self::default()
    }

    /// Appends to the file, made if it is not there. Fails if it cannot be opened for writing.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Self::start(file, QUEUE_LINES)
    }

    fn start(output: impl Write + Send + 'static, queue_lines: usize) -> io::Result<Self> {
        let (queue, receiver) = broadcast::channel(queue_lines);
        let shared = Arc::new(Shared { queue, dropped: AtomicU64::new(0), writer: Mutex::new(None) });
        let counted = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("event-log".into())
            .spawn(move || write_lines(receiver, BufWriter::new(output), &counted.dropped))?;
        *shared.writer.lock().expect("nobody else has it yet") = Some(writer);
        Ok(Self { shared: Some(shared) })
    }

    /// Notes one event. Never waits: when the queue is full the oldest line is dropped and counted.
    /// `at` is the time since the server started, `address` who caused it.
    pub fn record(&self, at: Duration, address: impl Display, event: impl Display) {
        if let Some(shared) = &self.shared {
            let line =
                format!("[{}] [{}] {}", at.as_millis(), one_line(&address.to_string()), one_line(&event.to_string()));
            // The queue refuses only when the writer is gone, and then there is nowhere to write.
            let _ = shared.queue.send(Entry::Line(line.into()));
        }
    }

    /// How many lines were dropped so far, because the disk was slow or full.
    pub fn dropped(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.dropped.load(Relaxed))
    }

    /// Writes what waits and closes the file. Blocks until that is done; later events go nowhere.
    pub fn close(&self) {
        if let Some(shared) = &self.shared {
            let writer = shared.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            if let Some(writer) = writer {
                let _ = shared.queue.send(Entry::End);
                // A panic of the writer was printed when it happened.
                let _ = writer.join();
            }
        }
    }
}

fn write_lines(mut queue: broadcast::Receiver<Entry>, mut output: BufWriter<impl Write>, dropped: &AtomicU64) {
    let mut failing = false;
    loop {
        let entry = match queue.try_recv() {
            Err(TryRecvError::Empty) => {
                note_failure(output.flush(), &mut failing, dropped);
                match queue.blocking_recv() {
                    Ok(entry) => Ok(entry),
                    Err(RecvError::Lagged(n)) => Err(n),
                    Err(RecvError::Closed) => break,
                }
            }
            Ok(entry) => Ok(entry),
            Err(TryRecvError::Lagged(n)) => Err(n),
            Err(TryRecvError::Closed) => break,
        };
        let written = match entry {
            Ok(Entry::Line(line)) => writeln!(output, "{line}"),
            Ok(Entry::End) => break,
            Err(n) => {
                dropped.fetch_add(n, Relaxed);
                writeln!(output, "[-] [server] {n} events are missing here: the disk was too slow")
            }
        };
        note_failure(written, &mut failing, dropped);
    }
    note_failure(output.flush(), &mut failing, dropped);
}

/// Says once that writing fails, and once that it works again.
fn note_failure(result: io::Result<()>, failing: &mut bool, dropped: &AtomicU64) {
    match result {
        Err(error) => {
            dropped.fetch_add(1, Relaxed);
            if !*failing {
                tracing::error!(%error, "The event log cannot be written; events are lost until it can");
            }
            *failing = true;
        }
        Ok(()) if *failing => *failing = false,
        Ok(()) => {}
    }
}

/// A line stays one line, whatever a peer calls itself.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn each_event_is_one_line_with_time_and_address() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.log");
        let log = EventLog::open(&path).unwrap();
        log.record(Duration::from_millis(1234), "127.0.0.1:5004", "new stream");
        log.clone().record(Duration::from_micros(2_000_900), "desk", "name is now\n\"two\r\nlines\"");
        log.close();
        log.record(Duration::from_secs(9), "late", "after the close");
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "[1234] [127.0.0.1:5004] new stream\n[2000] [desk] name is now \"two  lines\"\n"
        );
        assert_eq!(log.dropped(), 0);
    }

    #[test]
    fn a_second_start_appends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.log");
        for run in 1..=2 {
            let log = EventLog::open(&path).unwrap();
            log.record(Duration::ZERO, "desk", format_args!("run {run}"));
            log.close();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    /// A disk that takes its first line only when it is told to.
    struct Stuck {
        stuck: mpsc::Sender<()>,
        go: Option<mpsc::Receiver<()>>,
        lines: mpsc::Sender<String>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(go) = self.go.take() {
                self.stuck.send(()).map_err(io::Error::other)?;
                go.recv().map_err(io::Error::other)?;
            }
            self.lines.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_disk_costs_the_oldest_events_and_nobody_waits() {
        let (go, wait) = mpsc::channel();
        let (stuck, is_stuck) = mpsc::channel();
        let (lines, written) = mpsc::channel();
        let log = EventLog::start(Stuck { stuck, go: Some(wait), lines }, 4).unwrap();
        log.record(Duration::ZERO, "a", "first");
        is_stuck.recv().unwrap();
        for n in 0..100 {
            log.record(Duration::from_millis(n), "a", "event");
        }
        go.send(()).unwrap();
        log.close();
        let text: String = written.try_iter().collect();
        // Whether the end is queued before the first line is taken decides over one more.
        let dropped = log.dropped();
        assert!((96..=97).contains(&dropped), "{dropped}");
        let says = format!("[0] [a] first\n[-] [server] {dropped} events are missing here: the disk was too slow\n");
        assert!(text.starts_with(&says), "{text}");
        assert!(text.ends_with("[97] [a] event\n[98] [a] event\n[99] [a] event\n"), "{text}");
    }

    #[test]
    fn a_folder_is_no_event_log() {
        let folder = tempfile::tempdir().unwrap();
        assert!(EventLog::open(folder.path()).is_err());
    }
}
