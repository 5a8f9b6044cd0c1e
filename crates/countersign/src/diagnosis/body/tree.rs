//! A JSON document with every leaf as it was written.

/// Deeper documents are not written again.
const DEEPEST: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node<'t> {
    /// A string with its quotes, a number or a word.
    Leaf(&'t [u8]),
    Array(Vec<Node<'t>>),
    Object(Vec<(&'t [u8], Node<'t>)>),
}

/// Reads an object or an array, with nothing but white space around it.
pub(super) fn read(text: &[u8]) -> Option<Node<'_>> {
    let mut reader = Reader { rest: text };
    let node = reader.node(0)?;
    reader.space();
    (reader.rest.is_empty() && !matches!(node, Node::Leaf(_))).then_some(node)
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl<'t> Reader<'t> {
    fn space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    fn node(&mut self, depth: usize) -> Option<Node<'t>> {
        if depth > DEEPEST {
            return None;
        }
        self.space();
        match self.rest.first()? {
            b'{' => {
                self.take(b'{')?;
                let mut members = Vec::new();
                if self.take(b'}').is_some() {
                    return Some(Node::Object(members));
                }
                loop {
                    self.space();
                    let name = self.string()?;
                    self.take(b':')?;
                    members.push((name, self.node(depth + 1)?));
                    if self.take(b',').is_none() {
                        self.take(b'}')?;
                        return Some(Node::Object(members));
                    }
                }
            }
            b'[' => {
                self.take(b'[')?;
                let mut items = Vec::new();
                if self.take(b']').is_some() {
                    return Some(Node::Array(items));
                }
                loop {
                    items.push(self.node(depth + 1)?);
                    if self.take(b',').is_none() {
                        self.take(b']')?;
                        return Some(Node::Array(items));
                    }
                }
            }
            b'"' => self.string().map(Node::Leaf),
            _ => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                let end = self.rest.iter().position(|byte| !is_part(byte));
                let (leaf, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = rest;
                (!leaf.is_empty()).then_some(Node::Leaf(leaf))
            }
        }
    }

    fn string(&mut self) -> Option<&'t [u8]> {
        let mut at = 1;
        self.rest.first().filter(|byte| **byte == b'"')?;
        loop {
            match self.rest.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        let (string, rest) = self.rest.split_at_checked(at + 1)?;
        self.rest = rest;
        Some(string)
    }
}

/// The white space between the parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    /// For people.
    pub(super) name: &'static str,
    comma: &'static str,
    colon: &'static str,
    /// Inside of brackets on one line.
    pad: &'static str,
    /// Each level's indentation, on lines of their own.
    indent: Option<&'static str>,
    line_end: &'static str,
    /// Arrays stay on one line (Jackson).
    flat_arrays: bool,
}

const ONE_LINE: Style = Style {
    name: "without white space",
    comma: ",",
    colon: ":",
    pad: "",
    indent: None,
    line_end: "\n",
    flat_arrays: false,
};

const LINES: Style =
    Style { name: "on indented lines", colon: ": ", indent: Some("  "), ..ONE_LINE };

/// How JSON is usually written.
pub(super) const STYLES: &[Style] = &[
    ONE_LINE,
    Style {
        name: "with a space after every comma and colon",
        comma: ", ",
        colon: ": ",
        ..ONE_LINE
    },
    Style { name: "indented by two spaces", ..LINES },
    Style { name: "indented by four spaces", indent: Some("    "), ..LINES },
    Style { name: "indented by tabs", indent: Some("\t"), ..LINES },
    Style { name: "indented by one space", indent: Some(" "), ..LINES },
    Style { name: "indented by three spaces", indent: Some("   "), ..LINES },
    Style { name: "indented by eight spaces", indent: Some("        "), ..LINES },
    Style { name: "indented by two spaces, with CRLF", line_end: "\r\n", ..LINES },
    Style {
        name: "indented by four spaces, with CRLF",
        indent: Some("    "),
        line_end: "\r\n",
        ..LINES
    },
    Style { name: "with a space after every comma", comma: ", ", ..ONE_LINE },
    Style { name: "with a space after every colon", colon: ": ", ..ONE_LINE },
    Style { name: "with spaces around colons", comma: ", ", colon: " : ", ..ONE_LINE },
    Style {
        name: "with spaces inside of brackets",
        comma: ", ",
        colon: ": ",
        pad: " ",
        ..ONE_LINE
    },
    Style {
        name: "indented by two spaces, as Jackson does",
        colon: " : ",
        pad: " ",
        flat_arrays: true,
        ..LINES
    },
    Style { name: "indented by two spaces, with spaces around colons", colon: " : ", ..LINES },
    Style { name: "on lines without indentation", indent: Some(""), ..LINES },
];

impl Style {
    pub(super) fn write(self, node: &Node<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(node, 0, &mut out);
        out
    }

    fn put(self, node: &Node<'_>, depth: usize, out: &mut Vec<u8>) {
        match node {
            Node::Leaf(raw) => out.extend_from_slice(raw),
            Node::Array(items) => {
                let style = Self { indent: self.indent.filter(|_| !self.flat_arrays), ..self };
                let comma = if self.flat_arrays { ", " } else { self.comma };
                style.put_all(b"[]", comma, items, depth, out, |item, out| {
                    self.put(item, depth + 1, out);
                });
            }
            Node::Object(members) => {
                self.put_all(b"{}", self.comma, members, depth, out, |(name, value), out| {
                    out.extend_from_slice(name);
                    out.extend_from_slice(self.colon.as_bytes());
                    self.put(value, depth + 1, out);
                });
            }
        }
    }

    fn put_all<T>(
        self,
        brackets: &[u8; 2],
        comma: &str,
        all: &[T],
        depth: usize,
        out: &mut Vec<u8>,
        mut put: impl FnMut(&T, &mut Vec<u8>),
    ) {
        let [open, close] = *brackets;
        out.push(open);
        if all.is_empty() {
            // Jackson writes `[ ]`.
            if self.flat_arrays {
                out.push(b' ');
            }
            out.push(close);
            return;
        }
        let line = |depth: usize, out: &mut Vec<u8>| match self.indent {
            Some(indent) => {
                out.extend_from_slice(self.line_end.as_bytes());
                out.extend_from_slice(indent.repeat(depth).as_bytes());
            }
            None => out.extend_from_slice(self.pad.as_bytes()),
        };
        for (number, one) in all.iter().enumerate() {
            match (number, self.indent) {
                (0, _) => line(depth + 1, out),
                (_, Some(_)) => {
                    out.extend_from_slice(comma.trim_end().as_bytes());
                    line(depth + 1, out);
                }
                (_, None) => out.extend_from_slice(comma.as_bytes()),
            }
            put(one, out);
        }
        line(depth, out);
        out.push(close);
    }
}
