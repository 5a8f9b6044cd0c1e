//! A captured request that is to be sent again.

use std::path::Path;

use crate::capture;

/// A request as its file has it.
pub(super) struct Captured {
    pub(super) method: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Captured {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let cannot = |why: String| format!("--replay {}: {why}", path.display());
        let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
        Self::of(&bytes).map_err(cannot)
    }

    fn of(bytes: &[u8]) -> Result<Self, String> {
        let request = capture::read(bytes, None)?.request;
        let mut headers = Vec::new();
        for (name, value) in request.headers {
            let value = String::from_utf8(value).map_err(|_| format!("its {name} is not text"))?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            if is_length && value.parse().is_ok_and(|length: usize| length > request.body.len()) {
                return Err("its body is shorter than it says".to_owned());
            }
            // HTTP/2 has the method and the target among the headers.
            if !name.starts_with(':') {
                headers.push((name, value));
            }
        }
        Ok(Self { method: request.method, headers, body: request.body })
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }
}
