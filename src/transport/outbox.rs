//! Datagrams on their way out, put together so that few system calls send many: most of a forwarder's time is the kernel's.
//! Pure: the end of the turn hands them to [`super::sender`].
//!
//! What follows each other to one destination with one length (the last may be shorter) is a *run*, which the kernel takes
//! for one large datagram and cuts again (UDP_SEGMENT, `udp(7)`). Runs go out in the order in which they began, so
//! nothing for one destination overtakes anything; between destinations no order matters.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// Datagrams that wait at most: the first waits for a hundred others to be encrypted, a quarter of a millisecond.
pub(super) const MOST: usize = 128;

/// The kernel takes 64 segments (UDP_MAX_SEGMENTS), and no more than one large IP packet holds.
const MOST_IN_RUN: usize = 32;

/// Longer datagrams are no media and go alone.
const LONGEST_IN_RUN: usize = 1500;

/// Where a datagram goes, and from which of our addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) remote: SocketAddr,
    pub(super) local: Option<IpAddr>,
}

/// Where the last datagram for somebody waits, while it does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    turn: u64,
    run: usize,
}

/// Datagrams for one destination that the kernel takes as one.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) to: Destination,
    /// The length of all but the last, which may be shorter.
    pub(super) segment: usize,
    /// How many they are.
    pub(super) count: usize,
    first: usize,
    last: usize,
    /// Nothing shorter than a segment is in it yet.
    open: bool,
}

#[derive(Debug)]
struct Datagram {
    bytes: Range<usize>,
    /// The next one of its run.
    next: Option<usize>,
}

/// What waits for the end of the turn.
#[derive(Debug)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    datagrams: Vec<Datagram>,
    runs: Vec<Run>,
    turn: u64,
    /// Whether runs of several may be made.
    joins: bool,
}

/// As many runs, from the first on, as one `sendmmsg` takes: its control messages hold for all of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) runs: usize,
    /// Where to cut. A shorter datagram alone is not cut; 0 where all are alone.
    pub(super) segment: usize,
}

impl Outbox {
    pub(super) fn new(joins: bool) -> Self {
        Self { bytes: Vec::new(), datagrams: Vec::new(), runs: Vec::new(), turn: 1, joins }
    }

    /// Everything goes alone from now on: some device on the way can't cut.
    pub(super) fn join_no_more(&mut self) {
        self.joins = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether [`Self::clear`] must come before the next datagram.
    pub(super) fn is_full(&self) -> bool {
        self.datagrams.len() == MOST
    }

    /// Forgets what was sent; the memory is kept.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
        self.runs.clear();
        self.turn += 1;
    }

    /// Adds a datagram. `mark` is kept by whoever it is for.
    pub(super) fn add(&mut self, to: Destination, mark: &mut Mark, datagram: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        let number = self.datagrams.len();
        self.datagrams.push(Datagram { bytes: start..self.bytes.len(), next: None });
        let length = datagram.len();
        let last = Some(mark.run).filter(|_| mark.turn == self.turn).and_then(|run| self.runs.get_mut(run));
        if let Some(run) = last.filter(|run| run.takes(to, length)) {
            self.datagrams[run.last].next = Some(number);
            (run.last, run.count, run.open) = (number, run.count + 1, length == run.segment);
            return;
        }
        *mark = Mark { turn: self.turn, run: self.runs.len() };
        let open = self.joins && (1..=LONGEST_IN_RUN).contains(&length);
        self.runs.push(Run { to, segment: length, count: 1, first: number, last: number, open });
    }

    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The datagrams of a run.
    pub(super) fn datagrams(&self, run: &Run) -> impl Iterator<Item = &[u8]> {
        let first = self.datagrams.get(run.first);
        std::iter::successors(first, |datagram| self.datagrams.get(datagram.next?))
            .map(|datagram| &self.bytes[datagram.bytes.clone()])
    }
}

impl Run {
    fn takes(&self, to: Destination, length: usize) -> bool {
        self.open && self.to == to && (1..=self.segment).contains(&length) && self.count < MOST_IN_RUN
    }
}

impl Call {
    /// The first call for these runs.
    pub(super) fn first(runs: &[Run]) -> Call {
        let mut call = Call { runs: 0, segment: 0 };
        let mut longest = 0;
        for run in runs {
            let same =
                |first: &Run| first.to.local == run.to.local && first.to.remote.is_ipv4() == run.to.remote.is_ipv4();
            let cut = if run.count > 1 { run.segment } else { call.segment };
            longest = run.segment.max(longest);
            let fits = cut == 0 || (call.segment == 0 || call.segment == cut) && longest <= cut;
            if !runs.first().is_some_and(same) || !fits {
                break;
            }
            call = Call { runs: call.runs + 1, segment: cut };
        }
        call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(port: u16) -> Destination {
        let local = Some(IpAddr::from([192, 0, 2, 9]));
        Destination { remote: SocketAddr::from(([192, 0, 2, 1], port)), local }
    }

    /// What goes to which port, run by run; datagrams are told by their lengths.
    fn shape(outbox: &Outbox) -> Vec<(u16, Vec<usize>)> {
        let lengths = |run| outbox.datagrams(run).map(<[u8]>::len).collect();
        outbox.runs().iter().map(|run| (run.to.remote.port(), lengths(run))).collect()
    }

    fn filled(datagrams: &[(u16, usize)]) -> Outbox {
        let mut outbox = Outbox::new(true);
        let mut marks = [Mark::default(); 10];
        for &(port, length) in datagrams {
            outbox.add(to(port), &mut marks[usize::from(port)], &vec![port as u8; length]);
        }
        outbox
    }

    #[test]
    fn equal_ones_for_one_destination_are_a_run_that_a_shorter_one_ends() {
        let outbox =
            filled(&[(1, 1200), (2, 1200), (1, 1200), (2, 1100), (1, 300), (1, 300), (2, 1100), (3, 90), (3, 91)]);
        let expected = [
            (1, vec![1200, 1200, 300]),
            (2, vec![1200, 1100]),
            (1, vec![300]),
            (2, vec![1100]),
            (3, vec![90]),
            (3, vec![91]),
        ];
        assert_eq!(shape(&outbox), expected);
        assert!(outbox.runs().iter().all(|run| {
            let from = run.to.remote.port() as u8;
            outbox.datagrams(run).all(|datagram| datagram.iter().all(|&byte| byte == from))
        }));
    }

    #[test]
    fn a_run_has_one_destination_and_ends_with_the_turn() {
        let mut outbox = Outbox::new(true);
        let mut mark = Mark::default();
        outbox.add(to(1), &mut mark, &[0; 100]);
        let moved = Destination { local: None, ..to(1) };
        outbox.add(moved, &mut mark, &[0; 100]);
        outbox.add(moved, &mut mark, &[0; 100]);
        assert_eq!(shape(&outbox), [(1, vec![100]), (1, vec![100, 100])]);
        outbox.clear();
        assert!(outbox.is_empty());
        outbox.add(to(2), &mut Mark::default(), &[0; 50]);
        outbox.add(moved, &mut mark, &[0; 100]);
        assert_eq!(shape(&outbox), [(2, vec![50]), (1, vec![100])]);
    }

    #[test]
    fn runs_and_the_outbox_are_bounded() {
        let mut outbox = Outbox::new(true);
        let mut mark = Mark::default();
        while !outbox.is_full() {
            outbox.add(to(1), &mut mark, &[0; 1500]);
        }
        assert_eq!(outbox.runs().iter().map(|run| run.count).sum::<usize>(), MOST);
        assert!(outbox.runs().iter().all(|run| run.count * run.segment < 65_000), "{:?}", shape(&outbox));
    }

    #[test]
    fn without_joining_everything_goes_alone() {
        let mut outbox = Outbox::new(true);
        outbox.join_no_more();
        let mut mark = Mark::default();
        (0..3).for_each(|_| outbox.add(to(1), &mut mark, &[0; 100]));
        assert_eq!(shape(&outbox), [(1, vec![100]), (1, vec![100]), (1, vec![100])]);
    }

    #[test]
    fn a_call_has_one_source_and_one_place_to_cut() {
        let call = |datagrams: &[(u16, usize)]| {
            let call = Call::first(filled(datagrams).runs());
            (call.runs, call.segment)
        };
        assert_eq!(call(&[(1, 100), (2, 1200), (3, 50)]), (3, 0), "all alone");
        assert_eq!(call(&[(1, 100), (2, 1200), (2, 1200), (3, 50)]), (3, 1200), "short ones are not cut");
        assert_eq!(call(&[(1, 1300), (2, 1200), (2, 1200)]), (1, 0), "a longer one would be");
        assert_eq!(call(&[(2, 1200), (2, 1200), (1, 1300)]), (1, 1200), "wherever it stands");
        assert_eq!(call(&[(1, 900), (1, 900), (2, 1200), (2, 1200)]), (1, 900), "another place to cut");
        let mut outbox = filled(&[(1, 100), (2, 100)]);
        outbox.add(Destination { local: None, ..to(3) }, &mut Mark::default(), &[0; 100]);
        assert_eq!(Call::first(outbox.runs()).runs, 2, "another source");
    }
}
