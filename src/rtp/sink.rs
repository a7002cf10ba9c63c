//! Where a track's packets go inside this process: the mix.

/// Takes one track's RTP and RTCP, already rewritten to one SSRC with no jumps at layer switches. Called on the net
/// thread: must copy and return at once.
pub trait PacketSink: Send {
    /// An RTP packet without header extensions; payload types are those of [`local_payload_type`].
    fn rtp(&mut self, packet: &[u8]);
    /// A compound RTCP packet: sender report and CNAME.
    fn rtcp(&mut self, packet: &[u8]);
}

/// The fixed payload types of packets that stay in this process.
pub fn local_payload_type(codec: super::description::CodecName) -> u8 {
    match codec {
        super::description::CodecName::Opus => 111,
        super::description::CodecName::Vp8 => 96,
        super::description::CodecName::H264 => 102,
    }
}
