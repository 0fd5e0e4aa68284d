//! The client for programs: REST, WebSocket and webrtc's async form.
