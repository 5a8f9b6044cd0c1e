//! Other spellings of a document's numbers.

/// More of them together are not tried.
const MOST_TOGETHER: usize = 10;

/// Another spelling of a number.
type Spell = fn(&str) -> Option<String>;

/// The texts with one number, or all of a kind, spelled in another way, and which.
pub(super) fn respelled(text: &str) -> Vec<(String, String)> {
    let spans = numbers(text);
    let mut all = Vec::new();
    let together: [(Spell, &str); 4] = [
        (|number| is_whole(number).then(|| format!("{number}.0")), "1.0 became 1"),
        (|number| number.strip_suffix(".0").map(str::to_owned), "1 became 1.0"),
        (two_places, "1.50 became 1.5"),
        (shortest, "a decimal number was written with more digits"),
    ];
    for (spell, says) in together {
        let new = replaced(text, &spans, |_, number| spell(number));
        all.push((new, format!("Numbers were written again in another form ({says}).")));
    }
    for (index, (start, end)) in spans.iter().enumerate() {
        let number = text.get(*start..*end).unwrap_or_default();
        for other in spellings(number) {
            let new = replaced(text, &spans, |at, _| (at == index).then(|| other.clone()));
            let says =
                format!("A number was written again in another form: {other} became {number}.");
            all.push((new, says));
        }
    }
    all.retain(|(new, _)| new != text);
    all
}

/// The texts with some of the whole numbers spelled `1.0`.
pub(super) fn some_whole(text: &str) -> Vec<(String, String)> {
    let spans = numbers(text);
    let is_whole = |(start, end): &(usize, usize)| text.get(*start..*end).is_some_and(is_whole);
    let whole: Vec<usize> =
        spans.iter().enumerate().filter(|(_, span)| is_whole(span)).map(|(at, _)| at).collect();
    if whole.len() > MOST_TOGETHER {
        return Vec::new();
    }
    let sets = 1_usize..1 << whole.len();
    let of_several = sets.filter(|set| set.count_ones() > 1);
    let new = of_several.map(|set| {
        let chosen = |index: usize| {
            whole.iter().position(|at| *at == index).is_some_and(|bit| set >> bit & 1 == 1)
        };
        replaced(text, &spans, |at, number| chosen(at).then(|| format!("{number}.0")))
    });
    let says = "Numbers were written again in another form (1.0 became 1).";
    new.map(|new| (new, says.to_owned())).collect()
}

/// Where the numbers stand.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let (mut all, mut inside, mut escaped) = (Vec::new(), false, false);
    let mut start = None;
    for (at, byte) in text.bytes().enumerate() {
        let is_part = !inside && (byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        match (is_part, start) {
            (true, None) if byte.is_ascii_digit() || byte == b'-' => start = Some(at),
            (false, Some(from)) => {
                all.push((from, at));
                start = None;
            }
            _ => {}
        }
        match byte {
            b'"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && byte == b'\\' && !escaped;
    }
    all
}

fn replaced(
    text: &str,
    spans: &[(usize, usize)],
    spell: impl Fn(usize, &str) -> Option<String>,
) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len() + 16), 0);
    for (index, (start, end)) in spans.iter().enumerate() {
        let number = text.get(*start..*end).unwrap_or_default();
        out.push_str(text.get(from..*start).unwrap_or_default());
        out.push_str(spell(index, number).as_deref().unwrap_or(number));
        from = *end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

fn is_whole(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The other ways in which a number of this value is written.
fn spellings(number: &str) -> Vec<String> {
    let mut all = Vec::new();
    if is_whole(number) {
        all.extend([".0", ".00", ".000"].map(|more| format!("{number}{more}")));
        let bare = number.trim_end_matches('0');
        let zeros = number.len() - bare.len();
        if zeros > 0 && !matches!(bare, "" | "-") {
            for exponent in ["e", "E", "e+", "E+"] {
                all.push(format!("{bare}{exponent}{zeros}"));
                all.push(format!("{bare}.0{exponent}{zeros}"));
            }
            if let Some((first, rest)) =
                bare.split_at_checked(1).filter(|(_, rest)| !rest.is_empty())
            {
                let power = rest.len() + zeros;
                for exponent in ["e", "E", "e+", "E+"] {
                    all.push(format!("{first}.{rest}{exponent}{power}"));
                }
            }
        }
        if number == "0" {
            all.extend(["-0", "-0.0"].map(str::to_owned));
        }
        all.extend(rounded(number));
    } else if let Some((whole, fraction)) =
        number.split_once('.').filter(|(_, fraction)| is_whole(fraction))
    {
        all.extend(["0", "00", "000"].map(|more| format!("{number}{more}")));
        let short = fraction.trim_end_matches('0');
        match short {
            "" => all.push(whole.to_owned()),
            short => all.push(format!("{whole}.{short}")),
        }
        for places in 1..fraction.len().min(12) {
            if fraction.get(places..).is_some_and(|rest| rest.bytes().all(|byte| byte == b'0')) {
                all.push(format!("{whole}.{}", fraction.get(..places).unwrap_or_default()));
            }
        }
        all.extend(shortest(number));
        all.extend(longest(number));
    } else if let Ok(value) = number.parse::<f64>() {
        // With an exponent.
        all.extend([format!("{value}"), format!("{value:.1}"), format!("{value:e}")]);
        all.extend([number.replace('e', "E"), number.replace('E', "e"), number.replace('+', "")]);
    }
    all
}

fn two_places(number: &str) -> Option<String> {
    match number.split_once('.') {
        Some((_, fraction)) if fraction.len() == 1 => Some(format!("{number}0")),
        Some(_) => None,
        None => is_whole(number).then(|| format!("{number}.00")),
    }
}

/// With as few digits as tell it from all others.
fn shortest(number: &str) -> Option<String> {
    let value: f64 = number.parse().ok()?;
    (number.contains('.') && number.len() > 16).then(|| format!("{value}"))
}

/// With 17 digits, as PHP writes it with an old setting.
fn longest(number: &str) -> Option<String> {
    let value: f64 = number.parse().ok()?;
    let whole = value.abs().trunc().to_string().len();
    let text = format!("{value:.*}", 17_usize.saturating_sub(whole));
    Some(text.trim_end_matches('0').to_owned())
}

/// The whole numbers that a double takes for this one, where it is larger than a double can hold.
fn rounded(number: &str) -> Vec<String> {
    const FIRST_ROUNDED: i128 = 1 << 53;
    const MOST: i128 = 1 << 11;
    let Ok(value) = number.parse::<i128>() else { return Vec::new() };
    if value.abs() < FIRST_ROUNDED || value.abs() > i128::from(u64::MAX) {
        return Vec::new();
    }
    let near = (value - MOST)..=(value + MOST);
    near.filter(|other| *other != value && *other as f64 == value as f64)
        .map(|other| other.to_string())
        .collect()
}
