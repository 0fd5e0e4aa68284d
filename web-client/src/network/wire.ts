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
/** How many peers hear a mix. */
listeners: number,
/** Who may talk and who waits; empty while the mode is `open`. */
floor: FloorState,
/** In the order of joining. */
tracks: Array<TrackState>,
/** Who may talk. */
mode: Mode,
/** Over every mix; −60 to +20 dB, −60 is silence. */
master_gain_db: number,
/** How long a packet of a mix sounds, ms, 20 or 10: less is sooner heard, and costs more of the network. */
frame_ms: number,
/** How many may have the floor at once, 1 to 16. */
floor_holders: number,
/** How many may wait for it, 0 to 64. */
floor_queue: number,
/** Longest talk (3GPP TS 24.380 T2), ms, to one hour; 0: no limit. */
floor_talk_ms: number,
/** So long before its end the talker is warned, ms. */
floor_warning_ms: number,
/** So long the talker is still heard after its end (TS 24.380 T3), ms. */
floor_grace_ms: number,
/** Whether a request of higher priority takes the floor; else it only leads the queue. */
floor_preemption: boolean,
/** How far a voice pushes programs down, dB; 60 is silence. */
duck_db: number,
/** How long that takes, ms. */
duck_attack_ms: number,
/** How long programs stay down after the last word, ms. */
duck_hold_ms: number,
/** How long they take to come back, ms. */
duck_release_ms: number,
/** How far an announcement pushes all others down, dB; 60 is silence. */
dim_db: number, };

/** A room's settings; all have a default. */
export type RoomSettings = {
/** Who may talk. */
mode: Mode,
/** Over every mix; −60 to +20 dB, −60 is silence. */
master_gain_db: number,
/** How long a packet of a mix sounds, ms, 20 or 10: less is sooner heard, and costs more of the network. */
frame_ms: number,
/** How many may have the floor at once, 1 to 16. */
floor_holders: number,
/** How many may wait for it, 0 to 64. */
floor_queue: number,
/** Longest talk (3GPP TS 24.380 T2), ms, to one hour; 0: no limit. */
floor_talk_ms: number,
/** So long before its end the talker is warned, ms. */
floor_warning_ms: number,
/** So long the talker is still heard after its end (TS 24.380 T3), ms. */
floor_grace_ms: number,
/** Whether a request of higher priority takes the floor; else it only leads the queue. */
floor_preemption: boolean,
/** How far a voice pushes programs down, dB; 60 is silence. */
duck_db: number,
/** How long that takes, ms. */
duck_attack_ms: number,
/** How long programs stay down after the last word, ms. */
duck_hold_ms: number,
/** How long they take to come back, ms. */
duck_release_ms: number,
/** How far an announcement pushes all others down, dB; 60 is silence. */
dim_db: number, };

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
/** What it is to the others. */
bus: Bus,
/** Strips of the same group move together on the desk; none: it stands alone. */
group?: string,
/** Its voice is brought to one level with all others, slowly. */
auto_gain: boolean,
/** What is no voice is taken out of it; costs 10 ms. */
denoise: boolean,
/** There is a voice in it now, from the decoded signal. */
talking: boolean,
/**
 * The last frame before the fader, RMS of the louder channel, 0 dBFS for a full-scale sine
 * (AES17); −127 is silence.
 */
level_dbfs: number,
/** Its number among the contributors (CSRC, RFC 3550 §5.1) of the packets that it is heard in. */
csrc: number,
/** When it joined, milliseconds since 1970 UTC. */
joined_at: number, };

/** Where a track comes from. */
export type Kind = "peer" | "whip" | "file";

/** Who may talk in a room. */
export type Mode = "open" | "floor";

/** What a track is to the others. */
export type Bus = "voice" | "program" | "announcement";

/** `PUT` and `PATCH /api/rooms/{room}`: what is left out stays as it is. */
export type RoomPatch = {
/** Who may talk. */
mode?: Mode,
/** Over every mix; −60 to +20 dB, −60 is silence. */
master_gain_db?: number,
/** How long a packet of a mix sounds, ms, 20 or 10: less is sooner heard, and costs more of the network. */
frame_ms?: number,
/** How many may have the floor at once, 1 to 16. */
floor_holders?: number,
/** How many may wait for it, 0 to 64. */
floor_queue?: number,
/** Longest talk (3GPP TS 24.380 T2), ms, to one hour; 0: no limit. */
floor_talk_ms?: number,
/** So long before its end the talker is warned, ms. */
floor_warning_ms?: number,
/** So long the talker is still heard after its end (TS 24.380 T3), ms. */
floor_grace_ms?: number,
/** Whether a request of higher priority takes the floor; else it only leads the queue. */
floor_preemption?: boolean,
/** How far a voice pushes programs down, dB; 60 is silence. */
duck_db?: number,
/** How long that takes, ms. */
duck_attack_ms?: number,
/** How long programs stay down after the last word, ms. */
duck_hold_ms?: number,
/** How long they take to come back, ms. */
duck_release_ms?: number,
/** How far an announcement pushes all others down, dB; 60 is silence. */
dim_db?: number, };

/** `PATCH /api/rooms/{room}/tracks/{id}`: what is left out stays as it is. */
export type TrackPatch = {
/** −60 to +20 dB; −60 is silence. */
gain_db?: number,
/** −1 (left) to +1 (right). */
pan?: number,
/** Nobody hears it. */
muted?: boolean,
/** 1 to 64 characters, no control characters. */
name?: string,
/** What it is to the others. */
bus?: Bus,
/** 1 to 64 characters, no control characters; an empty text takes it out of its group. */
group?: string,
/** Its voice is brought to one level with all others, slowly. */
auto_gain?: boolean,
/** What is no voice is taken out of it; costs 10 ms. */
denoise?: boolean, };

/** Who may talk and who waits. Times are as of when this was sent. */
export type FloorState = {
/** In the order in which they got it. */
holders: Array<FloorHolder>,
/** The next first. */
queue: Array<FloorWaiter>,
/** How long people waited from the key to the permission, as their pages measured it. */
access: AccessTimes, };

/** One who may talk. */
export type FloorHolder = {
/** Whose track. */
id: TrackId,
/** 0 (normal) to 255. */
priority: number,
/** For how long it has had the floor, ms. */
held_ms: number,
/** How long it may still talk, ms; none without a limit. */
left_ms?: number,
/** Its time is over and the grace runs: it is still heard. */
revoked: boolean, };

/** One who waits. */
export type FloorWaiter = {
/** Whose track. */
id: TrackId,
/** 0 (normal) to 255. */
priority: number,
/** For how long it has waited, ms. */
waited_ms: number, };

/** A histogram of access times: key to permission. */
export type AccessTimes = {
/** Upper bounds of the buckets, ms. */
bounds_ms: Array<number>,
/** How many were in each bucket; one more than the bounds, the last is all that took longer. */
counts: Array<number>, };

/** One thing that happened to the floor. */
export type FloorEvent =
| { "event": "granted",
/** Who. */
id: TrackId, }
| { "event": "queued",
/** Who. */
id: TrackId,
/** 1 is next. */
position: number, }
| { "event": "denied",
/** Who. */
id: TrackId,
/** In words. */
reason: string, }
| { "event": "warned",
/** Who. */
id: TrackId,
/** How long it may still talk, ms. */
left_ms: number, }
| { "event": "revoking",
/** Who. */
id: TrackId,
/** In words. */
reason: string, }
| { "event": "revoked",
/** Who. */
id: TrackId,
/** In words. */
reason: string, }
| { "event": "released",
/** Who. */
id: TrackId, }
| { "event": "unqueued",
/** Who. */
id: TrackId, }
| { "event": "idle" };

/** What is asked of the floor. */
export type FloorAction = "request" | "release" | "grant" | "revoke";

/** `POST /api/rooms/{room}/tracks/{id}/floor`. */
export type FloorRequest = {
/** What is asked. */
action: FloorAction,
/** Of a request: 0 (normal) to 255. With a key configured at most what the token says. */
priority?: number, };

/** What became of it. */
export type FloorAnswer =
| { "answer": "granted",
/** For so long, ms; none without a limit. */
left_ms?: number, }
| { "answer": "queued",
/** 1 is next. */
position: number, }
| { "answer": "denied",
/** In words. */
reason: string, }
| { "answer": "released" };

/** `POST /api/rooms/{room}/alerts`: puts on a call light. */
export type Alert = {
/** Whose track calls; none: the desk or a program. */
from?: TrackId,
/** Who is called; none: everybody. */
to?: TrackId, };

/** `GET /api/rooms/{room}/peers/{id}/mix`. */
export type PersonalMix = {
/** Over the whole mix; −60 to +20 dB, −60 is silence. */
volume_db: number,
/** Only tracks that are to sound otherwise than at the desk. */
tracks: Record<string, Wish>, };

/** How one track is to sound for one listener. */
export type Wish = {
/** On top of the desk's gain; −60 to +20 dB, −60 is silence. */
gain_db: number,
/** In place of the desk's pan, −1 to +1. */
pan?: number,
/** Not heard. */
muted: boolean,
/** While any track is solo, those that are not are not heard. */
solo: boolean, };

/** `PATCH /api/rooms/{room}/peers/{id}/mix`: what is left out stays as it is. */
export type PersonalPatch = {
/** −60 to +20 dB. */
volume_db?: number,
/** By track; `null` makes it sound as at the desk again. */
tracks?: { [key in string]: WishPatch | null }, };

/** What is to change of one wish. */
export type WishPatch = {
/** On top of the desk's gain, −60 to +20 dB. */
gain_db?: number,
/** In place of the desk's pan, −1 to +1. */
pan?: number,
/** Not heard. */
muted?: boolean,
/** Heard alone, with others that are solo. */
solo?: boolean, };

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
/** The largest sample of the same frames, dBFS; from −0.1 on it is clipped. */
peaks: Record<string, number>,
/** The mix of all after master and limiter, dBFS. */
master_dbfs: number,
/** Its largest sample, dBFS. */
master_peak_dbfs: number,
/** How far its limiter pulls it down, dB, 0 or more. */
reduction_db: number,
/** Its loudness over the last 400 ms, LUFS (EBU R128); −127 when there is none yet, as in the two below. */
momentary_lufs: number,
/** Over the last 3 s. */
short_term_lufs: number,
/** Since somebody began to look, gated. */
integrated_lufs: number, }
| { "type": "stats",
/** By track id. */
tracks: Record<string, TrackStats>,
/** How many mixes are encoded. */
mixes: number,
/** The longest tick of the last second, ms. */
tick_ms: number,
/** How many hearers get a lone talker's packets as they came just now; the others hear a mix. */
forwarded?: number, }
| { "type": "alert",
/** The track of who calls; none: the desk or a program. */
from?: TrackId,
/** Its name. */
name: string,
/** Who is called; none: everybody. */
to?: TrackId, }
| { "type": "signal",
/** Who says it. */
from: TrackId,
/** To whom. */
to: TrackId,
/** As it was said. */
data: string, }
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
problem?: Problem,
/** What became of a `floor` command. */
floor?: FloorAnswer, }
| { "type": "closed",
/** Why: `room closed` or `server is shutting down`. */
reason: string, };

/** How the network of one track does. */
export type TrackStats = {
/** Packets of the last second that never came, %. */
loss_percent: number,
/** Interarrival jitter (RFC 3550 §6.4.1), ms. */
jitter_ms: number,
/** What waits in the jitter buffer, ms. */
delay_ms: number,
/** To the server and back, ms, as the peer reported it; none if it did not. */
rtt_ms?: number,
/** What the automatic gain adds just now, dB; none if it is off. */
auto_gain_db?: number,
/** It talks alone just now, and its packets go out as they came. */
forwarded?: boolean,
/** Its peer gets a lone talker's packets as they came just now, and no mix. */
hears_forwarded?: boolean, };

/** One change of a room's state. */
export type Change =
| { "change": "room",
/** Who may talk. */
mode?: Mode,
/** Over every mix; −60 to +20 dB, −60 is silence. */
master_gain_db?: number,
/** How long a packet of a mix sounds, ms, 20 or 10: less is sooner heard, and costs more of the network. */
frame_ms?: number,
/** How many may have the floor at once, 1 to 16. */
floor_holders?: number,
/** How many may wait for it, 0 to 64. */
floor_queue?: number,
/** Longest talk (3GPP TS 24.380 T2), ms, to one hour; 0: no limit. */
floor_talk_ms?: number,
/** So long before its end the talker is warned, ms. */
floor_warning_ms?: number,
/** So long the talker is still heard after its end (TS 24.380 T3), ms. */
floor_grace_ms?: number,
/** Whether a request of higher priority takes the floor; else it only leads the queue. */
floor_preemption?: boolean,
/** How far a voice pushes programs down, dB; 60 is silence. */
duck_db?: number,
/** How long that takes, ms. */
duck_attack_ms?: number,
/** How long programs stay down after the last word, ms. */
duck_hold_ms?: number,
/** How long they take to come back, ms. */
duck_release_ms?: number,
/** How far an announcement pushes all others down, dB; 60 is silence. */
dim_db?: number, }
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
name?: string,
/** What it is to the others. */
bus?: Bus,
/** 1 to 64 characters, no control characters; an empty text takes it out of its group. */
group?: string,
/** Its voice is brought to one level with all others, slowly. */
auto_gain?: boolean,
/** What is no voice is taken out of it; costs 10 ms. */
denoise?: boolean, }
| { "change": "talking",
/** Whose. */
id: TrackId,
/** Whether there is a voice now. */
talking: boolean, }
| { "change": "left",
/** Whose. */
id: TrackId, }
| { "change": "floor",
/** What happened, in order; empty if only an access time was measured. */
events: Array<FloorEvent>,
/** How it is now. */
floor: FloorState, };

/**
 * What a client says: a command, with a `ref` if it wants an answer. A refused command is always
 * answered.
 */
export type ClientMessage = {
/** Comes back in the reply. */
ref?: number, } & ({ "command": "set_room",
/** Who may talk. */
mode?: Mode,
/** Over every mix; −60 to +20 dB, −60 is silence. */
master_gain_db?: number,
/** How long a packet of a mix sounds, ms, 20 or 10: less is sooner heard, and costs more of the network. */
frame_ms?: number,
/** How many may have the floor at once, 1 to 16. */
floor_holders?: number,
/** How many may wait for it, 0 to 64. */
floor_queue?: number,
/** Longest talk (3GPP TS 24.380 T2), ms, to one hour; 0: no limit. */
floor_talk_ms?: number,
/** So long before its end the talker is warned, ms. */
floor_warning_ms?: number,
/** So long the talker is still heard after its end (TS 24.380 T3), ms. */
floor_grace_ms?: number,
/** Whether a request of higher priority takes the floor; else it only leads the queue. */
floor_preemption?: boolean,
/** How far a voice pushes programs down, dB; 60 is silence. */
duck_db?: number,
/** How long that takes, ms. */
duck_attack_ms?: number,
/** How long programs stay down after the last word, ms. */
duck_hold_ms?: number,
/** How long they take to come back, ms. */
duck_release_ms?: number,
/** How far an announcement pushes all others down, dB; 60 is silence. */
dim_db?: number, }
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
name?: string,
/** What it is to the others. */
bus?: Bus,
/** 1 to 64 characters, no control characters; an empty text takes it out of its group. */
group?: string,
/** Its voice is brought to one level with all others, slowly. */
auto_gain?: boolean,
/** What is no voice is taken out of it; costs 10 ms. */
denoise?: boolean, }
| { "command": "remove_track",
/** Whose. */
id: TrackId, }
| { "command": "floor",
/** Whose. */
id: TrackId,
/** What is asked. */
action: FloorAction,
/** Of a request: 0 (normal, default) to 255. */
priority?: number, }
| { "command": "set_mix",
/** Who hears. */
id: TrackId,
/** −60 to +20 dB. */
volume_db?: number,
/** By track; `null` makes it sound as at the desk again. */
tracks?: { [key in string]: WishPatch | null }, }
| { "command": "alert",
/** Whose track calls; none: the desk or a program. */
from?: TrackId,
/** Who is called; none: everybody. */
to?: TrackId, }
| { "command": "report",
/** Whose. */
id: TrackId,
/** From the key to the permission, ms. */
access_ms?: number,
/** To the server and back, ms. */
rtt_ms?: number, }
| { "command": "identify",
/** Which. */
id: TrackId, }
| { "command": "signal",
/** Who says it. */
from: TrackId,
/** To whom. */
to: TrackId,
/** At most 12 000 characters. */
data: string, });

/** The same commands that REST takes. */
export type Command =
| { "command": "set_room",
/** Who may talk. */
mode?: Mode,
/** Over every mix; −60 to +20 dB, −60 is silence. */
master_gain_db?: number,
/** How long a packet of a mix sounds, ms, 20 or 10: less is sooner heard, and costs more of the network. */
frame_ms?: number,
/** How many may have the floor at once, 1 to 16. */
floor_holders?: number,
/** How many may wait for it, 0 to 64. */
floor_queue?: number,
/** Longest talk (3GPP TS 24.380 T2), ms, to one hour; 0: no limit. */
floor_talk_ms?: number,
/** So long before its end the talker is warned, ms. */
floor_warning_ms?: number,
/** So long the talker is still heard after its end (TS 24.380 T3), ms. */
floor_grace_ms?: number,
/** Whether a request of higher priority takes the floor; else it only leads the queue. */
floor_preemption?: boolean,
/** How far a voice pushes programs down, dB; 60 is silence. */
duck_db?: number,
/** How long that takes, ms. */
duck_attack_ms?: number,
/** How long programs stay down after the last word, ms. */
duck_hold_ms?: number,
/** How long they take to come back, ms. */
duck_release_ms?: number,
/** How far an announcement pushes all others down, dB; 60 is silence. */
dim_db?: number, }
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
name?: string,
/** What it is to the others. */
bus?: Bus,
/** 1 to 64 characters, no control characters; an empty text takes it out of its group. */
group?: string,
/** Its voice is brought to one level with all others, slowly. */
auto_gain?: boolean,
/** What is no voice is taken out of it; costs 10 ms. */
denoise?: boolean, }
| { "command": "remove_track",
/** Whose. */
id: TrackId, }
| { "command": "floor",
/** Whose. */
id: TrackId,
/** What is asked. */
action: FloorAction,
/** Of a request: 0 (normal, default) to 255. */
priority?: number, }
| { "command": "set_mix",
/** Who hears. */
id: TrackId,
/** −60 to +20 dB. */
volume_db?: number,
/** By track; `null` makes it sound as at the desk again. */
tracks?: { [key in string]: WishPatch | null }, }
| { "command": "alert",
/** Whose track calls; none: the desk or a program. */
from?: TrackId,
/** Who is called; none: everybody. */
to?: TrackId, }
| { "command": "report",
/** Whose. */
id: TrackId,
/** From the key to the permission, ms. */
access_ms?: number,
/** To the server and back, ms. */
rtt_ms?: number, }
| { "command": "identify",
/** Which. */
id: TrackId, }
| { "command": "signal",
/** Who says it. */
from: TrackId,
/** To whom. */
to: TrackId,
/** At most 12 000 characters. */
data: string, };

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
exp: number,
/** The highest floor priority that its bearer may ask for; default 0. */
priority?: number, };

/** One thing that a bearer may do in a room. */
export type Right = "talk" | "listen" | "mix" | "admin";
