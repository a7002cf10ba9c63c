//! Pictures scaled from one I420 plane into a part of another: bilinear, two points each way, in whole numbers.

use std::ops::Range;

/// One, as a weight.
const ONE: u16 = 128;

/// For each place of the target: the place in the source, and how much of the next one is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis {
    taps: Vec<(u32, u16)>,
    step: Step,
}

/// Steps that need no table, and are several times as fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    One,
    OneAndAHalf,
    Two,
    Any,
}

impl Step {
    /// The step that suits, and its size. Of colour there is half: with odd numbers, half a place less or more.
    fn of(length: u32, target: u32) -> (Self, f64) {
        let most = if target < 16 { 0 } else { 2 };
        let is_nearly = |twice: u32| length > 1 && target > 1 && (2 * length).abs_diff(twice * target) <= most;
        if length == target {
            (Self::One, 1.0)
        } else if is_nearly(3) {
            (Self::OneAndAHalf, 1.5)
        } else if is_nearly(4) {
            (Self::Two, 2.0)
        } else {
            (Self::Any, f64::from(length) / f64::from(target.max(1)))
        }
    }
}

impl Axis {
    /// Shows the places `source` in `target` places.
    pub(super) fn new(source: Range<u32>, target: u32) -> Self {
        let length = source.end - source.start;
        let (named, step) = Step::of(length, target);
        let place = |at: u32| {
            // Centres of pixels, and nothing from beyond the edges.
            let exact = ((f64::from(at) + 0.5) * step - 0.5).clamp(0.0, f64::from(length.saturating_sub(1)));
            let whole = (exact as u32).min(length.saturating_sub(2));
            (source.start + whole, ((exact - f64::from(whole)) * f64::from(ONE)).round() as u16)
        };
        Self { taps: (0..target).map(place).collect(), step: named }
    }

    /// What of the source is looked at.
    fn needed(&self) -> Range<usize> {
        let first = self.taps.first().map_or(0, |(at, _)| *at as usize);
        first..self.taps.last().map_or(0, |(at, _)| *at as usize + 2)
    }
}

/// How much of a length is shown, so that a small cut spares the table: at most a sixteenth goes.
pub(super) fn snapped(length: u32, target: u32) -> u32 {
    let steps = [target, target * 3 / 2, target * 2];
    steps.into_iter().find(|wanted| *wanted <= length && length - *wanted <= length / 16).unwrap_or(length)
}

/// A plane of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<'a> {
    pub(super) data: &'a [u8],
    pub(super) stride: usize,
}

impl Plane<'_> {
    /// Part of a row; the last one again beyond the end: decoders need not pad.
    fn row(&self, at: usize, part: &Range<usize>) -> &[u8] {
        let rows = self.data.len().div_ceil(self.stride.max(1));
        let start = at.min(rows.saturating_sub(1)) * self.stride;
        self.data.get(start + part.start..).map_or(&[], |rest| &rest[..rest.len().min(part.len())])
    }
}

/// Scales `source` into the rows of `target`, which begins at the first pixel to write. `row` is room to work in.
pub(super) fn scale(source: Plane<'_>, [x, y]: [&Axis; 2], (target, stride): (&mut [u8], usize), row: &mut Vec<u8>) {
    let (part, width) = (x.needed(), x.taps.len());
    row.resize(part.len(), 0);
    for (&(at, weight), out) in y.taps.iter().zip(target.chunks_mut(stride.max(1))) {
        let Some(out) = out.get_mut(..width) else { return };
        let (upper, lower) = (source.row(at as usize, &part), source.row(at as usize + 1, &part));
        if x.step == Step::One {
            blend(upper, lower, weight, out);
        } else {
            blend(upper, lower, weight, row);
            spread(row, part.start as u32, x, out);
        }
    }
}

/// One row between two.
fn blend(upper: &[u8], lower: &[u8], weight: u16, out: &mut [u8]) {
    if weight.is_multiple_of(ONE) {
        let one = if weight == 0 { upper } else { lower };
        let length = one.len().min(out.len());
        return out[..length].copy_from_slice(&one[..length]);
    }
    for ((out, &upper), &lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = mix(upper, lower, weight);
    }
}

fn spread(row: &[u8], first: u32, x: &Axis, out: &mut [u8]) {
    let mean = |one: u8, other: u8| (u16::from(one) + u16::from(other)).div_ceil(2) as u8;
    let quarter = |most: u8, least: u8| ((3 * u16::from(most) + u16::from(least) + 2) / 4) as u8;
    let done = match x.step {
        Step::Two => {
            row.chunks_exact(2).zip(&mut *out).for_each(|(pair, out)| *out = mean(pair[0], pair[1]));
            row.len() / 2
        }
        Step::OneAndAHalf => {
            for (three, out) in row.chunks_exact(3).zip(out.chunks_exact_mut(2)) {
                out[0] = quarter(three[0], three[1]);
                out[1] = quarter(three[2], three[1]);
            }
            (row.len() / 3 * 2).min(out.len() & !1)
        }
        Step::One | Step::Any => 0,
    };
    for (out, &(at, weight)) in out.iter_mut().zip(&x.taps).skip(done) {
        let at = (at - first) as usize;
        if let Some(&[left, right]) = row.get(at..at + 2).and_then(|pair| <&[u8; 2]>::try_from(pair).ok()) {
            *out = mix(left, right, weight);
        }
    }
}

fn mix(one: u8, other: u8, weight: u16) -> u8 {
    ((u16::from(one) * (ONE - weight) + u16::from(other) * weight + ONE / 2) / ONE) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(source: &[u8], width: usize, to: (u32, u32), part: (Range<u32>, Range<u32>)) -> Vec<u8> {
        let (x, y) = (Axis::new(part.0, to.0), Axis::new(part.1, to.1));
        let mut target = vec![9; to.0 as usize * to.1 as usize];
        scale(Plane { data: source, stride: width }, [&x, &y], (&mut target, to.0 as usize), &mut Vec::new());
        target
    }

    #[test]
    fn a_picture_of_the_same_size_is_the_same() {
        let source: Vec<u8> = (0..48).collect();
        assert_eq!(scaled(&source, 8, (8, 6), (0..8, 0..6)), source);
        assert_eq!(scaled(&source, 8, (2, 2), (6..8, 4..6)), [38, 39, 46, 47]);
    }

    #[test]
    fn slopes_stay_slopes() {
        let source: Vec<u8> = [0, 40, 80, 120].repeat(4);
        assert_eq!(scaled(&source, 4, (2, 2), (0..4, 0..4)), [20, 100, 20, 100]);
        let wide = scaled(&source, 4, (8, 4), (0..4, 0..4));
        assert_eq!(wide[..8], [0, 10, 30, 50, 70, 90, 110, 120]);
        assert_eq!(wide[..8], wide[24..]);
    }

    #[test]
    fn steps_without_a_table_give_what_the_table_gives() {
        let source: Vec<u8> = (0..288_u32).map(|at| (at * 89 % 251) as u8).collect();
        for (length, target) in [(48, 48), (48, 32), (47, 31), (46, 31), (48, 24), (47, 24)] {
            let mut axis = Axis::new(0..length, target);
            assert_ne!(axis.step, Step::Any, "{length} {target}");
            let y = Axis::new(0..6, 6);
            let mut made = [0, 1].map(|_| vec![0; 6 * target as usize]);
            scale(Plane { data: &source, stride: 48 }, [&axis, &y], (&mut made[0], target as usize), &mut Vec::new());
            axis.step = Step::Any;
            scale(Plane { data: &source, stride: 48 }, [&axis, &y], (&mut made[1], target as usize), &mut Vec::new());
            assert_eq!(made[0], made[1], "{length} {target}");
        }
        assert_eq!(
            [(640, 638), (640, 422), (360, 236), (320, 158), (320, 250)].map(|(is, to)| snapped(is, to)),
            [638, 633, 354, 316, 320]
        );
    }

    #[test]
    fn a_picture_that_is_too_short_is_no_reason_to_panic() {
        for length in 0..12 {
            scaled(&vec![1; length], 4, (7, 5), (0..4, 0..4));
        }
        scaled(&[], 0, (4, 4), (0..1, 0..1));
    }
}
