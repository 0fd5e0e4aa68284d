//! Tokens: who may do what in which room (RFC 6750, RFC 7519, HS256).

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::{StatusCode, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use signaling::{Claims, Command, FloorAction, Right, RoomName};

use super::Api;
use super::problems::Problem;
use crate::clock::wall_clock_ms;
use crate::config::Key;

/// Reads tokens and checks their signatures.
pub struct Tokens {
    key: DecodingKey,
    rules: Validation,
}

impl Tokens {
    /// Accepts what was signed with this key.
    pub fn new(key: &Key) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = 0;
        rules.validate_nbf = true;
        Self { key: DecodingKey::from_secret(key.as_bytes()), rules }
    }

    /// The claims of a token that is whole, signed and in time; else what is wrong with it.
    pub fn read(&self, token: &str) -> Result<Claims, String> {
        if jsonwebtoken::decode_header(token).is_err() {
            return Err("the token is not a JWT signed with HS256".into());
        }
        match jsonwebtoken::decode::<Claims>(token, &self.key, &self.rules) {
            Ok(data) => Ok(data.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::ExpiredSignature => "the token has expired".into(),
                ErrorKind::ImmatureSignature => "the token is not valid yet".into(),
                ErrorKind::InvalidSignature => "the token is not signed with this server's key".into(),
                ErrorKind::InvalidAlgorithm => "the token must be signed with HS256".into(),
                ErrorKind::MissingRequiredClaim(claim) => format!("the token lacks the claim {claim}"),
                ErrorKind::Json(error) => format!("the token's claims must be room, can and exp: {error}"),
                _ => "the token is not a JWT signed with HS256".into(),
            }),
        }
    }
}

/// Who sends a request. Handlers ask it for each right that they need.
#[derive(Clone)]
pub struct Bearer {
    /// `None` where the server has no key and everybody may do everything.
    claims: Option<Arc<Claims>>,
}

impl Bearer {
    /// 403 unless the bearer may do this in the room; 401 if the token has expired meanwhile.
    pub fn may(&self, room: &RoomName, right: Right) -> Result<(), Problem> {
        self.may_there(room.as_str(), right)
    }

    /// 403 unless the bearer may do this in every room.
    pub fn may_everywhere(&self, right: Right) -> Result<(), Problem> {
        self.may_there("*", right)
    }

    fn may_there(&self, room: &str, right: Right) -> Result<(), Problem> {
        let Some(claims) = &self.claims else { return Ok(()) };
        if claims.exp.saturating_mul(1000) <= wall_clock_ms() {
            return Err(unauthorised(Some("the token has expired")));
        }
        if claims.allow(room, right) {
            return Ok(());
        }
        let needed = format!("{right:?}").to_lowercase();
        let there = if room == "*" { "every room (*)".to_owned() } else { format!("the room {room}") };
        let detail = format!("this needs a token with the right {needed} in {there}");
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
            .with(header::WWW_AUTHENTICATE, r#"Bearer realm="mixminus", error="insufficient_scope""#))
    }

    /// 403 unless the bearer may give this command in the room.
    pub fn may_command(&self, room: &RoomName, command: &Command) -> Result<(), Problem> {
        match command {
            Command::SetRoom { .. } | Command::SetTrack { .. } | Command::RemoveTrack { .. } => {
                self.may(room, Right::Mix)
            }
            Command::Floor { action: FloorAction::Request, priority, .. } => {
                self.may(room, Right::Talk)?;
                self.may_ask_with(priority.unwrap_or(0))
            }
            Command::Floor { action: FloorAction::Release, .. } | Command::Signal { .. } => self.may(room, Right::Talk),
            Command::Floor { action: FloorAction::Grant | FloorAction::Revoke, .. } => self.may(room, Right::Mix),
            Command::Alert { .. } => self.may(room, Right::Talk).or_else(|_| self.may(room, Right::Mix)),
            Command::SetMix { .. } | Command::Report { .. } | Command::Identify { .. } => self.may(room, Right::Listen),
        }
    }

    /// 403 unless the bearer may ask for the floor with this priority.
    fn may_ask_with(&self, priority: u8) -> Result<(), Problem> {
        let Some(claims) = &self.claims else { return Ok(()) };
        if priority <= claims.priority || claims.can.contains(&Right::Admin) {
            return Ok(());
        }
        let detail = format!("this needs a token with a priority of {priority} or more, it has {}", claims.priority);
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail))
    }

    /// 403 unless the bearer may do anything at all in the room.
    pub fn may_something(&self, room: &RoomName) -> Result<(), Problem> {
        let rights = [Right::Talk, Right::Mix, Right::Listen];
        rights.iter().map(|right| self.may(room, *right)).reduce(Result::or).unwrap_or(Ok(()))
    }
}

/// Lets through who has a good token, or everybody where there is no key.
pub async fn ask_for_token(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let bearer = match &api.tokens {
        None => Ok(Bearer { claims: None }),
        Some(tokens) => match token_of(&request) {
            None => Err(unauthorised(None)),
            Some(token) => match tokens.read(&token) {
                Ok(claims) => Ok(Bearer { claims: Some(Arc::new(claims)) }),
                Err(detail) => Err(unauthorised(Some(&detail))),
            },
        },
    };
    match bearer {
        Ok(bearer) => {
            request.extensions_mut().insert(bearer);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// From the `Authorization` header, or, as browsers can set none for a WebSocket, from its query.
fn token_of(request: &Request) -> Option<String> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some((scheme, token)) = given.and_then(|given| given.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some(token.trim().to_owned());
    }
    if !request.uri().path().ends_with("/ws") {
        return None;
    }
    // A JWT needs no escapes in a query: its alphabet is that of base64url and the dot.
    let query = request.uri().query()?;
    query.split('&').find_map(|pair| pair.strip_prefix("access_token=")).map(str::to_owned)
}

fn unauthorised(wrong: Option<&str>) -> Problem {
    let detail = wrong.unwrap_or("this needs the header Authorization: Bearer with a token for the room");
    let challenge = match wrong {
        // RFC 6750 §3.1: who sent no token is told no error.
        None => r#"Bearer realm="mixminus""#.to_owned(),
        Some(wrong) => {
            let wrong = wrong.replace(['"', '\\'], "'");
            format!(r#"Bearer realm="mixminus", error="invalid_token", error_description="{wrong}""#)
        }
    };
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Token needed", detail)
        .with(header::WWW_AUTHENTICATE, &challenge)
}

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A route that forgot to ask for a token lets nobody in.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unauthorised(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_is_asked_for_by_name() {
        let claims = Claims { room: "ward".into(), can: vec![Right::Listen], exp: u64::MAX, priority: 0 };
        let bearer = Bearer { claims: Some(Arc::new(claims)) };
        let (ward, other) = ("ward".parse().unwrap(), "other".parse().unwrap());
        assert!(bearer.may(&ward, Right::Listen).is_ok());
        assert!(bearer.may_something(&ward).is_ok());
        let refused = bearer.may(&ward, Right::Talk).unwrap_err().into_body();
        assert_eq!((refused.status, refused.detail.contains("talk")), (403, true), "{refused:?}");
        let refused = bearer.may_something(&other).unwrap_err().into_body();
        assert_eq!((refused.status, refused.detail.contains("the room other")), (403, true), "{refused:?}");
        assert_eq!(bearer.may_everywhere(Right::Listen).unwrap_err().into_body().status, 403);
    }

    #[test]
    fn a_token_that_expires_meanwhile_is_worth_nothing() {
        let claims = Claims { room: "*".into(), can: vec![Right::Admin], exp: 1, priority: 0 };
        let refused = Bearer { claims: Some(Arc::new(claims)) }.may_everywhere(Right::Admin).unwrap_err().into_body();
        assert_eq!((refused.status, refused.detail.contains("expired")), (401, true));
    }
}
