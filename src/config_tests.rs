//! Tables of settings: which source wins, and the one line that each mistake gets.

use super::*;

fn load(flags: &[(&str, &str)], variables: &[(&str, &str)], file: Option<&str>) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("veranda.toml");
    let mut options = Options::default();
    if let Some(content) = file {
        std::fs::write(&path, content).unwrap();
        options.config = Some(path.clone());
    }
    for (flag, value) in flags {
        let value = Some((*value).to_owned());
        match *flag {
            "listen" => options.listen = value,
            "media-port" => options.media_port = value,
            "media-address" => options.media_address.extend(value),
            "public-url" => options.public_url = value,
            "log" => options.log = value,
            "tls" => options.tls = value,
            other => panic!("add {other}"),
        }
    }
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_sources(&options, variables)
        .map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
}

#[test]
fn nothing_set_is_the_contract() {
    let config = load(&[], &[("PATH", "/bin")], None).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((config.media_port, config.data.to_str(), config.tls), (7882, Some("./data"), TlsMode::Off));
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file() {
    let file = Some("media_port = 1\nlisten = \"0.0.0.0:1\"\nlog = \"warn\"");
    let variables = [("VERANDA_MEDIA_PORT", "2"), ("VERANDA_LISTEN", "0.0.0.0:2")];
    let config = load(&[("media-port", "3")], &variables, file).unwrap();
    assert_eq!((config.media_port, config.listen.port(), config.log.as_str()), (3, 2, "warn"));
}

#[test]
fn lists_come_as_lists_and_with_commas() {
    let file = Some("media_address = [\"10.0.0.1\", \"::1\"]\napi_keys = [\"0123456789abcdef\"]");
    let config = load(&[], &[], file).unwrap();
    assert_eq!(config.media_address.len(), 2);
    let config = load(&[], &[("VERANDA_API_KEYS", "0000000000000007, 1111111111111111")], None).unwrap();
    assert_eq!(config.api_keys, ["0000000000000007", "1111111111111111"]);
    let config = load(&[("media-address", "10.0.0.1"), ("media-address", "10.0.0.2")], &[], None).unwrap();
    assert_eq!(config.media_address[1].to_string(), "10.0.0.2");
}

#[test]
fn localhost_is_an_address_and_a_url_loses_its_slash() {
    let config = load(&[("listen", "localhost:9"), ("public-url", "https://Rooms.example/")], &[], None).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:9");
    let url = config.public_url.unwrap();
    assert_eq!(
        (url.as_str(), url.authority(), url.host()),
        ("https://rooms.example", "rooms.example", "rooms.example")
    );
    assert_eq!("http://[::1]:80".parse::<PublicUrl>().unwrap().host(), "::1");
}

#[test]
fn a_mistake_in_the_file_is_one_line_that_names_it() {
    for (content, line) in [
        ("medai_port = 1", "FILE: medai_port: unknown key"),
        ("media_port = 99999", "FILE: media_port: is not a whole number in range"),
        ("media_port = \"many\"", "FILE: media_port: is not a whole number in range"),
        ("listen = \"nowhere\"", "FILE: listen: is not an IP address and a port, as in 127.0.0.1:8080"),
        ("media_address = [\"nowhere\"]", "FILE: media_address: has invalid IP address syntax"),
        ("tls = \"maybe\"", "FILE: tls: is not one of off, self-signed, files, acme"),
        ("api_keys = 5", "FILE: api_keys: is not a list of texts"),
        ("turn_urls = [\"http://x\"]", "turn_urls: \"http://x\" does not start with turn:, turns: or stun:"),
        ("turn_urls = [\"turn:x\"]", "turn_secret: is missing: turn_urls needs coturn's static-auth-secret"),
        ("api_keys = [\"short\"]", "api_keys: has a key shorter than 16 characters, which can be guessed"),
        ("tls = \"files\"", "tls_cert: is missing: tls = \"files\" needs it"),
        ("create = \"nobody\"", "FILE: create: is not one of everyone, api_key"),
    ] {
        assert_eq!(load(&[], &[], Some(content)), Err(line.to_owned()), "{content}");
    }
}

#[test]
fn broken_toml_is_one_line() {
    let line = load(&[], &[], Some("listen = [\nx")).unwrap_err();
    assert!(line.starts_with("FILE: ") && !line.contains('\n'), "{line}");
}

#[test]
fn a_mistake_elsewhere_names_the_variable_or_the_flag() {
    for (variable, value, line) in [
        ("VERANDA_MEDAI_PORT", "1", "VERANDA_MEDAI_PORT: unknown key"),
        ("VERANDA_MEDIA_PORT", "x", "VERANDA_MEDIA_PORT: is not a whole number in range"),
    ] {
        assert_eq!(load(&[], &[(variable, value)], None), Err(line.to_owned()));
    }
    for (flag, value, line) in [
        ("listen", "80", "--listen: is not an IP address and a port, as in 127.0.0.1:8080"),
        ("media-port", "-1", "--media-port: is not a whole number in range"),
        ("public-url", "rooms.example", "--public-url: does not start with https:// or http://"),
        ("public-url", "https://a b", "--public-url: is not a scheme, a host and maybe a port, without a path"),
        ("log", "info,=", "--log: is not a log filter: invalid filter directive"),
    ] {
        assert_eq!(load(&[(flag, value)], &[], None), Err(line.to_owned()));
    }
}

#[test]
fn acme_says_what_to_use_meanwhile() {
    let line = load(&[("tls", "acme")], &[], None).unwrap_err();
    assert!(line.starts_with("--tls: ") && line.contains("not there yet") && line.contains("files"), "{line}");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let options = Options { config: Some(PathBuf::from("/nowhere/veranda.toml")), ..Options::default() };
    let line = Config::from_sources(&options, []).unwrap_err().to_string();
    assert!(line.starts_with("--config /nowhere/veranda.toml: "), "{line}");
}
