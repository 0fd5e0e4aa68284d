//! The server's settings: flags before environment before file before default.
//!
//! [`SETTINGS`] is the one table: the flag, the variable, the key in the file, the help text and the
//! default of each setting all come from it. Nothing here reads the process itself but
//! [`Config::of_process`], so tests give arguments, environment and files as values.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, Command};

pub use crate::rooms::Placement;

/// What the server is told when it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// HTTP and WebSocket; port 0 picks one.
    pub listen: SocketAddr,
    /// The address that clients send audio to, as it stands in every answer.
    pub media_ip: IpAddr,
    /// One UDP port for each worker; `None` takes any free ones.
    pub media_ports: Option<RangeInclusive<u16>>,
    /// Media worker threads, at least 1.
    pub workers: usize,
    /// Where the server keeps what it keeps.
    pub data: PathBuf,
    /// One line for each event.
    pub event_log: Option<PathBuf>,
    /// The secret that signs tokens (HS256); `None` asks nobody for a token.
    pub key: Option<Key>,
    /// A stream that has sent nothing for so long is dropped.
    pub stream_timeout: Duration,
    /// How long an empty room stays.
    pub room_linger: Duration,
    /// The least that the jitter buffer waits; what the network needs besides it measures.
    pub jitter: Duration,
    /// Of each mix, bit/s.
    pub bitrate_bps: u32,
    /// Opus encoder complexity, 0 to 10.
    pub complexity: u8,
    /// More peers are refused with 503.
    pub max_peers: usize,
    /// More rooms are refused with 503.
    pub max_rooms: usize,
    /// How much of a core each worker may use before it leaves things out, in percent.
    pub budget: u8,
    /// Which worker takes whom. Not a setting: for programs that start the server as a library.
    pub placement: Placement,
}

/// A secret. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The bytes that sign.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<&str> for Key {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// One setting in all its forms: the flag is `--media-ip`, the variable `MIXMINUS_MEDIA_IP`, the key in
/// the file `media_ip`.
struct Setting {
    flag: &'static str,
    /// What its value is, for `--help`.
    value: &'static str,
    /// `None`: off until it is set.
    default: Option<&'static str>,
    help: &'static str,
}

const fn setting(
    flag: &'static str,
    value: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { flag, value, default, help }
}

const SETTINGS: [Setting; 16] = [
    setting("listen", "ADDR:PORT", Some("127.0.0.1:8080"), "HTTP and WebSocket; port 0 picks a free one"),
    setting("media-ip", "IP", Some("127.0.0.1"), "The address clients send audio to; it stands in every answer"),
    setting("media-ports", "FIRST-LAST", None, "UDP ports for audio, one for each worker; any free ones if not set"),
    setting("workers", "N", None, "Media worker threads; one for each core if not set"),
    setting("data", "DIR", Some("data"), "Directory for what the server keeps"),
    setting("event-log", "FILE", None, "Append one line for each event: [ms since start] [address] event"),
    setting(
        "key",
        "SECRET",
        None,
        "Ask for tokens signed with this secret (HS256). Not as a flag where others can list processes",
    ),
    setting("stream-timeout-s", "SECONDS", Some("30"), "Drop a stream that has sent nothing for so long"),
    setting("room-linger-s", "SECONDS", Some("30"), "Close a room that has been empty for so long"),
    setting(
        "jitter-ms",
        "MS",
        Some("0"),
        "The least that audio waits; what an uneven network needs is measured, 0 to 400",
    ),
    setting("bitrate-bps", "BITS", Some("128000"), "Opus bit rate of each mix, 6000 to 510000"),
    setting("complexity", "N", Some("1"), "Opus encoder complexity, 0 (least CPU) to 10"),
    setting("max-peers", "N", Some("2000"), "Refuse more peers than this with 503"),
    setting("max-rooms", "N", Some("1000"), "Refuse more rooms than this with 503"),
    setting(
        "budget",
        "PERCENT",
        Some("80"),
        "How much of a core each worker may use before it sheds meters, levels, personal mixes, then new peers",
    ),
    setting("config", "FILE", None, "Read settings from this TOML file"),
];

/// Variables with our prefix that others read: the command line, and the tests of the programs.
const OTHER_VARIABLES: [&str; 4] = ["MIXMINUS_SERVER", "MIXMINUS_TOKEN", "MIXMINUS_BIN", "MIXMINUS_SERVER_BIN"];

/// Why the server does not start: one line that helps.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// `--help` or `--version`: not an error, the text goes to standard output.
    #[error("{0}")]
    Asked(String),
    /// The caller wrote something wrong.
    #[error("{0}")]
    Usage(String),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            media_ip: Ipv4Addr::LOCALHOST.into(),
            media_ports: None,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            data: "data".into(),
            event_log: None,
            key: None,
            stream_timeout: Duration::from_secs(30),
            room_linger: Duration::from_secs(30),
            jitter: Duration::ZERO,
            bitrate_bps: 128_000,
            complexity: room::COMPLEXITY,
            max_peers: 2000,
            max_rooms: 1000,
            budget: 80,
            placement: Placement::default(),
        }
    }
}

impl Config {
    /// Reads this process's arguments and environment, and the file that they name.
    pub fn of_process() -> Result<Self, ConfigError> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
        Self::read(std::env::args_os(), environment, |path| std::fs::read_to_string(path))
    }

    /// Reads arguments (the first is the program), environment, and the file by the given function.
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl IntoIterator<Item = (String, String)>,
        read_file: impl FnOnce(&str) -> std::io::Result<String>,
    ) -> Result<Self, ConfigError> {
        let mut given = of_arguments(arguments)?;
        let more = of_environment(environment)?;
        let config = given.remove("config").or_else(|| more.get("config").cloned());
        add(&mut given, more);
        if let Some(Given { source, text: path }) = config {
            let text = read_file(&path)
                .map_err(|error| ConfigError::Usage(format!("{source}: cannot read {path}: {}", plain(&error))))?;
            add(&mut given, of_file(&path, &text)?);
        }
        Self::of_values(&mut given)
    }

    fn of_values(given: &mut Values) -> Result<Self, ConfigError> {
        let default = Self::default();
        let config = Self {
            listen: take(given, "listen", "an address and a port such as 127.0.0.1:8080 or [::1]:8080", parse)?
                .unwrap_or(default.listen),
            media_ip: take(given, "media-ip", "an IP address that clients can reach, such as 192.0.2.7", |text| {
                parse::<IpAddr>(text).filter(|ip| !ip.is_unspecified() && !ip.is_multicast())
            })?
            .unwrap_or(default.media_ip),
            media_ports: take(given, "media-ports", "two ports from 1 to 65535 such as 40000-40007", ports)?,
            workers: take(given, "workers", "a number from 1 to 256", within(1..=256))?.unwrap_or(default.workers),
            data: take(given, "data", "a directory", path)?.unwrap_or(default.data),
            event_log: take(given, "event-log", "a file", path)?,
            key: take(given, "key", "a secret of at least 1 character", |text| {
                (!text.is_empty()).then(|| text.into())
            })?,
            stream_timeout: take(given, "stream-timeout-s", "seconds from 1 to 86400", seconds(1.0..=86400.0))?
                .unwrap_or(default.stream_timeout),
            room_linger: take(given, "room-linger-s", "seconds from 0 to 86400", seconds(0.0..=86400.0))?
                .unwrap_or(default.room_linger),
            jitter: take(given, "jitter-ms", "milliseconds from 0 to 400", within(0..=400))?
                .map_or(default.jitter, Duration::from_millis),
            bitrate_bps: take(given, "bitrate-bps", "bits per second from 6000 to 510000", within(6000..=510_000))?
                .unwrap_or(default.bitrate_bps),
            complexity: take(given, "complexity", "a number from 0 to 10", within(0..=10))?
                .unwrap_or(default.complexity),
            max_peers: take(given, "max-peers", "a number from 1 to 1000000", within(1..=1_000_000))?
                .unwrap_or(default.max_peers),
            max_rooms: take(given, "max-rooms", "a number from 1 to 1000000", within(1..=1_000_000))?
                .unwrap_or(default.max_rooms),
            budget: take(given, "budget", "percent of a core from 1 to 100", within(1..=100))?
                .unwrap_or(default.budget),
            placement: default.placement,
        };
        if let Some(ports) = &config.media_ports
            && ports.len() < config.workers
        {
            return Err(ConfigError::Usage(format!(
                "media_ports: {}-{} has {} ports and there are {} workers, which need one each: widen the range or set workers",
                ports.start(),
                ports.end(),
                ports.len(),
                config.workers
            )));
        }
        Ok(config)
    }
}

/// A value as text, and where it was written.
#[derive(Clone)]
struct Given {
    source: String,
    text: String,
}

type Values = BTreeMap<&'static str, Given>;

/// Takes over what has not been given by something of more weight.
fn add(given: &mut Values, more: Values) {
    for (key, value) in more {
        given.entry(key).or_insert(value);
    }
}

fn variable(flag: &str) -> String {
    format!("MIXMINUS_{}", key(flag).to_ascii_uppercase())
}

/// The key in the file.
fn key(flag: &str) -> String {
    flag.replace('-', "_")
}

fn command() -> Command {
    let arguments = SETTINGS.iter().map(|setting| {
        let file = if setting.flag == "config" { String::new() } else { format!(" [file: {}]", key(setting.flag)) };
        let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
        Arg::new(setting.flag).long(setting.flag).value_name(setting.value).allow_hyphen_values(true).help(format!(
            "{} [env: {}]{file}{default}",
            setting.help,
            variable(setting.flag)
        ))
    });
    Command::new("mixminus-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("An audio room for browsers and programs: everybody hears everybody else, mixed like on a desk.")
        .args(arguments)
        .after_help(
            "Each setting can be a flag, a variable [env] or a key of the TOML file [file]; a flag goes before a\n\
             variable, a variable before the file. An empty variable counts as not set. RUST_LOG sets what is\n\
             logged on standard error (default: info).\n\n\
             Exit codes: 0 ended by SIGTERM or SIGINT, 1 failure, 2 usage.",
        )
}

fn of_arguments(arguments: impl IntoIterator<Item = OsString>) -> Result<Values, ConfigError> {
    let mut matches = command().try_get_matches_from(arguments).map_err(|error| {
        if error.use_stderr() {
            ConfigError::Usage(in_one_line(&error.to_string()))
        } else {
            ConfigError::Asked(error.to_string())
        }
    })?;
    let given = SETTINGS.iter().filter_map(|setting| {
        let text = matches.remove_one::<String>(setting.flag)?;
        Some((setting.flag, Given { source: format!("--{}", setting.flag), text }))
    });
    Ok(given.collect())
}

/// What clap says, without its usage and its pointer to `--help`.
fn in_one_line(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let told = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let told: Vec<&str> = told.map(|line| line.trim_start_matches("error: ")).collect();
    format!("{} (see --help)", told.join("; "))
}

fn of_environment(environment: impl IntoIterator<Item = (String, String)>) -> Result<Values, ConfigError> {
    let mut given = Values::new();
    for (name, text) in environment {
        if !name.starts_with("MIXMINUS_") || OTHER_VARIABLES.contains(&name.as_str()) {
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| variable(setting.flag) == name) else {
            let near = nearest(&name, SETTINGS.iter().map(|setting| variable(setting.flag)));
            return Err(ConfigError::Usage(format!(
                "{name}: there is no such setting; the nearest is {near} (see --help)"
            )));
        };
        if !text.is_empty() {
            given.insert(setting.flag, Given { source: name, text });
        }
    }
    Ok(given)
}

fn of_file(path: &str, text: &str) -> Result<Values, ConfigError> {
    let line_of = |at: usize| text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
    let table = toml::de::DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        ConfigError::Usage(format!("{path} line {line}: {}", error.message().replace('\n', "; ")))
    })?;
    let mut given = Values::new();
    for (name, value) in table.into_inner() {
        let line = line_of(name.span().start);
        let name = name.into_inner();
        let known = || SETTINGS.iter().map(|setting| setting.flag).filter(|flag| *flag != "config");
        let Some(flag) = known().find(|flag| key(flag) == name) else {
            let near = nearest(&name, known().map(key));
            return Err(ConfigError::Usage(format!(
                "{path} line {line}: there is no setting {name:?}; the nearest is {near}"
            )));
        };
        let text = match value.into_inner() {
            toml::de::DeValue::String(text) => text.into_owned(),
            toml::de::DeValue::Integer(number) => number.to_string(),
            toml::de::DeValue::Float(number) => number.to_string(),
            other => {
                let kind = other.type_str();
                return Err(ConfigError::Usage(format!(
                    "{path} line {line}: {name} must be a string or a number, not {kind}"
                )));
            }
        };
        given.insert(flag, Given { source: format!("{path} line {line}: {name}"), text });
    }
    Ok(given)
}

/// Takes a setting's text, if it was given, and says what would be right if it is wrong.
fn take<T>(
    given: &mut Values,
    flag: &str,
    right: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    let Some(Given { source, text }) = given.remove(flag) else { return Ok(None) };
    match parse(&text) {
        Some(value) => Ok(Some(value)),
        None if flag == "key" => Err(ConfigError::Usage(format!("{source}: must be {right}"))),
        None => Err(ConfigError::Usage(format!("{source}: must be {right}, got {text:?}"))),
    }
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

fn within<T: FromStr + PartialOrd>(range: RangeInclusive<T>) -> impl FnOnce(&str) -> Option<T> {
    move |text| parse(text).filter(|number| range.contains(number))
}

fn seconds(range: RangeInclusive<f64>) -> impl FnOnce(&str) -> Option<Duration> {
    move |text| within(range)(text).map(Duration::from_secs_f64)
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (parse::<u16>(first)?, parse::<u16>(last)?);
    (first > 0 && first <= last).then_some(first..=last)
}

/// The candidate that takes the fewest edits.
fn nearest(text: &str, candidates: impl Iterator<Item = String>) -> String {
    candidates.min_by_key(|candidate| edits(text, candidate)).unwrap_or_default()
}

/// Levenshtein's distance.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// An I/O error without the number of the operating system.
fn plain(error: &impl Display) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
