//! The causes that a diagnosis names.

use std::fmt;

macro_rules! causes {
    ($($(#[doc = $doc:literal])+ $cause:ident = $code:literal, $remedy:literal;)+) => {
        /// Why a delivery is not genuine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[doc = $doc])+ $cause,)+
        }

        impl Cause {
            /// Every cause.
            pub const ALL: &[Self] = &[$(Self::$cause,)+];

            /// A short name for programs. It does not change.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$cause => $code,)+ }
            }

            /// What to do about it, in one sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$cause => $remedy,)+ }
            }
        }
    };
}

causes! {
    /// White space stands around the secret, or was cut off.
    SecretWhitespace = "secret_whitespace",
        "Store the secret without white space: `printf` instead of `echo`, or trim it where it is read.";
    /// Quotes stand around the secret.
    SecretQuoted = "secret_quoted",
        "Remove the quotes: some readers of .env files take them for part of the value.";
    /// A prefix such as `whsec_` was left on, or taken off.
    SecretPrefix = "secret_prefix",
        "Copy the secret again as the provider shows it, with what its documentation counts as part of it.";
    /// The secret was read as text, base64 or hex, and is another of these.
    SecretEncoding = "secret_encoding",
        "Give the secret in the form that the provider's scheme reads: see `countersign providers`.";
    /// Another of the given secrets signed.
    SecretOfOtherEndpoint = "secret_of_other_endpoint",
        "Configure the secret of the endpoint, app or environment that sends here.";
    /// Nothing explains it: the secret or the body is another.
    SecretWrong = "secret_wrong",
        "Compare the secret with the provider's console, and check the bytes of the body before anything parses them.";
    /// A line end at the end of the body was added or removed.
    BodyTrailingNewline = "body_trailing_newline",
        "Verify the bytes as they arrived, with or without their last line end.";
    /// CRLF became LF, or LF became CRLF.
    BodyLineEndings = "body_line_endings",
        "Read the body as bytes and not as text, whose line ends are converted.";
    /// The JSON was written again with other white space.
    BodyWhitespace = "body_whitespace",
        "Verify the raw body before a JSON parser has it, and do not write the JSON again.";
    /// The JSON was written again with its keys in another order.
    BodyKeyOrder = "body_key_order",
        "Verify the raw body before a JSON parser has it, and do not write the JSON again.";
    /// Characters became `\uXXXX`, or the reverse.
    BodyUnicodeEscapes = "body_unicode_escapes",
        "Verify the raw body before a JSON parser has it, and do not write the JSON again.";
    /// `/` became `\/`, or the reverse.
    BodySlashEscapes = "body_slash_escapes",
        "Verify the raw body before a JSON parser has it, and do not write the JSON again.";
    /// `&`, `<` and `>` became `\u0026` and so on, or the reverse.
    BodyHtmlEscapes = "body_html_escapes",
        "Verify the raw body before a JSON parser has it, and do not write the JSON again.";
    /// A number was written in another form.
    BodyNumberFormat = "body_number_format",
        "Verify the raw body before a JSON parser has it, and do not write the JSON again.";
    /// A byte order mark was added or removed.
    BodyBom = "body_bom",
        "Read the body as bytes: a byte order mark comes from a file or a text reader.";
    /// The characters are in another charset.
    BodyCharset = "body_charset",
        "Read the body as bytes and not as text in a charset.";
    /// The body was compressed or unpacked on the way.
    BodyCompressed = "body_compressed",
        "Verify the body in the form in which the provider signed it: unpack it first, or switch compression off on the way.";
    /// A gateway made base64 of the body, or decoded it.
    BodyBase64 = "body_base64",
        "Decode the body before it is verified (`isBase64Encoded` at API Gateway and Lambda).";
    /// The body is gone: something has read it before.
    BodyEmpty = "body_empty",
        "Put the verification before everything that reads the body, such as a form or JSON parser.";
    /// A form was decoded, or encoded again.
    BodyFormDecoded = "body_form_decoded",
        "Verify the raw form as it was sent, before it is decoded.";
    /// The body is shorter than `Content-Length` says.
    BodyTruncated = "body_truncated",
        "Raise the limit that cuts the body, or wait for all of it.";
    /// The delivery is older than the window.
    TimeStale = "time_stale",
        "Send it again with a new signature; if it is new, set the clock of this machine.";
    /// The delivery's time is ahead of this clock.
    TimeInTheFuture = "time_in_the_future",
        "Set the clock of this machine (or the sender's) with NTP.";
    /// The time is in another unit or format than signed.
    TimeUnit = "time_unit",
        "Pass the time on as it was sent: its text is part of what is signed.";
    /// The time is part of what is signed, and is not there.
    TimeMissing = "time_missing",
        "Pass the time's header on: nothing can be verified without it.";
    /// A header that the proof needs is not there.
    HeaderMissing = "header_missing",
        "Set a secret at the provider, or let the header through what stands between.";
    /// The signature stands in the provider's older header.
    HeaderLegacy = "header_legacy",
        "Update or configure the sender so that it sends the present signature.";
    /// The text before the signature is missing or another.
    HeaderPrefix = "header_prefix",
        "Send the signature with exactly the prefix that the provider's scheme has.";
    /// The signature is in hex where base64 belongs, and so on.
    HeaderEncoding = "header_encoding",
        "Write the signature's bytes in the encoding of the provider's scheme.";
    /// The signature was cut off.
    HeaderTruncated = "header_truncated",
        "Find what cuts header values: a column, a log or a limit.";
    /// The header is there several times.
    HeaderRepeated = "header_repeated",
        "Let nothing on the way add a signature of its own, or remove the one that is not the provider's.";
    /// The URL was signed with another scheme.
    UrlScheme = "url_scheme",
        "Configure the URL that the provider sends to (https), not the one behind the proxy.";
    /// The URL was signed with another host.
    UrlHost = "url_host",
        "Configure the host that the provider sends to, not the one behind the proxy.";
    /// The URL was signed with another port.
    UrlPort = "url_port",
        "Configure the URL with the port that the provider sends to (mostly none).";
    /// The URL was signed with another path.
    UrlPath = "url_path",
        "Configure what the proxy cuts off the front of the path as part of the public URL.";
    /// The URL was signed with, or without, a slash at its end.
    UrlTrailingSlash = "url_trailing_slash",
        "Register the URL at the provider exactly as the receiver has it, slash included.";
    /// The URL was signed with another query.
    UrlQuery = "url_query",
        "Use the query as it was received: not sorted, not decoded, not cut.";
    /// It is a genuine delivery of another provider.
    ProviderOther = "provider_other",
        "Configure the provider that sends here.";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
