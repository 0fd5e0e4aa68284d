//! The program: one line on standard output, exit codes, signals, the event log.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mixminus-server"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ended(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    program(arguments).envs(environment.iter().copied()).output().unwrap()
}

#[track_caller]
fn assert_fails(output: &Output, code: i32, says: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(error.lines().count(), 1, "one line that helps: {error}");
    assert!(output.stdout.is_empty(), "{output:?}");
    for says in says {
        assert!(error.contains(says), "{says} in {error}");
    }
}

/// A server that runs, and the address that it printed.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program(&[&["--listen", "127.0.0.1:0", "--workers", "1"], arguments].concat()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim_end().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address }
    }

    fn signal(mut self, name: &str) -> (ExitStatus, String, String) {
        let killed = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let status = self.child.wait().unwrap();
        let (mut out, mut error) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (status, out, error)
    }
}

#[test]
fn it_prints_one_line_and_ends_with_0_when_it_is_told_to() {
    for name in ["TERM", "INT"] {
        let server = Server::start(&[]);
        assert!(server.address.starts_with("127.0.0.1:") && !server.address.ends_with(":0"), "{}", server.address);
        let (status, rest, error) = server.signal(name);
        assert_eq!((status.code(), rest.as_str()), (Some(0), ""), "{error}");
        assert!(!error.contains("panicked"), "{error}");
    }
}

#[test]
fn usage_errors_end_with_2_and_one_line() {
    for (arguments, says) in [
        (&["--lisen", "127.0.0.1:1"][..], "--listen"),
        (&["--listen", "nowhere"], "127.0.0.1:8080"),
        (&["--listen"], "--listen"),
        (&["--workers", "-1"], "1 to 256"),
        (&["--media-ports", "70000-70001"], "two ports"),
        (&["--config", "/nowhere/at/all.toml"], "/nowhere/at/all.toml"),
        (&["serve"], "serve"),
    ] {
        assert_fails(&ended(arguments, &[]), 2, &["mixminus-server: ", says]);
    }
    assert_fails(&ended(&[], &[("MIXMINUS_JITER_MS", "40")]), 2, &["MIXMINUS_JITER_MS", "MIXMINUS_JITTER_MS"]);
    assert_fails(&ended(&[], &[("MIXMINUS_COMPLEXITY", "11")]), 2, &["MIXMINUS_COMPLEXITY", "0 to 10"]);
}

#[test]
fn failures_end_with_1_and_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_fails(&ended(&["--listen", &address], &[]), 1, &[&address, "--listen"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_fails(&ended(&["--listen", "127.0.0.1:0", "--event-log", path], &[]), 1, &["event log", path]);
    let media = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = media.local_addr().unwrap().port();
    let ports = format!("{port}-{port}");
    let output = ended(&["--listen", "127.0.0.1:0", "--workers", "1", "--media-ports", &ports], &[]);
    assert_fails(&output, 1, &["media port", &port.to_string()]);
}

#[test]
fn help_and_version_are_answers() {
    for (flag, says) in [("--help", "MIXMINUS_LISTEN"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let output = ended(&[flag], &[]);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains(says), "{output:?}");
    }
}

#[test]
fn the_key_is_in_no_output() {
    let output = ended(&["--key", "hush-hush", "--listen", "x"], &[]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hush"), "{output:?}");
    let (_, out, error) = Server::start(&["--key", "hush-hush"]).signal("TERM");
    assert!(!out.contains("hush") && !error.contains("hush"), "{out} {error}");
    assert!(error.contains("shorter than 32 bytes"), "{error}");
}

#[test]
fn the_event_log_is_whole_after_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let server = Server::start(&["--event-log", path.to_str().unwrap()]);
    let offer = include_str!("offers/browser.sdp");
    let request = format!(
        "POST /whip/ward?name=Ada HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}",
        offer.len()
    );
    let mut stream = std::net::TcpStream::connect(&server.address).unwrap();
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(server.signal("TERM").0.code(), Some(0));
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.lines().count() >= 2, "a join and a leave: {log}");
    for line in log.lines() {
        let (at, rest) =
            line.strip_prefix('[').and_then(|line| line.split_once("] [")).unwrap_or_else(|| panic!("{line}"));
        assert!(at.parse::<u64>().is_ok(), "{line}");
        assert!(
            rest.split_once("] ").is_some_and(|(address, event)| !address.is_empty() && !event.is_empty()),
            "{line}"
        );
    }
}
