//! What a room leaves out when its owner has too much to do. Never the sound of those who are in.

/// How much; each also what those before it leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shed {
    /// Nothing.
    #[default]
    Nothing,
    /// Nine of ten meters.
    Meters,
    /// All meters, loudness, and the levels of contributors.
    Levels,
    /// Personal mixes: all hear what the desk says; wishes are kept.
    Personal,
}
