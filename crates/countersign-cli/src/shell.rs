//! Words of a POSIX shell.

/// A word that is exactly this text.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The beginning of a curl command. A method may hold what a shell obeys, and curl takes brackets in a
/// URL for a pattern of several.
pub(crate) fn curl(method: &str, url: &str) -> String {
    let plain = method.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let method = if plain { method.to_owned() } else { quoted(method) };
    let globs = if url.contains(['[', ']', '{', '}']) { " -g" } else { "" };
    format!("curl{globs} -i -X {method}")
}

/// The text of a shell that gives what a secret's source holds: `$VARIABLE`, or what is in the file.
pub(crate) fn secret(source: &str) -> String {
    match source.split_once(':') {
        Some(("env", variable)) => format!("${variable}"),
        Some(("file", path)) => format!("$(cat {})", quoted(path)),
        _ => String::new(),
    }
}

/// A curl command with this body, whatever its bytes.
pub(crate) fn curl_with(command: &str, body: &[u8], url: &str) -> String {
    match std::str::from_utf8(body) {
        // curl takes what begins with `@` for the name of a file.
        Ok(text) if !text.contains('\0') && !text.starts_with('@') => {
            format!("{command} \\\n  --data-binary {} \\\n  {url}", quoted(text))
        }
        _ => {
            let octal: String = body.iter().map(|byte| format!("\\{byte:03o}")).collect();
            format!("printf '{octal}' | {command} \\\n  --data-binary @- \\\n  {url}")
        }
    }
}
