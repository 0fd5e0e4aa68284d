//! The calls that are one HTTP request each.

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;

use super::Client;
use crate::{
    FloorAnswer, FloorRequest, Health, PersonalMix, PersonalPatch, Problem, RoomName, RoomPatch, RoomState, TrackId,
    TrackPatch,
};

/// Why a request was not answered as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// Nobody listens there, or the network is down: a retry helps once the server runs.
    #[error("no server answers at {server}: {reason}")]
    Unreachable {
        /// The address tried.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// The server says no, and says why: [`RequestError::retry_helps`] for a full or draining one.
    #[error("{0}")]
    Refused(Problem),
    /// Something answers there that is not a mixminus server: the address is wrong.
    #[error("{url} answered {status}, which is not what a mixminus server says; is the address right?")]
    Foreign {
        /// The address asked.
        url: String,
        /// Its HTTP status.
        status: u16,
    },
}

impl RequestError {
    /// Whether the same request may succeed later.
    pub fn retry_helps(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(problem) => matches!(problem.status, 429 | 503),
            Self::Foreign { .. } => false,
        }
    }

    /// The server's problem, when it sent one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }
}

impl Client {
    /// `GET /api/health`.
    pub async fn health(&self) -> Result<Health, RequestError> {
        self.json("api/health").await
    }

    /// `GET /metrics`: Prometheus's text format.
    pub async fn metrics(&self) -> Result<String, RequestError> {
        let response = self.call(Method::GET, "metrics", |request| request).await?;
        self.body(response).await
    }

    /// `GET /api/rooms`.
    pub async fn rooms(&self) -> Result<Vec<RoomState>, RequestError> {
        self.json("api/rooms").await
    }

    /// `GET /api/rooms/{room}`.
    pub async fn room(&self, room: &RoomName) -> Result<RoomState, RequestError> {
        self.json(&format!("api/rooms/{room}")).await
    }

    /// `PUT /api/rooms/{room}`: makes it if it is not there.
    pub async fn make_room(&self, room: &RoomName, settings: &RoomPatch) -> Result<(), RequestError> {
        self.call(Method::PUT, &format!("api/rooms/{room}"), |request| request.json(settings)).await.map(drop)
    }

    /// `PATCH /api/rooms/{room}`.
    pub async fn change_room(&self, room: &RoomName, settings: &RoomPatch) -> Result<(), RequestError> {
        self.call(Method::PATCH, &format!("api/rooms/{room}"), |request| request.json(settings)).await.map(drop)
    }

    /// `DELETE /api/rooms/{room}`: everybody in it is hung up.
    pub async fn close_room(&self, room: &RoomName) -> Result<(), RequestError> {
        self.call(Method::DELETE, &format!("api/rooms/{room}"), |request| request).await.map(drop)
    }

    /// `PATCH /api/rooms/{room}/tracks/{id}`.
    pub async fn change_track(&self, room: &RoomName, id: &TrackId, strip: &TrackPatch) -> Result<(), RequestError> {
        self.call(Method::PATCH, &format!("api/rooms/{room}/tracks/{id}"), |request| request.json(strip))
            .await
            .map(drop)
    }

    /// `DELETE /api/rooms/{room}/tracks/{id}`: its peer is hung up.
    pub async fn remove_track(&self, room: &RoomName, id: &TrackId) -> Result<(), RequestError> {
        self.call(Method::DELETE, &format!("api/rooms/{room}/tracks/{id}"), |request| request).await.map(drop)
    }

    /// `POST /api/rooms/{room}/tracks/{id}/floor`. To be denied is an answer, no error.
    pub async fn floor(
        &self,
        room: &RoomName,
        id: &TrackId,
        request: FloorRequest,
    ) -> Result<FloorAnswer, RequestError> {
        let path = format!("api/rooms/{room}/tracks/{id}/floor");
        let response = self.call(Method::POST, &path, |http| http.json(&request)).await?;
        self.parsed(response).await
    }

    /// `GET /api/rooms/{room}/peers/{id}/mix`: what one peer hears otherwise than the desk says.
    pub async fn personal_mix(&self, room: &RoomName, peer: &TrackId) -> Result<PersonalMix, RequestError> {
        self.json(&format!("api/rooms/{room}/peers/{peer}/mix")).await
    }

    /// `PATCH /api/rooms/{room}/peers/{id}/mix`; gives the mix as it is then.
    pub async fn change_personal_mix(
        &self,
        room: &RoomName,
        peer: &TrackId,
        mix: &PersonalPatch,
    ) -> Result<PersonalMix, RequestError> {
        let path = format!("api/rooms/{room}/peers/{peer}/mix");
        let response = self.call(Method::PATCH, &path, |request| request.json(mix)).await?;
        self.parsed(response).await
    }

    /// Sends an SDP offer as `application/sdp`; the answer's text and its `Location`.
    pub(super) async fn post_sdp(&self, url: Url, offer: String) -> Result<(String, Url), RequestError> {
        let request = self.http.post(url).header(header::CONTENT_TYPE, "application/sdp").body(offer);
        let response = self.send(request).await?;
        let location = location(&response)?;
        Ok((self.body(response).await?, location))
    }

    /// Sends a JSON body; the answer as `T` and its `Location`.
    pub(super) async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<(T, Url), RequestError> {
        let response = self.send(self.http.post(self.url(path)).json(body)).await?;
        let location = location(&response)?;
        Ok((self.parsed(response).await?, location))
    }

    /// `DELETE` on the Location of a peer. That it is gone already is as good.
    pub(super) async fn hang_up(&self, location: Url) -> Result<(), RequestError> {
        match self.send(self.http.delete(location)).await {
            Err(RequestError::Refused(problem)) if problem.status == 404 => Ok(()),
            other => other.map(drop),
        }
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, RequestError> {
        let response = self.call(Method::GET, path, |request| request).await?;
        self.parsed(response).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, RequestError> {
        self.send(fill(self.http.request(method, self.url(path)))).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, RequestError> {
        let response = self.answered(request).await?;
        self.accepted(response).await
    }

    /// Whatever the server answers.
    pub(super) async fn answered(&self, mut request: RequestBuilder) -> Result<Response, RequestError> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.map_err(|e| self.unreachable(&e))
    }

    /// The answer if it is a yes.
    pub(super) async fn accepted(&self, response: Response) -> Result<Response, RequestError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let url = response.url().to_string();
        let body = self.body(response).await?;
        Err(refusal(url, status, &body))
    }

    pub(super) async fn parsed<T: DeserializeOwned>(&self, response: Response) -> Result<T, RequestError> {
        let (url, status) = (response.url().to_string(), response.status());
        let body = self.body(response).await?;
        serde_json::from_str(&body).map_err(|_| RequestError::Foreign { url, status: status.as_u16() })
    }

    pub(super) async fn body(&self, response: Response) -> Result<String, RequestError> {
        response.text().await.map_err(|e| self.unreachable(&e))
    }

    pub(super) fn unreachable(&self, error: &dyn std::error::Error) -> RequestError {
        RequestError::Unreachable { server: self.server().to_owned(), reason: deepest(error) }
    }
}

/// A refusal's own words where it is a problem, else that whoever answered is no mixminus server.
pub(super) fn refusal(url: String, status: StatusCode, body: &str) -> RequestError {
    match serde_json::from_str(body) {
        Ok(problem) => RequestError::Refused(problem),
        Err(_) => RequestError::Foreign { url, status: status.as_u16() },
    }
}

pub(super) fn location(response: &Response) -> Result<Url, RequestError> {
    response
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| response.url().join(text).ok())
        .ok_or_else(|| RequestError::Foreign { url: response.url().to_string(), status: response.status().as_u16() })
}

/// The last cause of a chain is what the system said; what stands above it repeats the address.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_of_the_server_comes_through_and_says_whether_a_retry_helps() {
        let body = |status| {
            format!(r#"{{"type":"/problems/full","title":"Server full","status":{status},"detail":"2000 peers"}}"#)
        };
        for (status, retry) in [(503, true), (404, false), (422, false)] {
            let error = refusal("http://x".into(), StatusCode::from_u16(status).unwrap(), &body(status));
            assert_eq!(error.problem().map(|p| p.status), Some(status));
            assert_eq!(error.retry_helps(), retry, "{status}");
            assert_eq!(error.to_string(), "Server full: 2000 peers");
        }
    }

    #[test]
    fn an_answer_that_is_no_problem_points_at_the_address() {
        let error = refusal("http://x/".into(), StatusCode::BAD_GATEWAY, "<html>nginx</html>");
        assert!(error.to_string().contains("is the address right?"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        // A port that was free a moment ago: nobody listens on it.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::new(&format!("http://127.0.0.1:{port}"), None).unwrap();
        let error = client.rooms().await.unwrap_err();
        assert!(error.retry_helps());
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
