//! Paths in a file are relative to its folder.

use std::fs;
use std::path::PathBuf;

use crate::config::{Config, Shared};

/// A folder of its own for a test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("secrets")).unwrap();
        Self(path)
    }

    /// Reads a file of this text in the folder.
    fn read(&self, text: &str) -> Result<Config, String> {
        let file = self.0.join("c.toml");
        fs::write(&file, text).unwrap();
        Config::read(&file, &Shared::default())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const ENDPOINT: &str = r#"
[[endpoint]]
id = "gh"
provider = "github"
secrets = ["file:secrets/gh"]
"#;

#[test]
fn a_secrets_file_is_in_the_folder_of_the_file() {
    let folder = Folder::new("secrets");
    let config = folder.read(ENDPOINT).unwrap();
    let said = config.endpoints[0].make().unwrap_err();
    let path = folder.0.join("secrets/gh");
    assert!(
        said.contains(&format!("cannot read the secret from file {}", path.display())),
        "{said}"
    );

    fs::write(&path, "a secret\n").unwrap();
    let made = config.endpoints[0].make().unwrap();
    // As the file has it, for it is shown.
    assert_eq!(made.secrets[0].label(), Some("file:secrets/gh"));
}

#[test]
fn a_database_is_in_the_folder_of_the_file() {
    let folder = Folder::new("store");
    let within = |name: &str| format!("sqlite:{}", folder.0.join(name).display());
    for (given, expected) in [
        ("sqlite:events.db", within("events.db")),
        ("sqlite://events.db", within("events.db")),
        ("sqlite:/var/events.db", "sqlite:/var/events.db".to_owned()),
        ("sqlite:///var/events.db", "sqlite:/var/events.db".to_owned()),
        ("sqlite:", "sqlite:".to_owned()),
        // What a variable holds is not in the file.
        ("env:STORE", "env:STORE".to_owned()),
        ("memory", "memory".to_owned()),
    ] {
        let config = folder.read(&format!("store = \"{given}\"")).unwrap();
        assert_eq!(config.store, Some(expected), "{given}");
    }
}

#[test]
fn the_inspectors_file_is_in_the_folder_of_the_file() {
    let folder = Folder::new("inspect");
    let config = folder.read("[inspect]\naddr = \"127.0.0.1:0\"\nfile = \"seen.db\"").unwrap();
    assert_eq!(config.inspect.unwrap().file, Some(folder.0.join("seen.db")));
}

#[test]
fn a_secret_that_may_be_a_public_key_says_what_it_is() {
    let folder = Folder::new("roles");
    // 64 hex digits: a key of ed25519, or a text.
    fs::write(
        folder.0.join("key"),
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    )
    .unwrap();
    let make = |secret: &str| {
        let text = format!(
            r#"
            [[provider]]
            id = "acme"
            any-of = [{{ ed25519 = {{ header = "X-A" }} }}, {{ hmac-sha256 = {{ header = "X-B" }} }}]
            [[endpoint]]
            id = "a_b"
            provider = "acme"
            secrets = [{secret}]"#
        );
        let config = folder.read(&text).unwrap();
        config.endpoints[0].make().map(drop)
    };
    let said = make(r#""file:key""#).unwrap_err();
    let expected = "c.toml:8: endpoint a_b: secret 1 may be a public key, which is not secret, or the secret of \
                    another proof of this provider; say which with `{ public-key = \"env:VARIABLE\" }` or \
                    `{ shared-secret = \"env:VARIABLE\" }`, or give the public key as PEM";
    assert!(said.ends_with(expected), "{said}");
    assert_eq!(make(r#"{ public-key = "file:key" }"#), Ok(()));
    assert_eq!(make(r#"{ shared-secret = "file:key" }"#), Ok(()));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = Folder::new("unread");
    let missing = Config::read(&folder.0.join("no.toml"), &Shared::default()).unwrap_err();
    assert!(
        missing.starts_with("--config: cannot read ") && missing.contains("No such file"),
        "{missing}"
    );
    fs::write(folder.0.join("latin.toml"), b"addr = \"\xe9\"").unwrap();
    let latin = Config::read(&folder.0.join("latin.toml"), &Shared::default()).unwrap_err();
    assert!(latin.ends_with("it is not UTF-8 text"), "{latin}");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let folder = Folder::new("windows");
    let config = folder.read("\u{feff}# made elsewhere\r\naddr = \"127.0.0.1:0\"\r\n").unwrap();
    assert_eq!(config.addr.as_deref(), Some("127.0.0.1:0"));
    let said = folder.read("addr = \"a\"\r\nadr = \"b\"\r\n").unwrap_err();
    assert!(said.contains("c.toml:2: "), "{said}");
}

#[test]
fn numbers_are_read_as_toml_writes_them() {
    let folder = Folder::new("numbers");
    for (given, expected) in [("1048576", 1_048_576), ("1_048_576", 1_048_576), ("0x10", 16)] {
        let config = folder.read(&format!("max-body = {given}")).unwrap();
        assert_eq!(config.shared.max_body, Some(expected), "{given}");
    }
    for given in ["1.5", "99999999999999999999999999", "-31415926"] {
        let said = folder.read(&format!("max-body = {given}")).unwrap_err();
        assert!(said.contains("max-body: ") && !said.contains(given), "{said}");
    }
}

#[test]
fn a_password_in_the_store_is_in_no_debug() {
    let folder = Folder::new("debug");
    let config = folder.read("store = \"postgres://user:the-password@host/db\"").unwrap();
    assert!(!format!("{config:?}").contains("the-password"));
}

#[test]
fn tables_without_an_end_are_refused() {
    let folder = Folder::new("deep");
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(folder.read(&deep).unwrap_err().contains(":1: this is not TOML"));
}
