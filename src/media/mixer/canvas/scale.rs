//! Pictures scaled from one I420 plane into a part of another: bilinear, two points each way, in whole numbers.

use std::ops::Range;

/// One, as a weight.
const ONE: u16 = 128;

/// For each place of the target: the place in the source, and how much of the next one is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Axis(Vec<(u32, u16)>);

impl Axis {
    /// Shows the places `source` in `target` places.
    pub(super) fn new(source: Range<u32>, target: u32) -> Self {
        let length = source.end - source.start;
        let step = f64::from(length) / f64::from(target.max(1));
        let place = |at: u32| {
            // Centres of pixels, and nothing from beyond the edges.
            let exact = ((f64::from(at) + 0.5) * step - 0.5).clamp(0.0, f64::from(length.saturating_sub(1)));
            let whole = (exact as u32).min(length.saturating_sub(2));
            (source.start + whole, ((exact - f64::from(whole)) * f64::from(ONE)).round() as u16)
        };
        Self((0..target).map(place).collect())
    }

    /// What of the source is looked at.
    fn needed(&self) -> Range<usize> {
        let first = self.0.first().map_or(0, |(at, _)| *at as usize);
        first..self.0.last().map_or(0, |(at, _)| *at as usize + 2)
    }

    /// Neither larger nor smaller.
    fn is_plain(&self) -> bool {
        self.0.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0 || pair[1].1 == ONE)
            && self.0.iter().all(|(_, weight)| weight % ONE == 0)
    }
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
    let (part, width, plain) = (x.needed(), x.0.len(), x.is_plain());
    row.resize(part.len(), 0);
    for (&(at, weight), out) in y.0.iter().zip(target.chunks_mut(stride.max(1))) {
        let Some(out) = out.get_mut(..width) else { return };
        let (upper, lower) = (source.row(at as usize, &part), source.row(at as usize + 1, &part));
        if plain {
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
    for (out, &(at, weight)) in out.iter_mut().zip(&x.0) {
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
    fn a_picture_that_is_too_short_is_no_reason_to_panic() {
        for length in 0..12 {
            scaled(&vec![1; length], 4, (7, 5), (0..4, 0..4));
        }
        scaled(&[], 0, (4, 4), (0..1, 0..1));
    }
}
