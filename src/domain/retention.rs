//! Which recordings go by themselves, where the operator wants that: too old, or the oldest of too much.

use std::time::Duration;

use super::ids::OutputId;

/// What the operator wants; nothing unless told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Older ones go.
    pub age: Option<Duration>,
    /// The oldest go until the rest is not larger.
    pub bytes: Option<u64>,
}

impl Policy {
    /// Whether anything ever goes.
    pub fn is_on(&self) -> bool {
        self.age.is_some() || self.bytes.is_some()
    }
}

/// A recording as far as this matters.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// Which.
    pub id: OutputId,
    /// How long ago it began.
    pub age: Duration,
    /// All its files.
    pub bytes: u64,
    /// It has ended, and where it is to be uploaded, it is.
    pub may_go: bool,
}

/// Those that go now, oldest first.
pub fn due(policy: Policy, mut kept: Vec<Kept>) -> Vec<OutputId> {
    kept.sort_by_key(|recording| std::cmp::Reverse(recording.age));
    let mut total: u64 = kept.iter().map(|recording| recording.bytes).sum();
    let mut due = Vec::new();
    for recording in kept.iter().filter(|recording| recording.may_go) {
        let too_old = policy.age.is_some_and(|age| recording.age > age);
        let too_much = policy.bytes.is_some_and(|bytes| total > bytes);
        if too_old || too_much {
            total -= recording.bytes;
            due.push(recording.id);
        }
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn kept(id: u64, days: u64, bytes: u64, may_go: bool) -> Kept {
        Kept { id: OutputId(id), age: Duration::from_secs(days * DAY), bytes, may_go }
    }

    #[test]
    fn old_ones_go_and_the_oldest_of_too_much() {
        let all = || vec![kept(1, 1, 40, true), kept(2, 9, 30, true), kept(3, 5, 30, true), kept(4, 20, 10, false)];
        let ids = |policy| due(policy, all()).iter().map(|id| id.0).collect::<Vec<_>>();
        let age = |days| Some(Duration::from_secs(days * DAY));
        assert_eq!(ids(Policy::default()), [0_u64; 0]);
        assert_eq!(ids(Policy { age: age(7), bytes: None }), [2], "the one that runs or waits for its upload stays");
        assert_eq!(ids(Policy { age: None, bytes: Some(80) }), [2]);
        assert_eq!(ids(Policy { age: None, bytes: Some(79) }), [2, 3]);
        assert_eq!(ids(Policy { age: age(3), bytes: Some(1) }), [2, 3, 1]);
    }
}
