//! What everybody in the swarm shows and says: a short clip, made once by ffmpeg and kept in the system's temporary folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use crate::payload::{Frame, opus_with_room};

/// Frames in a second.
pub(crate) const FPS: u32 = 30;
/// Seconds; it starts anew then.
const SECONDS: u32 = 8;
/// Frames from one key frame to the next: on request the clip jumps there.
const KEY_EVERY: u32 = 120;
/// Raised when anything below changes.
const VERSION: u32 = 1;

/// One simulcast layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Its name in the offer.
    pub(crate) rid: &'static str,
    width: u32,
    pub(crate) height: u32,
    kbit: u32,
}

impl Size {
    /// Two thirds of it, for a server that says that this is enough; the bits as `web/` takes them.
    fn smaller(self) -> Self {
        let third = |lines: u32| (lines * 2 / 3).next_multiple_of(2);
        let kbit = (f64::from(self.kbit) * (2.0_f64 / 3.0).powf(1.5)) as u32;
        Self { width: third(self.width), height: third(self.height), kbit, ..self }
    }
}

/// A layer of the clip, in its own size and smaller. Each begins with a key frame.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) size: Size,
    pub(crate) whole: Vec<Frame>,
    pub(crate) smaller: Vec<Frame>,
}

impl Layer {
    fn load(folder: &Path, size: Size) -> Result<Self> {
        let load = |name: &str, size: Size| {
            let frames = ivf_frames(&made(folder, &format!("{name}.ivf"), &video_arguments(&size))?)?;
            ensure!(frames.first().is_some_and(|frame| frame.key), "the clip does not begin with a key frame");
            anyhow::Ok(frames)
        };
        let smaller = load(&format!("{}-smaller", size.rid), size.smaller())?;
        Ok(Self { size, whole: load(size.rid, size)?, smaller })
    }

    /// The frames to send where so many lines are enough.
    pub(crate) fn frames(&self, lines: u32) -> &[Frame] {
        if lines < self.size.height { &self.smaller } else { &self.whole }
    }
}

/// Smallest first, as browsers are asked for in `web/`.
const SIZES: [Size; 3] = [
    Size { rid: "q", width: 320, height: 180, kbit: 120 },
    Size { rid: "h", width: 640, height: 360, kbit: 540 },
    Size { rid: "f", width: 1280, height: 720, kbit: 1500 },
];

/// The clip, ready for the wire.
#[derive(Debug)]
pub(crate) struct Clip {
    /// 20 ms each, 32 kbit/s.
    pub(crate) sounds: Vec<Vec<u8>>,
    /// Smallest first.
    pub(crate) layers: Vec<Layer>,
}

impl Clip {
    /// Reads the clip, made if need be: all three layers for simulcast, otherwise the middle one.
    pub(crate) fn load(simulcast: bool) -> Result<Arc<Self>> {
        let folder = std::env::temp_dir().join(format!("veranda-swarm-clip-{VERSION}"));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let sizes = if simulcast { &SIZES[..] } else { &SIZES[1..2] };
        let layers = sizes.iter().map(|size| Layer::load(&folder, *size)).collect::<Result<_>>()?;
        let packets = ogg_packets(&made(&folder, "voice.ogg", &audio_arguments())?)?;
        // The first two are Opus' headers (RFC 7845).
        let sounds: Vec<_> = packets.iter().skip(2).filter_map(|packet| opus_with_room(packet)).collect();
        ensure!(!sounds.is_empty(), "ffmpeg made no sound");
        Ok(Arc::new(Self { sounds, layers }))
    }
}

fn video_arguments(size: &Size) -> Vec<String> {
    let Size { width, height, kbit, .. } = size;
    // Noise, because a test picture alone is too easy to reach the rate.
    let source = format!("testsrc2=size={width}x{height}:rate={FPS}:duration={SECONDS},noise=alls=8:allf=t");
    let rate = format!(
        "-c:v libvpx -deadline realtime -cpu-used 8 -b:v {kbit}k -minrate {kbit}k -maxrate {kbit}k -bufsize {kbit}k \
         -g {KEY_EVERY} -keyint_min {KEY_EVERY} -auto-alt-ref 0 -lag-in-frames 0 -f ivf"
    );
    lavfi(&source, &rate)
}

fn audio_arguments() -> Vec<String> {
    let source = format!("sine=frequency=300:sample_rate=48000:duration={SECONDS}");
    lavfi(&source, "-ac 1 -c:a libopus -b:a 32k -vbr off -frame_duration 20 -f ogg")
}

fn lavfi(source: &str, output: &str) -> Vec<String> {
    ["-v", "error", "-y", "-f", "lavfi", "-i", source]
        .into_iter()
        .chain(output.split_whitespace())
        .map(str::to_owned)
        .collect()
}

/// The bytes of a file of the clip. Made under another name first: two swarms may start at once.
fn made(folder: &Path, name: &str, arguments: &[String]) -> Result<Vec<u8>> {
    let path = folder.join(name);
    if !path.exists() {
        let partial: PathBuf = folder.join(format!("{name}.{}", std::process::id()));
        let status = Command::new("ffmpeg")
            .args(arguments)
            .arg(&partial)
            .status()
            .context("cannot run ffmpeg, which makes the clip: install it")?;
        if !status.success() {
            bail!("ffmpeg could not make {name}: {status}");
        }
        fs::rename(&partial, &path)?;
    }
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The frames of an IVF file: a header of 32 bytes, then for each frame its length (32 bit, little endian), 8 bytes of time.
fn ivf_frames(file: &[u8]) -> Result<Vec<Frame>> {
    ensure!(file.starts_with(b"DKIF"), "this is no IVF file");
    let mut rest = file.get(32..).unwrap_or_default();
    let mut frames = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let end = 8 + u32::from_le_bytes(*length) as usize;
        frames.push(Frame::cut(after.get(8..end).context("the IVF file is cut short")?));
        rest = &after[end..];
    }
    Ok(frames)
}

/// The packets of an Ogg file of one stream (RFC 3533): pages of lacing values; one below 255 ends a packet.
fn ogg_packets(file: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut packets = Vec::new();
    let mut packet = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        ensure!(rest.starts_with(b"OggS"), "this is no Ogg file");
        let segments = usize::from(*rest.get(26).context("an Ogg page is cut short")?);
        let lacing = rest.get(27..27 + segments).context("an Ogg page is cut short")?;
        rest = &rest[27 + segments..];
        for length in lacing {
            let (segment, after) = rest.split_at_checked(usize::from(*length)).context("an Ogg packet is cut short")?;
            packet.extend_from_slice(segment);
            rest = after;
            if *length < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
    }
    Ok(packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_from_ivf() {
        let mut file = b"DKIF".to_vec();
        file.resize(32, 0);
        for frame in [&[0_u8, 1, 2][..], &[1]] {
            file.extend((frame.len() as u32).to_le_bytes());
            file.extend([0; 8]);
            file.extend(frame);
        }
        let frames = ivf_frames(&file).unwrap();
        assert_eq!(frames, [Frame::cut(&[0, 1, 2]), Frame::cut(&[1])]);
        assert!(ivf_frames(&file[..file.len() - 1]).is_err());
        assert!(ivf_frames(b"RIFF").is_err());
    }

    #[test]
    fn packets_are_read_from_ogg_across_segments() {
        let mut page = b"OggS".to_vec();
        page.resize(26, 0);
        page.extend([4, 255, 3, 2, 0]);
        page.extend([9; 258]);
        page.extend([8; 2]);
        assert_eq!(ogg_packets(&page).unwrap(), [vec![9; 258], vec![8; 2], vec![]]);
        assert!(ogg_packets(&page[..100]).is_err());
        assert!(ogg_packets(b"nonsense").is_err());
    }
}
