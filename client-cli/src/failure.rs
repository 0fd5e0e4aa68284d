//! What is said when something fails: one line, and the exit code.

use std::process::ExitCode;

use signaling::client::{EventsError, JoinError, RequestError};

/// The arguments do not go together: exit code 2, as for those that clap refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Prints the error to standard error and says how to end: 2 for wrong usage, 1 for the rest.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        // Who read our output has seen enough.
        return ExitCode::SUCCESS;
    }
    crate::output::note(&format!("mixminus: {}", sentence(error)));
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// The error in one line, with what helps against it where that is known.
fn sentence(error: &anyhow::Error) -> String {
    let said = format!("{error:#}").replace('\n', " ");
    match request_error(error) {
        Some(RequestError::Unreachable { .. }) => {
            format!("{said}; start one with `mixminus-server`, or name yours with --server or MIXMINUS_SERVER")
        }
        Some(RequestError::Refused(problem)) if matches!(problem.status, 401 | 403) => {
            format!("{said}; give a token with --token or MIXMINUS_TOKEN, `mixminus token` makes one")
        }
        _ => said,
    }
}

fn request_error(error: &anyhow::Error) -> Option<&RequestError> {
    error.chain().find_map(|cause| {
        cause
            .downcast_ref::<RequestError>()
            .or_else(|| match cause.downcast_ref::<JoinError>() {
                Some(JoinError::Request(error)) => Some(error),
                _ => None,
            })
            .or_else(|| match cause.downcast_ref::<EventsError>() {
                Some(EventsError::Request(error)) => Some(error),
                _ => None,
            })
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_there_is_one_line_that_says_how_to_start_it() {
        let request = RequestError::Unreachable { server: "http://127.0.0.1:9".into(), reason: "refused".into() };
        for error in [
            anyhow::Error::new(request.clone()),
            anyhow::Error::new(JoinError::Request(request.clone())),
            anyhow::Error::new(EventsError::Request(request.clone())).context("room demo"),
        ] {
            let said = sentence(&error);
            assert!(said.contains("http://127.0.0.1:9") && said.contains("mixminus-server"), "{said}");
            assert!(!said.contains('\n'));
        }
    }

    #[test]
    fn wrong_usage_ends_with_2_and_the_rest_with_1() {
        assert_eq!(report(&Usage("x".into()).into()), ExitCode::from(2));
        assert_eq!(report(&anyhow::anyhow!("x")), ExitCode::from(1));
    }
}
