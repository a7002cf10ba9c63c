//! What is in a recording: read by ffmpeg and ffprobe, which know nothing of us.

use std::path::Path;
use std::process::Command;

use veranda::domain::media::Rect;

fn ffmpeg(args: &[&str]) -> Vec<u8> {
    let out = Command::new("ffmpeg").args(["-v", "error", "-nostdin"]).args(args).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// Width, height and frames a second of a file's picture.
pub fn shape(file: &Path) -> (u32, u32, f64) {
    let args = [
        "-v",
        "error",
        "-select_streams",
        "v",
        "-show_entries",
        "stream=width,height,avg_frame_rate",
        "-of",
        "csv=p=0",
    ];
    let out = Command::new("ffprobe").args(args).arg(file).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let fields: Vec<&str> = text.trim().trim_end_matches(',').split(',').collect();
    let rate: Vec<f64> = fields[2].split('/').map(|part| part.parse().unwrap()).collect();
    (fields[0].parse().unwrap(), fields[1].parse().unwrap(), rate[0] / rate[1])
}

/// The average colour of exactly this rectangle, frame by frame.
pub fn colours_of(file: &Path, at: Rect) -> Vec<[u8; 3]> {
    let crop = format!("crop={}:{}:{}:{},scale=1:1:flags=area", at.width, at.height, at.x, at.y);
    let raw = ffmpeg(&["-i", file.to_str().unwrap(), "-vf", &crop, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    raw.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect()
}

/// The same of a picture that changes its size on the way, as shown in this one.
pub fn colours_shown(file: &Path, (width, height): (u32, u32), at: Rect) -> Vec<[u8; 3]> {
    let Rect { x, y, width: w, height: h } = at;
    let shown = format!("scale={width}:{height},crop={w}:{h}:{x}:{y},scale=1:1:flags=area");
    let args = ["-i", file.to_str().unwrap(), "-map", "v", "-fps_mode", "passthrough", "-vf", &shown];
    let raw = ffmpeg(&[&args[..], &["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]].concat());
    raw.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect()
}

/// When each decoded picture is shown, and its size.
pub fn sizes(file: &Path) -> Vec<(f64, u32, u32)> {
    let args = ["-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time,width,height"];
    let out = Command::new("ffprobe").args(args).args(["-of", "compact=p=0:nk=1"]).arg(file).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let frame = |line: &str| {
        let mut fields = line.split('|');
        let at = fields.next()?.parse().ok()?;
        Some((at, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    text.lines().filter_map(frame).collect()
}

/// The average colour of a rectangle, frame by frame. Leaves out the foot, where the name is.
pub fn colours(file: &Path, at: Rect) -> Vec<[u8; 3]> {
    let (w, h) = (at.width / 2, at.height / 4);
    let crop = format!("crop={w}:{h}:{}:{},scale=1:1:flags=area", at.x + at.width / 4, at.y + at.height / 8);
    let raw = ffmpeg(&["-i", file.to_str().unwrap(), "-vf", &crop, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    raw.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect()
}

pub fn near(colour: [u8; 3], rgb: u32) -> bool {
    let wanted = [(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8];
    colour.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 40)
}

/// Sound, mono 48 kHz.
pub fn sound(file: &Path) -> Vec<f32> {
    let raw = ffmpeg(&["-i", file.to_str().unwrap(), "-map", "a", "-ac", "1", "-ar", "48000", "-f", "f32le", "-"]);
    raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// How strong a frequency is in these samples (Goertzel), 1 for a full sine.
pub fn strength(samples: &[f32], hz: f32) -> f32 {
    let k = 2.0 * (std::f32::consts::TAU * hz / 48_000.0).cos();
    let (mut a, mut b) = (0.0_f32, 0.0_f32);
    for &sample in samples {
        (a, b) = (sample + k * a - b, a);
    }
    (a * a + b * b - k * a * b).max(0.0).sqrt() * 2.0 / samples.len() as f32
}

/// Presentation times of a stream's packets in seconds.
pub fn times(file: &Path, stream: &str) -> Vec<f64> {
    let args = ["-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
    let out = Command::new("ffprobe").args(args).arg(file).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect()
}

/// Presentation times of the picture's key frames in seconds.
pub fn key_frames(file: &Path) -> Vec<f64> {
    let args = ["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"];
    let out = Command::new("ffprobe").args(args).arg(file).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let packets = text.lines().filter_map(|line| line.split_once(',')).filter(|(_, flags)| flags.starts_with('K'));
    packets.filter_map(|(at, _)| at.parse().ok()).collect()
}

/// The longest step between frames.
pub fn longest_gap(times: &[f64]) -> f64 {
    times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
}

/// When each picture is shown, and its average brightness in a rectangle, 0 to 1, whatever the file's rate.
pub fn brightness(file: &Path, at: Rect) -> Vec<(f64, f32)> {
    let crop = format!("crop={}:{}:{}:{},scale=1:1:flags=area", at.width, at.height, at.x, at.y);
    let args = ["-i", file.to_str().unwrap(), "-map", "v", "-fps_mode", "passthrough", "-vf", &crop];
    let raw = ffmpeg(&[&args[..], &["-f", "rawvideo", "-pix_fmt", "gray", "-"]].concat());
    let times = times(file, "v");
    assert_eq!(times.len(), raw.len(), "every packet is a picture");
    times.into_iter().zip(raw.iter().map(|grey| f32::from(*grey) / 255.0)).collect()
}

/// How strong 1 kHz is, every 5 ms. Holes in the sound are silence.
pub fn beeps(file: &Path) -> Vec<(f64, f32)> {
    let args = ["-i", file.to_str().unwrap(), "-map", "a", "-af", "aresample=48000:async=1:first_pts=0", "-ac", "1"];
    let raw = ffmpeg(&[&args[..], &["-f", "f32le", "-"]].concat());
    let heard: Vec<f32> = raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let level = |(at, chunk): (usize, &[f32])| (at as f64 * 0.005, strength(chunk, 1000.0));
    heard.chunks(240).enumerate().map(level).collect()
}

/// Seconds at which a level rises over a third.
pub fn rises(levels: &[(f64, f32)]) -> Vec<f64> {
    let rises = levels.windows(2).filter(|pair| pair[0].1 <= 0.33 && pair[1].1 > 0.33);
    rises.map(|pair| pair[1].0).collect()
}

/// The codec's name and kind of a file's first stream, and its length in seconds as the container has it.
pub fn stream(file: &Path) -> (String, String, f64) {
    let args = ["-v", "error", "-show_entries", "stream=codec_name,codec_type:format=duration", "-of", "csv=p=0"];
    let out = Command::new("ffprobe").args(args).arg(file).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let mut lines = text.lines();
    let (name, kind) = lines.next().unwrap().trim_end_matches(',').split_once(',').unwrap();
    (name.into(), kind.into(), lines.next_back().unwrap().trim_end_matches(',').parse().unwrap_or(0.0))
}
