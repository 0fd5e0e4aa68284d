// Generated from the Rust types in signaling/src; do not edit.
// `UPDATE_WIRE=1 cargo test -p mixminus-signaling` writes it anew.

/** A room's name: 1 to 64 characters of `A-Z a-z 0-9 _ -`. */
export type RoomName = string;

/**
 * The id of a peer and of the track it sends: 22 characters of `A-Z a-z 0-9 _ -`, not guessable
 * (128 random bits), because who knows it may hang the peer up.
 */
export type TrackId = string;

/** The body of `POST /api/offer`. Keys that it does not know are ignored. */
export type Offer = {
/** The caller's SDP with one `sendrecv` audio section. */
offer: SessionDescription,
/** The room to join; made if it is not there. */
room: RoomName,
/** What people read on the strip; at most 64 characters. Default: `guest`. */
name?: string,
/**
 * Who calls, over reconnects: a second call with the same id takes the place of the first and
 * keeps its strip. Made up when left out.
 */
clientId?: string,
/** Default: `talker`. */
role?: Role, };

/** The body of the 201 to `POST /api/offer`. */
export type OfferAnswer = {
/** The server's SDP with all its candidates. */
answer: SessionDescription,
/** The caller's id, made up if it sent none. */
clientId: string,
/** The room joined. */
room: RoomName,
/** The id of the peer and of its track; the last part of the `Location`. */
trackId: TrackId, };

/** What a peer of `POST /api/offer` does. */
export type Role = "talker" | "listener";

/** An SDP with its type, as `RTCSessionDescription` has it. */
export type SessionDescription = {
/** `offer` or `answer`. */
type: SdpKind,
/** RFC 8866 text. */
sdp: string, };

/** The type of a session description. */
export type SdpKind = "offer" | "answer";

/** `GET /api/rooms/{room}`, an element of the array `GET /api/rooms`, and the start of every WebSocket. */
export type RoomState = {
/** The room's name. */
room: RoomName,
/** Who may talk. */
mode: Mode,
/** Over every mix; −60 to +20 dB, −60 is silence. */
master_gain_db: number,
/** How many peers hear a mix. */
listeners: number,
/** In the order of joining. */
tracks: Array<TrackState>, };

/** One strip of the desk. */
export type TrackState = {
/** The track's id, and its peer's. */
id: TrackId,
/** What people read on the strip. */
name: string,
/** Where it comes from. */
kind: Kind,
/** −60 to +20 dB; −60 is silence. */
gain_db: number,
/** −1 (left) to +1 (right), constant power. */
pan: number,
/** Nobody hears it. */
muted: boolean,
/** There is a voice in it now, from the decoded signal. */
talking: boolean,
/**
 * The last frame before the fader, RMS of the louder channel, 0 dBFS for a full-scale sine
 * (AES17); −127 is silence.
 */
level_dbfs: number,
/** When it joined, milliseconds since 1970 UTC. */
joined_at: number, };

/** Where a track comes from. */
export type Kind = "peer" | "whip" | "file";

/** Who may talk in a room. */
export type Mode = "open" | "floor";

/** `PUT` and `PATCH /api/rooms/{room}`: what is left out stays as it is. */
export type RoomPatch = {
/** −60 to +20 dB. */
master_gain_db?: number,
/** Who may talk. */
mode?: Mode, };

/** `PATCH /api/rooms/{room}/tracks/{id}`: what is left out stays as it is. */
export type TrackPatch = {
/** −60 to +20 dB; −60 is silence. */
gain_db?: number,
/** −1 (left) to +1 (right). */
pan?: number,
/** Nobody hears it. */
muted?: boolean,
/** 1 to 64 characters, no control characters. */
name?: string, };

/** What the server says. */
export type ServerMessage =
| { "type": "snapshot",
/** The version that this state has. */
version: number,
/** The state. */
state: RoomState, }
| { "type": "patch",
/** One more than the version before. */
version: number,
/** At least one. */
changes: Array<Change>, }
| { "type": "meters",
/** Before the fader, dBFS, by track id. */
levels: Record<string, number>,
/** The mix of all after master and limiter, dBFS. */
master_dbfs: number, }
| { "type": "event",
/** Milliseconds since the server started. */
at: number,
/** Who caused it: an address, or `desk`. */
address: string,
/** What happened, in words. */
event: string, }
| { "type": "reply",
/** The command's `ref`. */
ref?: number,
/** Why it was refused; none when it was done. */
problem?: Problem, }
| { "type": "closed",
/** Why: `room closed` or `server is shutting down`. */
reason: string, };

/** One change of a room's state. */
export type Change =
| { "change": "room",
/** −60 to +20 dB. */
master_gain_db?: number,
/** Who may talk. */
mode?: Mode, }
| { "change": "listeners",
/** The new number. */
listeners: number, }
| { "change": "joined",
/** Its whole strip. */
track: TrackState, }
| { "change": "track",
/** Whose. */
id: TrackId,
/** −60 to +20 dB; −60 is silence. */
gain_db?: number,
/** −1 (left) to +1 (right). */
pan?: number,
/** Nobody hears it. */
muted?: boolean,
/** 1 to 64 characters, no control characters. */
name?: string, }
| { "change": "talking",
/** Whose. */
id: TrackId,
/** Whether there is a voice now. */
talking: boolean, }
| { "change": "left",
/** Whose. */
id: TrackId, };

/**
 * What a client says: a command, with a `ref` if it wants an answer. A refused command is always
 * answered.
 */
export type ClientMessage = {
/** Comes back in the reply. */
ref?: number, } & ({ "command": "set_room",
/** −60 to +20 dB. */
master_gain_db?: number,
/** Who may talk. */
mode?: Mode, }
| { "command": "set_track",
/** Whose. */
id: TrackId,
/** −60 to +20 dB; −60 is silence. */
gain_db?: number,
/** −1 (left) to +1 (right). */
pan?: number,
/** Nobody hears it. */
muted?: boolean,
/** 1 to 64 characters, no control characters. */
name?: string, }
| { "command": "remove_track",
/** Whose. */
id: TrackId, });

/** The same commands that REST takes. */
export type Command =
| { "command": "set_room",
/** −60 to +20 dB. */
master_gain_db?: number,
/** Who may talk. */
mode?: Mode, }
| { "command": "set_track",
/** Whose. */
id: TrackId,
/** −60 to +20 dB; −60 is silence. */
gain_db?: number,
/** −1 (left) to +1 (right). */
pan?: number,
/** Nobody hears it. */
muted?: boolean,
/** 1 to 64 characters, no control characters. */
name?: string, }
| { "command": "remove_track",
/** Whose. */
id: TrackId, };

/** The body of every error answer. `detail` names what was wrong and what would be right. */
export type Problem = {
/** A URI reference for the kind of problem: `/problems/unknown-room`; stable, for programs. */
type: string,
/** The same for people, in a few words. */
title: string,
/** The HTTP status. */
status: number,
/** This occurrence: what was wrong and what would be right. */
detail: string, };

/** `GET /api/health`. */
export type Health = {
/** `ok`. */
status: string,
/** The server's version. */
version: string,
/** Seconds since it started. */
uptime_s: number,
/** Rooms that exist. */
rooms: number,
/** Peers connected or connecting. */
peers: number, };

/** The claims of a token. */
export type Claims = {
/** The room it is for, or `*` for all. */
room: string,
/** What its bearer may do there. */
can: Array<Right>,
/** When it ends, seconds since 1970 UTC (RFC 7519 §4.1.4). */
exp: number, };

/** One thing that a bearer may do in a room. */
export type Right = "talk" | "listen" | "mix" | "admin";
