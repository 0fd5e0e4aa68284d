//! `mixminus token`: a token for a server that has a key.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::{Args, ValueEnum};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use signaling::{Claims, Right, RoomName};

use crate::{failure::Usage, output, parse};

/// Make a token (JWT, HS256) for a server that has a key
#[derive(Debug, Args)]
pub struct Token {
    /// The server's key
    #[arg(long, env = "MIXMINUS_KEY", hide_env_values = true, value_name = "SECRET")]
    key: String,
    /// The room it is for, or `*` for all
    #[arg(long, value_parser = room)]
    room: String,
    /// What its bearer may do there: `talk`, `listen`, `mix` (move the desk), `admin` (everything)
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    can: Vec<Can>,
    /// How long it lasts: 90s, 30m, 12h, 7d
    #[arg(long, default_value = "12h", value_parser = parse::ttl)]
    ttl: Duration,
    /// The highest floor priority that its bearer may ask for, 0 to 255
    #[arg(long, value_name = "N", default_value_t = 0)]
    priority: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Can {
    Talk,
    Listen,
    Mix,
    Admin,
}

impl Token {
    /// Signs and prints it; asks nobody.
    pub fn run(self) -> anyhow::Result<()> {
        if self.key.is_empty() {
            return Err(Usage("the key must not be empty".into()).into());
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        output::line(&self.sign(now)?)?;
        Ok(())
    }

    fn sign(&self, now: Duration) -> anyhow::Result<String> {
        let can = self.can.iter().map(|can| match can {
            Can::Talk => Right::Talk,
            Can::Listen => Right::Listen,
            Can::Mix => Right::Mix,
            Can::Admin => Right::Admin,
        });
        let (room, exp) = (self.room.clone(), (now + self.ttl).as_secs());
        let claims = Claims { room, can: can.collect(), exp, priority: self.priority };
        let key = EncodingKey::from_secret(self.key.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).context("the token cannot be signed")
    }
}

fn room(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    text.parse::<RoomName>().map(String::from).map_err(|e| format!("{e}, or * for all rooms"))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};

    use super::*;

    #[test]
    fn a_token_says_what_was_asked_and_only_its_key_opens_it() {
        let token = Token {
            key: "secret".into(),
            room: "demo".into(),
            can: vec![Can::Talk, Can::Listen],
            ttl: Duration::from_secs(60),
            priority: 9,
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let text = token.sign(now).unwrap();
        let open = |key: &str| {
            let key = DecodingKey::from_secret(key.as_bytes());
            jsonwebtoken::decode::<Claims>(&text, &key, &Validation::new(Algorithm::HS256))
        };
        let claims = open("secret").unwrap().claims;
        assert_eq!((claims.exp, claims.priority), (now.as_secs() + 60, 9));
        assert!(
            claims.allow("demo", Right::Talk) && !claims.allow("demo", Right::Mix) && !claims.allow("x", Right::Talk)
        );
        assert!(open("other").is_err());
    }
}
