//! Where a stream can go: the addresses people may give, what of them is told back, and which of them an operator allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::{Reason, Refusal};

/// The longest stream address.
const MAX_URL: usize = 2048;
/// libsrt's own limit (SRTO_STREAMID).
const MAX_STREAM_ID: usize = 512;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RTMP over TCP.
    Rtmp,
    /// RTMP over TLS.
    Rtmps,
    /// SRT over UDP, as caller.
    Srt,
}

/// How much of an HLS stream players find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HlsWindow {
    /// The last segments: `hls:`
    Rolling,
    /// All since it began: `hls:event`
    Event,
}

impl HlsWindow {
    /// `None`: another address than one of HLS.
    ///
    /// # Errors
    /// `OutOfRange` for a window that there is not.
    pub fn parse(text: &str) -> Option<Result<Self, Refusal>> {
        match text.trim().strip_prefix("hls:")? {
            "" | "rolling" => Some(Ok(Self::Rolling)),
            "event" => Some(Ok(Self::Event)),
            _ => Some(bad("must be hls: (the last segments) or hls:event (all of them)")),
        }
    }

    /// As it is asked for.
    pub fn address(self) -> &'static str {
        match self {
            Self::Rolling => "hls:",
            Self::Event => "hls:event",
        }
    }
}

/// Which addresses streams may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Targets {
    /// All of them.
    #[default]
    Any,
    /// None of this machine, of a private network or of the same link.
    Public,
}

impl Targets {
    /// Whether a stream may go there.
    pub fn allow(self, address: IpAddr) -> bool {
        self == Self::Any || !is_private(address)
    }

    /// What is said of an address that is not allowed.
    pub fn refusal() -> Refusal {
        Refusal::new(Reason::Forbidden, "url: this server does not stream to addresses of private networks")
    }
}

/// Loopback, private (RFC 1918, 4193), shared (RFC 6598), link-local (RFC 3927, 4291), unspecified, multicast and broadcast.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => inner_v4(v6).map_or_else(|| is_private_v6(v6), is_private_v4),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    address.is_loopback() || address.is_private() || address.is_link_local() || shared || a == 0 || a >= 224
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    address.is_loopback() || address.is_unspecified() || first & 0xfe00 == 0xfc00 || first & 0xff80 >= 0xfe80
}

/// The IPv4 address within one of IPv6: mapped (RFC 4291, 2.5.5.2), NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        _ => address.to_ipv4_mapped(),
    }
}

/// A checked `rtmp://`, `rtmps://` or `srt://` address. Its text holds the key: it has no `Debug` and no `Display` on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamUrl {
    text: String,
    scheme: Scheme,
    /// Where the host begins: after `://`.
    host: usize,
    /// Where the path begins: the `/` (or `?`) after host and port.
    path: usize,
}

impl StreamUrl {
    /// Checks an address: scheme, host, port and a path, or SRT's options.
    ///
    /// # Errors
    /// `OutOfRange` with what is wrong, without the address: it may hold a key.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.len() > MAX_URL {
            return bad("longer than 2048 characters");
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return bad("holds spaces or characters that an address cannot hold");
        }
        let name = text.find("://").map_or("", |end| &text[..end]);
        let known = [("rtmp", Scheme::Rtmp), ("rtmps", Scheme::Rtmps), ("srt", Scheme::Srt)];
        let Some((_, scheme)) = known.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) else {
            return bad("must begin with rtmp://, rtmps:// or srt://, or be hls:");
        };
        let host = name.len() + 3;
        let path = text[host..].find(['/', '?', '#']).map_or(text.len(), |at| host + at);
        let url = Self { text: text.to_owned(), scheme, host, path };
        if split_host(url.authority()).is_none() {
            return bad("has no host, or a bad one, as in rtmp://live.example/app/key");
        }
        url.check_rest()?;
        Ok(url)
    }

    fn check_rest(&self) -> Result<(), Refusal> {
        let rest = &self.text[self.path..];
        if self.scheme == Scheme::Srt {
            if split_host(self.authority()).is_none_or(|(_, port)| port.is_none()) {
                return bad("has no port, as in srt://live.example:9000");
            }
            return self.srt_options().map(drop);
        }
        if !rest.starts_with('/') || rest.trim_matches('/').is_empty() {
            return bad("has no application, as in rtmp://live.example/app/key");
        }
        Ok(())
    }

    /// The whole address with its key: for the media side alone.
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// How the server is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The server's name or address, without brackets, and its port.
    pub fn server(&self) -> (&str, u16) {
        let (name, port) = split_host(self.authority()).unwrap_or_default();
        let usual = if self.scheme == Scheme::Rtmps { 443 } else { 1935 };
        (name, port.unwrap_or(usual))
    }

    /// Whether the address alone, without a resolver, shows that it is not allowed.
    pub fn is_plainly_private(&self) -> bool {
        let (name, _) = self.server();
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(is_private)
    }

    /// What SRT is told besides the address: `streamid`, `passphrase`, `latency` (ms), `pbkeylen` (bytes).
    ///
    /// # Errors
    /// `OutOfRange` names the option, without its value.
    pub fn srt_options(&self) -> Result<Vec<(&'static str, String)>, Refusal> {
        let Some((_, query)) = self.text[self.path..].split_once('?') else { return Ok(Vec::new()) };
        let mut options = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(value) = decoded(value) else { return bad("holds a broken % code") };
            let number = |range: std::ops::RangeInclusive<u32>| value.parse().is_ok_and(|n: u32| range.contains(&n));
            match name {
                "streamid" if value.len() <= MAX_STREAM_ID => options.push(("streamid", value)),
                "streamid" => return bad("streamid is longer than 512 bytes"),
                "passphrase" if (10..=79).contains(&value.len()) => options.push(("passphrase", value)),
                "passphrase" => return bad("passphrase must have 10 to 79 characters"),
                "latency" if number(20..=8000) => options.push(("latency", value)),
                "latency" => return bad("latency must be 20 to 8000 milliseconds"),
                "pbkeylen" if ["16", "24", "32"].contains(&value.as_str()) => options.push(("pbkeylen", value)),
                "pbkeylen" => return bad("pbkeylen must be 16, 24 or 32"),
                "mode" if value == "caller" => {}
                "mode" => return bad("mode must be caller: this server calls yours"),
                _ => return bad("has an option other than streamid, passphrase, latency, pbkeylen and mode"),
            }
        }
        Ok(options)
    }

    /// The address with its last path segment, its query and any password replaced by `…`.
    pub fn without_key(&self) -> String {
        let path = &self.text[self.path..];
        if self.scheme == Scheme::Srt {
            return if path.len() > 1 { format!("{}?…", self.host()) } else { self.host() };
        }
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let application = path.rfind('/').map_or("", |end| &path[..=end]);
        format!("{}{application}…", self.host())
    }

    /// Scheme, host and port.
    pub fn host(&self) -> String {
        format!("{}{}", &self.text[..self.host], self.authority())
    }

    /// Host and port, without a user and password.
    fn authority(&self) -> &str {
        let authority = &self.text[self.host..self.path];
        authority.rsplit_once('@').map_or(authority, |(_, name)| name)
    }
}

fn bad<T>(problem: &str) -> Result<T, Refusal> {
    Err(Refusal::new(Reason::OutOfRange, format!("url: {problem}")))
}

/// A host name, an IPv4 address or an IPv6 address in brackets, with or without a port.
fn split_host(text: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            address.parse::<Ipv6Addr>().ok()?;
            (address, rest)
        }
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            if name.is_empty() || name.len() > 253 || !name.chars().all(plain) {
                return None;
            }
            (name, port)
        }
    };
    match port.strip_prefix(':') {
        Some(digits) => digits.parse().ok().filter(|port: &u16| *port > 0).map(|port| (name, Some(port))),
        None if port.is_empty() => Some((name, None)),
        None => None,
    }
}

/// Without percent codes (RFC 3986, 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok())?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_never_told_back() {
        let told = |url: &str| StreamUrl::parse(url).map(|url| url.without_key()).map_err(|refusal| refusal.reason);
        assert_eq!(told("rtmp://live.example/app/secret"), Ok("rtmp://live.example/app/…".into()));
        assert_eq!(told("rtmps://a.example:443/live2/se-cret?auth=x/y"), Ok("rtmps://a.example:443/live2/…".into()));
        assert_eq!(told("rtmp://me:pass@a.example/app/k/"), Ok("rtmp://a.example/app/…".into()));
        assert_eq!(told("RTMP://[::1]:1935/app"), Ok("RTMP://[::1]:1935/…".into()));
        assert_eq!(told("srt://a.example:9000?streamid=secret"), Ok("srt://a.example:9000?…".into()));
        assert_eq!(told("srt://me:pass@a.example:9000"), Ok("srt://a.example:9000".into()));
        let url = StreamUrl::parse("rtmp://me:pass@a.example/app/k").unwrap();
        assert_eq!((url.host().as_str(), url.secret()), ("rtmp://a.example", "rtmp://me:pass@a.example/app/k"));
        assert_eq!(url.server(), ("a.example", 1935));
    }

    #[test]
    fn what_is_no_stream_address_is_refused() {
        let long = format!("rtmp://a.example/app/{}", "k".repeat(2048));
        for bad in [
            "",
            "rtmp",
            "http://a.example/app/key",
            "file:///etc/passwd",
            "rtmp://",
            "rtmp:///app/key",
            "rtmp://a.example",
            "rtmp://a.example/",
            "rtmp://a.example?key",
            "rtmp://a b/app/key",
            "rtmp://a.example:99999/app/key",
            "rtmp://a.example:/app/key",
            "rtmp://[::1/app/key",
            "rtmp://a.example/app/key\nx",
            "rtmp://a.example/app ! filesink location=/x",
            "srt://a.example",
            "srt://a.example:9000?passphrase=short",
            "srt://a.example:9000?latency=9999999",
            "srt://a.example:9000?mode=listener",
            "srt://a.example:9000?streamid=%zz",
            "srt://a.example:9000?localport=80",
            &long,
        ] {
            assert!(StreamUrl::parse(bad).is_err_and(|refusal| refusal.reason == Reason::OutOfRange), "{bad}");
        }
    }

    #[test]
    fn options_of_srt_are_read() {
        let url =
            StreamUrl::parse("srt://[2001:db8::1]:9000?streamid=%23!::r=live/x,m=publish&latency=200&mode=caller");
        let url = url.unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(url.server(), ("2001:db8::1", 9000));
        let options = [("streamid", "#!::r=live/x,m=publish".to_owned()), ("latency", "200".to_owned())];
        assert_eq!(url.srt_options().unwrap(), options);
    }

    #[test]
    fn addresses_of_private_networks_are_known() {
        for address in [
            "127.0.0.1",
            "127.8.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fec0::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:a00:1::",
        ] {
            let ip = address.parse().unwrap();
            assert!(is_private(ip) && Targets::Any.allow(ip) && !Targets::Public.allow(ip), "{address}");
        }
        for address in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8", "2002:808:808::"] {
            assert!(Targets::Public.allow(address.parse().unwrap()), "{address}");
        }
        for (url, private) in
            [("rtmp://localhost/a/b", true), ("rtmp://[::1]/a/b", true), ("rtmp://a.example/a", false)]
        {
            assert_eq!(StreamUrl::parse(url).map(|url| url.is_plainly_private()), Ok(private), "{url}");
        }
    }
}
