//! What the floor says: to who asks, and to everybody.

use std::{fmt, time::Duration};

use crate::MemberId;

/// To who asks for the floor, at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may talk.
    Granted {
        /// For so long, if there is a limit.
        left: Option<Duration>,
    },
    /// It waits; a [`Happened`] about it follows sooner or later.
    Queued {
        /// From 1, which is next.
        position: usize,
    },
    /// It neither talks nor waits.
    Denied(Denial),
}

/// Why one who asked, or waited, does not get the floor (TS 24.380 §8.2.6.2, reject cause).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// All places are taken, and nobody may wait here. Asking later helps.
    #[error("somebody else talks")]
    Taken,
    /// As many wait as may. Asking later helps.
    #[error("too many wait for the floor")]
    QueueFull,
    /// It was the last of a full queue, and one with a higher priority asked.
    #[error("somebody with a higher priority took the last place in the queue")]
    Displaced,
    /// Its own talk was too long and its grace still runs: it has to release the floor first.
    #[error("you talked for as long as one may: let go first")]
    Revoked,
    /// The desk took it out of the queue.
    #[error("the desk took you out of the queue")]
    Removed,
}

/// Why a holder lost the floor that it did not release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Longer than [`Settings::talk`](super::Settings::talk).
    TalkedTooLong,
    /// One with a higher priority asked for it.
    Preempted {
        /// Who has it now.
        by: MemberId,
    },
    /// The desk took it, for nobody or for somebody else.
    Revoked,
    /// It sent nothing for [`SILENCE`](super::SILENCE).
    Silent,
    /// It is no longer in the room.
    Left,
    /// Fewer may talk at once than before.
    FewerHolders,
    /// The room has no floor any more.
    ModeChanged,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TalkedTooLong => "talked for as long as one may",
            Self::Preempted { .. } => "somebody with a higher priority talks",
            Self::Revoked => "the desk took the floor",
            Self::Silent => "no sound came",
            Self::Left => "left the room",
            Self::FewerHolders => "fewer may talk at once now",
            Self::ModeChanged => "the room has no floor any more",
        })
    }
}

/// One change of the floor. All of them in their order, from an empty floor on, give its holders and its queue.
///
/// A queue that moves up is not told one by one: [`Floor::queue`](super::Floor::queue) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It may talk from now, and no longer waits if it did. Of one that holds the floor already: its time begins anew.
    Granted {
        /// The holder.
        who: MemberId,
    },
    /// It waits, or waits at another place than before.
    Queued {
        /// Who waits.
        who: MemberId,
        /// From 1, which is next.
        position: usize,
    },
    /// It asked in vain, or no longer waits.
    Denied {
        /// Who asked.
        who: MemberId,
        /// Why.
        reason: Denial,
    },
    /// It gave the floor back.
    Released {
        /// Who held it.
        who: MemberId,
    },
    /// It is to stop now; its media passes until its grace ends, which is [`Self::Revoked`], or it releases.
    Revoking {
        /// The holder.
        who: MemberId,
        /// Why.
        cause: Cause,
    },
    /// It lost the floor: its media no longer passes.
    Revoked {
        /// Who held it.
        who: MemberId,
        /// Why.
        cause: Cause,
    },
    /// It no longer waits: it let go, left, or there is nothing to wait for any more.
    Unqueued {
        /// Who waited.
        who: MemberId,
    },
    /// Its time is nearly over.
    Warned {
        /// The holder.
        who: MemberId,
        /// What is left of it.
        left: Duration,
    },
    /// Nobody holds the floor any more, and nobody waits.
    Idle,
}

impl Happened {
    /// Whom it is about; none of [`Happened::Idle`].
    pub fn who(&self) -> Option<MemberId> {
        match *self {
            Self::Granted { who }
            | Self::Queued { who, .. }
            | Self::Denied { who, .. }
            | Self::Released { who }
            | Self::Revoking { who, .. }
            | Self::Revoked { who, .. }
            | Self::Unqueued { who }
            | Self::Warned { who, .. } => Some(who),
            Self::Idle => None,
        }
    }
}
