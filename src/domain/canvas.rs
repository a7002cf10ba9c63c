//! The size, rate and bitrate of the mix's picture: what may be asked, and what follows where nothing was.

use std::fmt;
use std::ops::RangeInclusive;

use super::error::{Reason, Refusal};

/// Pixels; even, because of 4:2:0.
const WIDTHS: RangeInclusive<i64> = 640..=1920;
/// Pixels; even, because of 4:2:0.
const HEIGHTS: RangeInclusive<i64> = 360..=1080;
/// Pictures a second.
const RATES: RangeInclusive<i64> = 10..=60;
/// bit/s of the picture.
const BITRATES: RangeInclusive<i64> = 100_000..=20_000_000;
/// What 1280x720 at 30 pictures a second gets, bit/s.
const USUAL_BITRATE: f64 = 2_000_000.0;

/// What the mix is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    /// Pixels, even.
    pub width: u32,
    /// Pixels, even.
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
    /// bit/s of the full rendition where somebody asked for one.
    pub bitrate: Option<u32>,
}

impl Default for Canvas {
    fn default() -> Self {
        Self { width: 1280, height: 720, fps: 30, bitrate: None }
    }
}

impl Canvas {
    /// bit/s that suit this size and rate. Twice the pixels need less than twice the bits: neighbours are more alike.
    pub fn usual_bitrate(&self) -> u32 {
        let pixels = f64::from(self.width) * f64::from(self.height) * f64::from(self.fps);
        let share = (pixels / (1280.0 * 720.0 * 30.0)).powf(0.75);
        // Rounded to 10 kbit/s; far inside u32 for any canvas.
        ((USUAL_BITRATE * share / 10_000.0).round() * 10_000.0) as u32
    }

    /// Half as wide and high, with its share of the bits.
    #[must_use]
    pub fn halved(self) -> Self {
        let smaller = Self { width: (self.width / 2) & !1, height: (self.height / 2) & !1, ..self };
        Self { bitrate: self.bitrate.map(|bits| smaller.share_of(bits, self)), ..smaller }
    }

    /// Of the bits of another size what suits this one.
    pub fn share_of(self, bits: u32, other: Self) -> u32 {
        let share = f64::from(self.usual_bitrate()) / f64::from(other.usual_bitrate().max(1));
        (f64::from(bits) * share) as u32
    }

    /// A length in pixels that was designed for a picture 720 high (or wide, where it is upright).
    pub fn scaled(&self, length: u32) -> u32 {
        (length * self.width.min(self.height) + 360) / 720
    }
}

impl fmt::Display for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{} at {} frames a second", self.width, self.height, self.fps)?;
        self.bitrate.map_or(Ok(()), |bitrate| write!(f, " and {bitrate} bit/s"))
    }
}

/// What somebody asks of the picture. As wide as a person may get it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// Pixels; from the height in 16:9 unless given.
    pub width: Option<i64>,
    /// Pixels; from the width in 16:9 unless given.
    pub height: Option<i64>,
    /// Pictures a second.
    pub fps: Option<i64>,
    /// bit/s; follows from size and rate unless given.
    pub bitrate: Option<i64>,
}

impl Wish {
    /// The canvas that was asked for, with the usual one's size or rate where nothing was.
    ///
    /// # Errors
    /// Names the field and its limits.
    pub fn canvas(&self, usual: Canvas) -> Result<Canvas, Refusal> {
        let width = even("width", self.width, WIDTHS)?;
        let height = even("height", self.height, HEIGHTS)?;
        let (width, height) = match (width, height) {
            (None, None) => (usual.width, usual.height),
            (Some(width), None) => (width, (width * 9 / 16) & !1),
            (None, Some(height)) => ((height * 16 / 9) & !1, height),
            (Some(width), Some(height)) => (width, height),
        };
        let fps = within("fps", self.fps, RATES, "a number")?.unwrap_or(usual.fps);
        let bitrate = within("bitrate", self.bitrate, BITRATES, "a number")?.or(usual.bitrate);
        Ok(Canvas { width, height, fps, bitrate })
    }

    /// Whether a picture like this is what was asked for.
    pub fn is_met_by(&self, canvas: Canvas) -> bool {
        let met = |wish: Option<i64>, is: u32| wish.is_none_or(|wish| wish == i64::from(is));
        met(self.width, canvas.width)
            && met(self.height, canvas.height)
            && met(self.fps, canvas.fps)
            && (self.bitrate.is_none() || self.bitrate == canvas.bitrate.map(i64::from))
    }
}

fn even(field: &str, asked: Option<i64>, limits: RangeInclusive<i64>) -> Result<Option<u32>, Refusal> {
    let what = "an even number";
    match within(field, asked, limits.clone(), what)? {
        Some(odd) if odd % 2 == 1 => Err(refused(field, what, &limits)),
        number => Ok(number),
    }
}

fn within(field: &str, asked: Option<i64>, limits: RangeInclusive<i64>, what: &str) -> Result<Option<u32>, Refusal> {
    let number = |asked: i64| limits.contains(&asked).then(|| u32::try_from(asked).ok()).flatten();
    asked.map(|asked| number(asked).ok_or_else(|| refused(field, what, &limits))).transpose()
}

fn refused(field: &str, what: &str, limits: &RangeInclusive<i64>) -> Refusal {
    Refusal::new(Reason::OutOfRange, format!("{field} must be {what} from {} to {}", limits.start(), limits.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Wish = Wish { width: None, height: None, fps: None, bitrate: None };

    #[test]
    fn what_is_not_asked_for_follows() {
        let usual = Canvas::default();
        let sized = |wish: Wish| wish.canvas(usual).map(|c| (c.width, c.height, c.fps));
        assert_eq!(sized(NOTHING), Ok((1280, 720, 30)));
        assert_eq!(sized(Wish { height: Some(1080), ..NOTHING }), Ok((1920, 1080, 30)));
        assert_eq!(sized(Wish { width: Some(640), fps: Some(15), ..NOTHING }), Ok((640, 360, 15)));
        assert_eq!(sized(Wish { width: Some(640), height: Some(1080), ..NOTHING }), Ok((640, 1080, 30)));
        for width in (640..=1920).step_by(2) {
            let Ok((_, height, _)) = sized(Wish { width: Some(width), ..NOTHING }) else { panic!("{width}") };
            assert!(height % 2 == 0 && (360..=1080).contains(&height), "{width}x{height}");
        }
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_limits() {
        let wishes = [
            (Wish { width: Some(638), ..NOTHING }, "width must be an even number from 640 to 1920"),
            (Wish { width: Some(1921), ..NOTHING }, "width must be an even number from 640 to 1920"),
            (Wish { width: Some(641), ..NOTHING }, "width must be an even number from 640 to 1920"),
            (Wish { height: Some(i64::MAX), ..NOTHING }, "height must be an even number from 360 to 1080"),
            (Wish { fps: Some(-1), ..NOTHING }, "fps must be a number from 10 to 60"),
            (Wish { bitrate: Some(0), ..NOTHING }, "bitrate must be a number from 100000 to 20000000"),
        ];
        for (wish, text) in wishes {
            let refusal = wish.canvas(Canvas::default()).unwrap_err();
            assert_eq!((refusal.reason, refusal.message.as_str()), (Reason::OutOfRange, text));
        }
    }

    #[test]
    fn bitrates_grow_slower_than_pixels() {
        let bits = |width, height, fps| Canvas { width, height, fps, bitrate: None }.usual_bitrate();
        assert_eq!(bits(1280, 720, 30), 2_000_000);
        assert_eq!(bits(640, 360, 30), 710_000);
        assert_eq!(bits(1920, 1080, 30), 3_670_000);
        assert!((5_000_000..7_000_000).contains(&bits(1920, 1080, 60)));
    }

    #[test]
    fn half_a_canvas_is_even_and_has_its_share_of_the_bits() {
        let asked = Canvas { width: 854, height: 480, fps: 30, bitrate: Some(1_000_000) }.halved();
        assert_eq!((asked.width, asked.height, asked.fps), (426, 240, 30));
        assert!(asked.bitrate.is_some_and(|bits| (340_000..370_000).contains(&bits)), "{asked:?}");
        assert_eq!(Canvas::default().halved().bitrate, None);
    }

    #[test]
    fn only_what_was_asked_for_can_differ() {
        let running = Canvas { width: 1920, height: 1080, fps: 30, bitrate: None };
        assert!(NOTHING.is_met_by(running));
        assert!(Wish { height: Some(1080), fps: Some(30), ..NOTHING }.is_met_by(running));
        assert!(!Wish { height: Some(720), ..NOTHING }.is_met_by(running));
        assert!(!Wish { bitrate: Some(1_000_000), ..NOTHING }.is_met_by(running));
    }
}
