//! Whatever the text, there is an answer or a problem, never a panic; and an answer is always SDP.

use proptest::prelude::*;
use sdp_types::Session;

use super::golden::ALL;
use super::*;

const DOORS: [PeerKind; 3] = [PeerKind::Browser, PeerKind::Whip, PeerKind::Whep];

/// Reads at every door, and what is accepted is answered.
fn withstand(text: &str) {
    for kind in DOORS {
        if let Ok(mut offer) = read(text, kind) {
            let answered = answer(&mut offer);
            let sections = Session::parse(answered.as_bytes()).unwrap().medias.len();
            assert_eq!(sections, Session::parse(text.as_bytes()).unwrap().medias.len());
            Session::parse(offer.transport_offer().as_bytes()).unwrap();
            offer.restart_fragment(&transport(&offer), &candidates());
        }
    }
    let _ = Fragment::parse(text);
    let _ = TransportAnswer::parse(text);
}

/// One change to the lines of an offer.
#[derive(Debug, Clone)]
enum Change {
    Drop(usize),
    Repeat(usize, usize),
    Swap(usize, usize),
    Replace(usize, String),
    Cut(usize, usize),
    Insert(usize, usize, String),
}

fn change() -> impl Strategy<Value = Change> {
    let line = 0..2000_usize;
    let words = "(m=video 9|a=mid:|a=group:BUNDLE |a=rid:|a=simulcast:send |a=extmap:|a=rtpmap:|a=fmtp:|a=ssrc-group:FID ){1}[ -~]{0,12}";
    prop_oneof![
        line.clone().prop_map(Change::Drop),
        (line.clone(), line.clone()).prop_map(|(from, to)| Change::Repeat(from, to)),
        (line.clone(), line.clone()).prop_map(|(a, b)| Change::Swap(a, b)),
        (line.clone(), words).prop_map(|(at, text)| Change::Replace(at, text)),
        (line.clone(), 0..80_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (line, 0..80_usize, "\\PC{1,3}").prop_map(|(at, column, text)| Change::Insert(at, column, text)),
    ]
}

fn apply(lines: &mut Vec<String>, change: Change) {
    let count = lines.len().max(1);
    let boundary =
        |line: &str, at: usize| (0..=at.min(line.len())).rev().find(|i| line.is_char_boundary(*i)).unwrap_or(0);
    match change {
        _ if lines.is_empty() => {}
        Change::Drop(at) => drop(lines.remove(at % count)),
        Change::Repeat(from, to) => lines.insert(to % count, lines[from % count].clone()),
        Change::Swap(a, b) => lines.swap(a % count, b % count),
        Change::Replace(at, text) => lines[at % count] = text,
        Change::Cut(at, length) => {
            let line = &mut lines[at % count];
            line.truncate(boundary(line, length));
        }
        Change::Insert(at, column, text) => {
            let line = &mut lines[at % count];
            line.insert_str(boundary(line, column), &text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text(text in "\\PC{0,400}") {
        withstand(&text);
    }

    #[test]
    fn arbitrary_lines(lines in prop::collection::vec("[a-z]=[ -~]{0,40}", 0..40)) {
        withstand(&format!("v=0\n{}", lines.join("\n")));
    }

    #[test]
    fn real_offers_with_changes(which in 0..ALL.len(), changes in prop::collection::vec(change(), 1..6)) {
        let mut lines: Vec<String> = golden(ALL[which].0).lines().map(str::to_owned).collect();
        for change in changes {
            apply(&mut lines, change);
        }
        withstand(&lines.join("\r\n"));
    }
}
