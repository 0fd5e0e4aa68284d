//! Pure audio.
