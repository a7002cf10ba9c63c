//! RFC 3711 appendix B vectors, round trips, and what an attacker may try.

use super::*;

mod libsrtp;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const MASTER: [u8; 30] = [7; 30];

fn plain(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(b"some media, more than a block of it");
    packet
}

fn protected(sender: &Sender, ssrc: u32, index: u64) -> Vec<u8> {
    let mut packet = plain(ssrc, index as u16);
    let length = packet.len();
    packet.resize(length + TAG, 0);
    assert_eq!(sender.rtp(&mut packet, 12, length, ssrc, index), packet.len());
    packet
}

fn receive(receiver: &mut Receiver, mut packet: Vec<u8>) -> Result<(Vec<u8>, u64), SrtpError> {
    let header = Header::parse(&packet).ok_or(SrtpError::Malformed)?;
    let done = receiver.rtp(&mut packet, &header)?;
    packet.truncate(done.length);
    Ok((packet, done.index))
}

/// RFC 3711 B.2: AES-CM test vectors.
#[test]
fn rfc3711_counter_mode() {
    let cipher = new_cipher(&hex("2B7E151628AED2A6ABF7158809CF4F3C"));
    let mut iv = [0; 16];
    iv.copy_from_slice(&hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"));
    let mut stream = [0; 48];
    keystream(&cipher, iv, &mut stream);
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream[..], hex(expected)[..]);
}

/// RFC 3711 B.3: key derivation test vectors.
#[test]
fn rfc3711_key_derivation() {
    let mut master = [0; 30];
    master.copy_from_slice(&hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6"));
    let keys = Keys::derive(&master, 0);
    assert_eq!(keys.salt[..14], hex("30CBBC08863D8C85D49DB34A9AE1")[..]);
    // The cipher and the HMAC hide their keys: compare what they do.
    let expected = new_cipher(&hex("C61E7A93744F39EE10734AFE3FF7A087"));
    let (mut ours, mut theirs) = ([0; 32], [0; 32]);
    keystream(&keys.cipher, [3; 16], &mut ours);
    keystream(&expected, [3; 16], &mut theirs);
    assert_eq!(ours, theirs);
    let auth = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&auth).unwrap();
    mac.update(b"message");
    assert_eq!(keys.tag(b"message", &[]), mac.finalize().into_bytes()[..TAG]);
}

#[test]
fn round_trip_in_order_and_late() {
    let (sender, mut receiver) = (Sender::new(&MASTER), Receiver::new(&MASTER));
    for index in [5u64, 6, 9, 7, 8] {
        let packet = protected(&sender, 1, index);
        assert_ne!(packet[12..20], plain(1, index as u16)[12..20], "it is encrypted");
        assert_eq!(receive(&mut receiver, packet), Ok((plain(1, index as u16), index)));
    }
}

#[test]
fn the_rollover_counter_follows_the_sequence_number() {
    let (sender, mut receiver) = (Sender::new(&MASTER), Receiver::new(&MASTER));
    for index in [65530u64, 65535, 65537, 65536, 65534, 98300, 131_060, 131_080, 131_070] {
        assert_eq!(receive(&mut receiver, protected(&sender, 1, index)).map(|(_, index)| index), Ok(index));
    }
    let mut far = Receiver::new(&MASTER);
    far.start_at(1, (7 << 32) + 65535);
    let next = (7 << 32) + 65536;
    assert_eq!(receive(&mut far, protected(&sender, 1, next)).map(|(_, index)| index), Ok(next));
}

#[test]
fn replays_and_too_late_packets_are_refused() {
    let (sender, mut receiver) = (Sender::new(&MASTER), Receiver::new(&MASTER));
    for index in [1000u64, 1001, 1003] {
        receive(&mut receiver, protected(&sender, 1, index)).unwrap();
    }
    assert_eq!(receive(&mut receiver, protected(&sender, 1, 1001)), Err(SrtpError::Replay));
    receive(&mut receiver, protected(&sender, 1, 1002)).unwrap();
    assert_eq!(receive(&mut receiver, protected(&sender, 1, 1002)), Err(SrtpError::Replay));
    receive(&mut receiver, protected(&sender, 1, 1400)).unwrap();
    assert_eq!(receive(&mut receiver, protected(&sender, 1, 1400 - WINDOW)), Err(SrtpError::Replay));
    assert!(receive(&mut receiver, protected(&sender, 1, 1401 - WINDOW)).is_ok());
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let (sender, mut receiver) = (Sender::new(&MASTER), Receiver::new(&MASTER));
    let good = protected(&sender, 1, 5);
    for at in 1..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 4;
        assert!(receive(&mut receiver, bad).is_err(), "byte {at}");
    }
    assert_eq!(receiver.sources.len(), 0, "what is not authentic leaves no trace");
    assert!(receive(&mut receiver, good).is_ok());
}

#[test]
fn ssrcs_are_bounded_and_only_authentic_ones_count() {
    let (sender, stranger) = (Sender::new(&MASTER), Sender::new(&[8; 30]));
    let mut receiver = Receiver::new(&MASTER);
    for ssrc in 0..1000 {
        assert_eq!(receive(&mut receiver, protected(&stranger, ssrc, 5)), Err(SrtpError::Tag));
    }
    for ssrc in 0..MAX_SSRCS as u32 {
        receive(&mut receiver, protected(&sender, ssrc, 5)).unwrap();
    }
    assert_eq!(receive(&mut receiver, protected(&sender, 777, 5)), Err(SrtpError::TooManySsrcs));
    assert!(receive(&mut receiver, protected(&sender, 3, 6)).is_ok(), "the known ones go on");
}

#[test]
fn srtcp_round_trip_replay_and_tamper() {
    let (mut sender, mut receiver) = (Sender::new(&MASTER), Receiver::new(&MASTER));
    let report = hex("80c90001 00000009");
    let mut packet = [0; 64];
    packet[..8].copy_from_slice(&report);
    packet[8..20].copy_from_slice(b"twelve bytes");
    let length = sender.rtcp(&mut packet, 20);
    let good = packet[..length].to_vec();
    assert_ne!(good[8..20], *b"twelve bytes");
    for at in 0..length {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(receiver.rtcp(&mut bad).is_err(), "byte {at}");
    }
    let mut copy = good.clone();
    assert_eq!(receiver.rtcp(&mut copy), Ok(20));
    assert_eq!(copy[8..20], *b"twelve bytes");
    assert_eq!(receiver.rtcp(&mut good.clone()), Err(SrtpError::Replay));
    assert_eq!(receiver.rtcp(&mut [0x80; 21]), Err(SrtpError::Malformed));
}

/// The packets with which libsrtp validates this profile (test/srtp_driver.c, `srtp_validate`).
#[test]
fn libsrtps_reference_packets() {
    let mut master = [0; 30];
    master.copy_from_slice(&hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6"));
    let mut sender = Sender::new(&master);
    let mut rtp = hex("800f1234 decafbad cafebabe abababababababababababababababab 00000000000000000000");
    assert_eq!(sender.rtp(&mut rtp, 12, 28, 0xcafe_babe, 0x1234), rtp.len());
    assert_eq!(rtp, hex("800f1234 decafbad cafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb"));
    let mut rtcp = hex("81c8000b cafebabe abababababababababababababababab 0000000000000000000000000000");
    assert_eq!(sender.rtcp(&mut rtcp, 24), rtcp.len());
    assert_eq!(rtcp, hex("81c8000b cafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798"));
}
