//! Why something of GStreamer cannot be: one sentence for the log or for `veranda check`.

use std::fmt;

/// A failure in words. Holds no secrets: stream keys are never put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    /// From its sentence.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// With what was being done in front.
    #[must_use]
    pub fn within(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}
