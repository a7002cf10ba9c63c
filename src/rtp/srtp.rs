//! SRTP and SRTCP with AES_CM_128_HMAC_SHA1_80 (RFC 3711), the profile webrtcbin's DTLS always agrees on.
//!
//! Key schedules and HMAC states are computed once. Replay state is created by authenticated packets only, and for a
//! bounded number of SSRCs.

use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::packet::Header;

/// Length of an authentication tag.
pub(crate) const TAG: usize = 10;
/// What SRTCP adds: the index with the E bit, and the tag.
pub(crate) const RTCP_TRAILER: usize = 4 + TAG;
/// SSRCs a peer may use in its life; the packets of further ones are dropped.
pub(crate) const MAX_SSRCS: usize = 64;
/// Packets a late one may be behind the newest.
const WINDOW: u64 = 128;

/// The two master keys of a peer: AES_CM_128_HMAC_SHA1_80 master key (16) and salt (14) each.
#[derive(Clone)]
pub struct SrtpKeys {
    /// For what the peer sends.
    pub receive: [u8; 30],
    /// For what is sent to it.
    pub send: [u8; 30],
}

impl std::fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SrtpKeys(..)")
    }
}

/// Why a packet was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SrtpError {
    /// Too short or not RTP.
    Malformed,
    /// The tag is wrong.
    Tag,
    /// Seen before, or too old to know.
    Replay,
    /// The peer used up its SSRCs.
    TooManySsrcs,
}

/// One half (RTP or RTCP) of a direction's session keys.
struct Keys {
    cipher: Aes128Enc,
    salt: [u8; 16],
    mac: Hmac<Sha1>,
}

impl Keys {
    /// RFC 3711 section 4.3: `label` 0 for SRTP, 3 for SRTCP; authentication and salt follow.
    fn derive(master: &[u8; 30], label: u8) -> Keys {
        let (key, salt) = master.split_at(16);
        let cipher = new_cipher(key);
        let expand = |label: u8, out: &mut [u8]| {
            let mut iv = [0u8; 16];
            iv[..14].copy_from_slice(salt);
            iv[7] ^= label;
            out.fill(0);
            keystream(&cipher, iv, out);
        };
        let (mut session_key, mut auth, mut session_salt) = ([0u8; 16], [0u8; 20], [0u8; 16]);
        expand(label, &mut session_key);
        expand(label + 1, &mut auth);
        expand(label + 2, &mut session_salt[..14]);
        let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&auth).expect("HMAC takes keys of any length");
        Keys { cipher: new_cipher(&session_key), salt: session_salt, mac }
    }

    /// RFC 3711 section 4.1.1: IV = salt ^ ssrc ^ 48-bit index. Encryption and decryption are the same.
    fn crypt(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut iv = self.salt;
        xor(&mut iv[4..8], &ssrc.to_be_bytes());
        xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
        keystream(&self.cipher, iv, data);
    }

    fn tag(&self, data: &[u8], roc: &[u8]) -> [u8; TAG] {
        let mut mac = self.mac.clone();
        mac.update(data);
        mac.update(roc);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG]);
        tag
    }

    fn verify(&self, data: &[u8], roc: &[u8], tag: &[u8]) -> Result<(), SrtpError> {
        let mut mac = self.mac.clone();
        mac.update(data);
        mac.update(roc);
        mac.verify_truncated_left(tag).map_err(|_| SrtpError::Tag)
    }
}

fn new_cipher(key: &[u8]) -> Aes128Enc {
    Aes128Enc::new_from_slice(key).expect("a master or session key has 16 bytes")
}

fn keystream<C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>>(cipher: &C, iv: [u8; 16], data: &mut [u8]) {
    type Stream<'a, C> = StreamCipherCoreWrapper<CtrCore<&'a C, flavors::Ctr128BE>>;
    let core = CtrCore::inner_iv_init(cipher, &iv.into());
    let mut stream: Stream<'_, C> = StreamCipherCoreWrapper::from_core(core);
    stream.apply_keystream(data);
}

fn xor(into: &mut [u8], with: &[u8]) {
    for (a, b) in into.iter_mut().zip(with) {
        *a ^= b;
    }
}

/// A sliding replay window over 48-bit (RTP) or 31-bit (RTCP) indices (RFC 3711 section 3.3.2).
#[derive(Debug, Clone, Copy, Default)]
struct Replay {
    highest: Option<u64>,
    mask: u128,
}

impl Replay {
    fn check(&self, index: u64) -> Result<(), SrtpError> {
        let Some(highest) = self.highest else { return Ok(()) };
        let Some(age) = highest.checked_sub(index) else { return Ok(()) };
        if age >= WINDOW || self.mask >> age & 1 != 0 { Err(SrtpError::Replay) } else { Ok(()) }
    }

    fn note(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index <= highest => self.mask |= 1 << (highest - index),
            Some(highest) => {
                let step = index - highest;
                self.mask = if step >= WINDOW { 1 } else { self.mask << step | 1 };
                self.highest = Some(index);
            }
            None => (self.highest, self.mask) = (Some(index), 1),
        }
    }
}

/// The receiving state of one SSRC.
#[derive(Debug, Clone, Copy)]
struct Source {
    ssrc: u32,
    rtp: Replay,
    rtcp: Replay,
}

/// The most likely 48-bit index of a sequence number (RFC 3711 section 3.3.1), given the highest authenticated one.
pub(crate) fn guess_index(highest: Option<u64>, sequence: u16) -> u64 {
    let Some(highest) = highest else { return u64::from(sequence) };
    let step = i64::from(sequence.wrapping_sub(highest as u16) as i16);
    let guess = highest.wrapping_add_signed(step);
    // Before the first rollover there is nothing to go back to.
    if step < 0 && guess > highest { u64::from(sequence) } else { guess }
}

/// What an authenticated RTP packet says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unprotected {
    /// Length of the plaintext packet.
    pub(crate) length: usize,
    /// Its 48-bit index: the sequence number without wraps.
    pub(crate) index: u64,
    /// The place of its SSRC in the peer's table, below [`MAX_SSRCS`]: stable for the peer's life.
    pub(crate) source: usize,
}

/// What a peer sends: decrypts, authenticates, refuses replays.
pub(crate) struct Receiver {
    rtp: Keys,
    rtcp: Keys,
    sources: Vec<Source>,
}

impl Receiver {
    pub(crate) fn new(master: &[u8; 30]) -> Receiver {
        Receiver { rtp: Keys::derive(master, 0), rtcp: Keys::derive(master, 3), sources: Vec::new() }
    }

    /// Turns an SRTP packet into an RTP packet in place.
    pub(crate) fn rtp(&mut self, packet: &mut [u8], header: &Header) -> Result<Unprotected, SrtpError> {
        let length = packet.len().checked_sub(TAG).ok_or(SrtpError::Malformed)?;
        if header.payload > length {
            return Err(SrtpError::Malformed);
        }
        let known = self.sources.iter().position(|source| source.ssrc == header.ssrc);
        let replay = known.map(|at| self.sources[at].rtp).unwrap_or_default();
        let index = guess_index(replay.highest, header.sequence);
        replay.check(index)?;
        let (data, tag) = packet.split_at_mut(length);
        self.rtp.verify(data, &((index >> 16) as u32).to_be_bytes(), tag)?;
        let source = self.authenticated(known, header.ssrc)?;
        self.sources[source].rtp.note(index);
        self.rtp.crypt(header.ssrc, index, &mut data[header.payload..]);
        Ok(Unprotected { length, index, source })
    }

    /// Turns an SRTCP compound into RTCP in place and returns its length.
    pub(crate) fn rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let length = packet.len().checked_sub(RTCP_TRAILER).filter(|&n| n >= 8).ok_or(SrtpError::Malformed)?;
        let (data, tag) = packet.split_at_mut(length + 4);
        let ssrc = word(&data[4..8]);
        let trailer = word(&data[length..]);
        let (encrypted, index) = (trailer >> 31 == 1, u64::from(trailer & 0x7fff_ffff));
        let known = self.sources.iter().position(|source| source.ssrc == ssrc);
        if let Some(at) = known {
            self.sources[at].rtcp.check(index)?;
        }
        self.rtcp.verify(data, &[], tag)?;
        let source = self.authenticated(known, ssrc)?;
        self.sources[source].rtcp.note(index);
        if encrypted {
            self.rtcp.crypt(ssrc, index, &mut data[8..length]);
        }
        Ok(length)
    }

    /// The state for an SSRC whose packet was authentic.
    fn authenticated(&mut self, known: Option<usize>, ssrc: u32) -> Result<usize, SrtpError> {
        if let Some(at) = known {
            return Ok(at);
        }
        if self.sources.len() >= MAX_SSRCS {
            return Err(SrtpError::TooManySsrcs);
        }
        self.sources.push(Source { ssrc, rtp: Replay::default(), rtcp: Replay::default() });
        Ok(self.sources.len() - 1)
    }

    /// Makes the next packet's rollover guess start at `index`, as after 2^32 packets. For tests.
    #[cfg(test)]
    pub(crate) fn start_at(&mut self, ssrc: u32, index: u64) {
        let source = self.authenticated(None, ssrc).expect("a test does not fill the table");
        self.sources[source].rtp.note(index);
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// What is sent to a peer.
pub(crate) struct Sender {
    rtp: Keys,
    rtcp: Keys,
    rtcp_index: u32,
}

impl Sender {
    pub(crate) fn new(master: &[u8; 30]) -> Sender {
        Sender { rtp: Keys::derive(master, 0), rtcp: Keys::derive(master, 3), rtcp_index: 0 }
    }

    /// Protects the packet of `length` bytes (its payload starting at `payload`) in `buffer`; returns the new length.
    /// `index` is its sequence number without wraps, `ssrc` what its header says.
    pub(crate) fn rtp(&self, buffer: &mut [u8], payload: usize, length: usize, ssrc: u32, index: u64) -> usize {
        self.rtp.crypt(ssrc, index, &mut buffer[payload..length]);
        let tag = self.rtp.tag(&buffer[..length], &((index >> 16) as u32).to_be_bytes());
        buffer[length..length + TAG].copy_from_slice(&tag);
        length + TAG
    }

    /// Protects the compound of `length` bytes in `buffer`; returns the new length.
    pub(crate) fn rtcp(&mut self, buffer: &mut [u8], length: usize) -> usize {
        self.rtcp_index = self.rtcp_index.wrapping_add(1) & 0x7fff_ffff;
        let ssrc = word(&buffer[4..8]);
        self.rtcp.crypt(ssrc, u64::from(self.rtcp_index), &mut buffer[8..length]);
        buffer[length..length + 4].copy_from_slice(&(self.rtcp_index | 1 << 31).to_be_bytes());
        let tag = self.rtcp.tag(&buffer[..length + 4], &[]);
        buffer[length + 4..length + RTCP_TRAILER].copy_from_slice(&tag);
        length + RTCP_TRAILER
    }
}

#[cfg(test)]
mod tests;
