//! What a builder says, in the words of the file: `signed-content` for `signed_content`, `{body}` for
//! `Part::Body`, `set` for `call`.

/// Names that are others in the file.
const NAMES: &[(&str, &str)] = &[
    ("Part::Body", "{body}"),
    ("Part::Timestamp", "{timestamp}"),
    ("Part::Id", "{id}"),
    ("Part::SortedForm", "{sorted-form}"),
    ("Part::literal", "literal text"),
    (r#"Part::literal("\n")"#, r"\n"),
    ("timestamp(Timestamp::header(…))", "timestamp = { header = … }"),
    ("event_id_header(…)", "event-id-header"),
    ("Timestamp::format", "timestamp.format"),
    ("ProviderBuilder::timestamp", "timestamp"),
    ("Handshake::echo_query_for_token", "handshake.echo-query-for-token"),
    ("forget_when_handled(false)", "forget-when-handled = false"),
    ("Secret::as_public_key", r#"{ public-key = "env:VARIABLE" }"#),
    ("Secret::as_shared_secret", r#"{ shared-secret = "env:VARIABLE" }"#),
    ("Provider::builder", "[[provider]]"),
    ("secret", "secrets"),
];

/// What one does with a method, and what with a field.
const VERBS: &[(&str, &str)] = &[
    ("`park` or `count_attempts`", "`park`"),
    ("are both called", "are both set"),
    ("is called twice", "is set twice"),
    ("another method that names", "another field that names"),
    ("leave the call out", "leave it out"),
    (": call one", ": set one"),
    ("call `", "set `"),
    ("say `", "set `"),
    ("says `", "sets `"),
];

/// The sentence of a builder as a reader of the file understands it. `fields` are those that the file
/// has there; other words with `_`, such as names of the user's own, stay as they are.
pub(super) fn of_file(says: &str, fields: &[&str]) -> String {
    let says = VERBS.iter().fold(says.to_owned(), |says, (call, set)| says.replace(call, set));
    // What stands in backticks is every second piece.
    let pieces = says.split('`').enumerate().map(|(index, piece)| match index % 2 {
        0 => piece.to_owned(),
        _ => name(piece, fields),
    });
    pieces.collect::<Vec<_>>().join("`")
}

fn name(builders: &str, fields: &[&str]) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(name, _)| *name == builders) {
        return (*name).to_owned();
    }
    let field = builders.replace('_', "-");
    if fields.contains(&&*field) { field } else { builders.to_owned() }
}
