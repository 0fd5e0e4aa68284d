//! Settings: flags before environment before file before default, and errors that name what was wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io;
use std::time::Duration;

use server::config::{Config, ConfigError};

fn read(arguments: &[&str], environment: &[(&str, &str)], file: Option<&str>) -> Result<Config, ConfigError> {
    let arguments = std::iter::once("mixminus-server").chain(arguments.iter().copied()).map(Into::into);
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(arguments.collect::<Vec<_>>(), environment, |path| match file {
        Some(text) if path == "mm.toml" => Ok(text.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    })
}

fn refused(arguments: &[&str], environment: &[(&str, &str)], file: Option<&str>) -> String {
    match read(arguments, environment, file) {
        Err(ConfigError::Usage(line)) => {
            assert_eq!(line.lines().count(), 1, "one line: {line:?}");
            line
        }
        other => panic!("{arguments:?} {environment:?} {file:?} should be refused, got {other:?}"),
    }
}

#[test]
fn with_nothing_said_it_is_loopback_without_a_token() {
    let config = read(&[], &[], None).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(config.media_ip.is_loopback());
    assert_eq!((config.key, config.event_log, config.media_ports), (None, None, None));
    assert!(config.workers >= 1);
    assert_eq!(config.complexity, room::COMPLEXITY);
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    let file = Some("jitter_ms = 60\ncomplexity = 9\nbitrate_bps = 96000\nlisten = \"127.0.0.1:7000\"\n");
    let environment = [("MIXMINUS_CONFIG", "mm.toml"), ("MIXMINUS_JITTER_MS", "80"), ("MIXMINUS_COMPLEXITY", "7")];
    let config = read(&["--jitter-ms", "100"], &environment, file).unwrap();
    assert_eq!(config.jitter, Duration::from_millis(100), "the flag");
    assert_eq!(config.complexity, 7, "the variable");
    assert_eq!(config.bitrate_bps, 96_000, "the file");
    assert_eq!(config.listen.port(), 7000, "the file");
    assert_eq!(config.stream_timeout, Duration::from_secs(30), "the default");
}

#[test]
fn every_setting_can_be_a_flag_a_variable_and_a_key_of_the_file() {
    let settings = [
        ("listen", "[::1]:0"),
        ("media_ip", "192.0.2.7"),
        ("media_ports", "40000-40007"),
        ("workers", "3"),
        ("data", "/srv/mm"),
        ("event_log", "/var/log/mm"),
        ("key", "secret"),
        ("stream_timeout_s", "2.5"),
        ("room_linger_s", "0"),
        ("jitter_ms", "20"),
        ("bitrate_bps", "32000"),
        ("complexity", "3"),
        ("max_peers", "7"),
        ("max_rooms", "8"),
        ("budget", "50"),
    ];
    let default = Config { workers: 77, ..Config::default() };
    for (key, value) in settings {
        let by_flag = read(&["--workers=77", &format!("--{}={value}", key.replace('_', "-"))], &[], None);
        let by_variable =
            read(&[], &[("MIXMINUS_WORKERS", "77"), (&format!("MIXMINUS_{}", key.to_uppercase()), value)], None);
        let by_file = read(&["--config", "mm.toml"], &[], Some(&format!("{key} = \"{value}\"\n")));
        if key == "workers" || key == "media_ports" {
            // The ports must suffice for the workers, so these two are shown together.
            let both = read(&["--media-ports=40000-40007", "--workers=3"], &[], None).unwrap();
            assert_eq!((both.workers, both.media_ports), (3, Some(40000..=40007)));
            continue;
        }
        let by_flag = by_flag.unwrap();
        assert_ne!(by_flag, default, "{key} does something");
        assert_eq!(by_flag, by_variable.unwrap(), "{key}");
        assert_eq!(by_flag, Config { workers: 77, ..by_file.unwrap() }, "{key}");
    }
}

#[test]
fn help_tells_all_three_forms_and_the_default_of_each_setting() {
    let Err(ConfigError::Asked(help)) = read(&["--help"], &[], None) else { panic!("--help prints") };
    for key in ["listen", "media_ip", "media_ports", "workers", "data", "event_log", "key", "stream_timeout_s"] {
        assert!(help.contains(&format!("--{}", key.replace('_', "-"))), "{key} in {help}");
        assert!(help.contains(&format!("[env: MIXMINUS_{}]", key.to_uppercase())), "{key} in {help}");
        assert!(help.contains(&format!("[file: {key}]")), "{key} in {help}");
    }
    assert!(help.contains("[default: 127.0.0.1:8080]"), "{help}");
}

#[test]
fn the_defaults_in_the_help_are_the_defaults() {
    let Err(ConfigError::Asked(help)) = read(&["--help"], &[], None) else { panic!("--help prints") };
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut told = 0;
    for part in help.split("[file: ").skip(1) {
        let (key, rest) = part.split_once(']').unwrap();
        if let Some(default) = rest.strip_prefix(" [default: ").and_then(|rest| rest.split(']').next()) {
            let config = read(&[&format!("--{}={default}", key.replace('_', "-"))], &[], None).unwrap();
            assert_eq!(config, Config::default(), "{key}");
            told += 1;
        }
    }
    assert!(told >= 9, "only {told} defaults were found in {help}");
}

#[test]
fn wrong_values_are_refused_by_name_with_what_would_be_right() {
    let cases = [
        ("listen", "8080", "127.0.0.1:8080"),
        ("listen", "localhost", "an address and a port"),
        ("media_ip", "0.0.0.0", "that clients can reach"),
        ("media_ip", "example.org", "an IP address"),
        ("media_ports", "40000", "40000-40007"),
        ("media_ports", "40007-40000", "two ports"),
        ("media_ports", "0-9", "two ports"),
        ("workers", "0", "1 to 256"),
        ("workers", "many", "1 to 256"),
        ("stream_timeout_s", "nan", "seconds from 1"),
        ("room_linger_s", "-1", "seconds from 0"),
        ("jitter_ms", "9999", "0 to 400"),
        ("bitrate_bps", "64k", "6000 to 510000"),
        ("complexity", "11", "0 to 10"),
        ("max_peers", "0", "1 to"),
        ("max_rooms", "1e3", "1 to"),
        ("budget", "0", "1 to 100"),
        ("budget", "101", "1 to 100"),
    ];
    for (key, value, right) in cases {
        let flag = format!("--{}", key.replace('_', "-"));
        let variable = format!("MIXMINUS_{}", key.to_uppercase());
        let line = refused(&[&format!("{flag}={value}")], &[], None);
        assert!(line.starts_with(&flag) && line.contains(right) && line.contains(value), "{line}");
        let line = refused(&[], &[(&variable, value)], None);
        assert!(line.starts_with(&variable) && line.contains(right) && line.contains(value), "{line}");
        let line = refused(&["--config=mm.toml"], &[], Some(&format!("# a comment\n\n{key} = \"{value}\"\n")));
        assert!(line.starts_with(&format!("mm.toml line 3: {key}")) && line.contains(right), "{line}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest_right_one() {
    let line = refused(&["--lisen", "127.0.0.1:1"], &[], None);
    assert!(line.contains("--lisen") && line.contains("--listen"), "{line}");
    let line = refused(&["stray"], &[], None);
    assert!(line.contains("stray"), "{line}");
    let line = refused(&[], &[("MIXMINUS_LISTN", "127.0.0.1:1")], None);
    assert!(line.contains("MIXMINUS_LISTN") && line.contains("MIXMINUS_LISTEN"), "{line}");
    let line = refused(&["--config=mm.toml"], &[], Some("jitter_ms = 40\njiter_ms = 40\n"));
    assert!(line.contains("mm.toml line 2") && line.contains("jiter_ms") && line.contains("jitter_ms"), "{line}");
    let line = refused(&["--config=mm.toml"], &[], Some("config = \"other.toml\"\n"));
    assert!(line.contains("line 1"), "{line}");
}

#[test]
fn a_broken_file_is_refused_by_line() {
    let line = refused(&["--config=mm.toml"], &[], Some("jitter_ms = 40\nlisten = 127.0.0.1\n"));
    assert!(line.contains("mm.toml line 2"), "{line}");
    let line = refused(&["--config=mm.toml"], &[], Some("[listen]\nport = 1\n"));
    assert!(line.contains("mm.toml line 1: listen must be a string or a number"), "{line}");
    let line = refused(&["--config=missing.toml"], &[], None);
    assert!(line.contains("--config") && line.contains("missing.toml"), "{line}");
}

#[test]
fn variables_of_the_command_line_and_empty_ones_do_not_disturb() {
    let environment = [
        ("MIXMINUS_SERVER", "http://x"),
        ("MIXMINUS_TOKEN", "t"),
        ("MIXMINUS_SERVER_BIN", "b"),
        ("MIXMINUS_KEY", ""),
        ("HOME", "/"),
    ];
    assert_eq!(read(&[], &environment, None).unwrap(), Config::default());
}

#[test]
fn fewer_media_ports_than_workers_are_refused() {
    let line = refused(&["--workers=4", "--media-ports=40000-40001"], &[], None);
    assert!(line.contains("media_ports") && line.contains("4 workers"), "{line}");
}

#[test]
fn a_key_is_never_shown() {
    let config = read(&["--key=hush-hush"], &[], None).unwrap();
    assert!(!format!("{config:?}").contains("hush"), "{config:?}");
}
