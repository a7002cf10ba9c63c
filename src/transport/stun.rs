//! ICE-lite's half of connectivity checks (RFC 8445 sections 2.5 and 7.3, RFC 8489): read a Binding request, prove that it
//! knows our password, answer it. We never send requests; the client's checks are also its consent (RFC 7675).

use std::net::SocketAddr;

use stun_types::attribute::{AttributeType, Username, XorMappedAddress};
pub(super) use stun_types::message::IntegrityKey;
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageIntegrityCredentials, MessageWrite, MessageWriteExt,
    MessageWriteVec, ShortTermCredentials,
};

/// RFC 8445 section 16.1.
const USE_CANDIDATE: AttributeType = AttributeType::new(0x0025);

/// A Binding request that has not been proven yet.
pub(super) struct Check<'a> {
    message: Message<'a>,
    /// The part of USERNAME before the colon: our own fragment names the peer.
    pub(super) ufrag: String,
    /// The client nominates this path.
    pub(super) nominates: bool,
}

/// The key of a short-term password.
pub(super) fn key(password: &str) -> IntegrityKey {
    MessageIntegrityCredentials::from(ShortTermCredentials::new(password.to_owned())).make_key(IntegrityAlgorithm::Sha1)
}

/// Reads a Binding request; anything else on the wire is none of ours.
pub(super) fn parse(datagram: &[u8]) -> Option<Check<'_>> {
    // One message is one datagram, or one frame of TCP; stun-types does not insist on it.
    let length = usize::from(u16::from_be_bytes(*datagram.get(2..)?.first_chunk()?));
    if datagram.len() != 20 + length {
        return None;
    }
    let message = Message::from_bytes(datagram).ok()?;
    if !message.has_method(BINDING) || message.class() != MessageClass::Request {
        return None;
    }
    let username = message.attribute::<Username>().ok()?;
    let ufrag = username.username().split(':').next()?.to_owned();
    Some(Check { nominates: message.has_attribute(USE_CANDIDATE), message, ufrag })
}

impl Check<'_> {
    /// The answer for whoever knows the password; `None` for anybody else.
    pub(super) fn answer(&self, key: &IntegrityKey, from: SocketAddr) -> Option<Vec<u8>> {
        self.message.validate_integrity_with_key(key).ok()?;
        let mut response = Message::builder_success(&self.message, MessageWriteVec::with_capacity(96));
        response.add_attribute(&XorMappedAddress::new(from, self.message.transaction_id())).ok()?;
        response.add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1).ok()?;
        response.add_fingerprint().ok()?;
        Some(response.finish())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(password: &str, nominates: bool) -> Vec<u8> {
        let mut request = Message::builder_request(BINDING, MessageWriteVec::new());
        request.add_attribute(&Username::new("ours:theirs").unwrap()).unwrap();
        if nominates {
            request.push_attribute_unchecked(&stun_types::attribute::RawAttribute::new(USE_CANDIDATE, &[]));
        }
        request.add_message_integrity_with_key(&key(password), IntegrityAlgorithm::Sha1).unwrap();
        request.add_fingerprint().unwrap();
        request.finish()
    }

    #[test]
    fn a_check_with_our_password_is_answered_with_the_address_it_came_from() {
        let from: SocketAddr = "192.0.2.7:5000".parse().unwrap();
        let datagram = request("secret", true);
        let check = parse(&datagram).unwrap();
        assert_eq!((check.ufrag.as_str(), check.nominates), ("ours", true));
        let answer = check.answer(&key("secret"), from).unwrap();
        let answer = Message::from_bytes(&answer).unwrap();
        assert!(answer.has_class(MessageClass::Success));
        assert_eq!(answer.attribute::<XorMappedAddress>().unwrap().addr(answer.transaction_id()), from);
        assert!(answer.validate_integrity_with_key(&key("secret")).is_ok());
    }

    #[test]
    fn a_check_without_our_password_gets_nothing() {
        let datagram = request("guess", false);
        let check = parse(&datagram).unwrap();
        assert!(!check.nominates);
        assert!(check.answer(&key("secret"), "192.0.2.7:5000".parse().unwrap()).is_none());
    }

    #[test]
    fn what_is_not_a_binding_request_is_not_ours() {
        let good = request("secret", true);
        assert!(parse(&good[..19]).is_none());
        assert!(parse(&[]).is_none());
        let mut indication = good.clone();
        indication[0..2].copy_from_slice(&0x0011u16.to_be_bytes());
        assert!(parse(&indication).is_none());
        let mut broken = good;
        let last = broken.len() - 1;
        broken[last] ^= 1;
        assert!(parse(&broken).is_none(), "a wrong FINGERPRINT");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_and_any_change_of_a_right_check(bytes in prop::collection::vec(any::<u8>(), 0..120), at: usize, change in 1u8..) {
            prop_assert!(parse(&bytes).is_none());
            let mut request = request("secret", true);
            let at = at % (request.len() - 8);
            request[at] ^= change;
            // MESSAGE-INTEGRITY covers all that is before it, and after it stands only FINGERPRINT.
            let answer = parse(&request).and_then(|check| check.answer(&key("secret"), "192.0.2.7:5000".parse().unwrap()));
            prop_assert!(answer.is_none(), "byte {at}");
        }
    }
}
