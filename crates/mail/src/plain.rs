//! The text of an HTML letter, for programs and filters that want one.

/// Drops tags, scripts and styles, keeps line breaks of blocks, and writes where links lead.
pub(crate) fn from_html(html: &str) -> String {
    let mut out = String::new();
    let mut links: Vec<Option<String>> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        push_text(&mut out, &rest[..start]);
        let tag = &rest[start..];
        if tag.starts_with("<!--") {
            rest = tag.find("-->").map_or("", |end| &tag[end + 3..]);
            continue;
        }
        let Some(end) = tag_end(tag) else { break };
        let inside = tag[1..end].trim_end_matches('/');
        rest = &tag[end + 1..];
        let name: String = inside
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '/')
            .collect::<String>()
            .to_ascii_lowercase();
        match name.as_str() {
            "script" | "style" | "head" | "title" => {
                let close = format!("</{name}");
                let lower = rest.to_ascii_lowercase();
                rest = lower.find(&close).map_or("", |at| &rest[at..]);
            }
            "a" => links.push(attribute(inside, "href")),
            "/a" => {
                if let Some(Some(link)) = links.pop()
                    && !out.ends_with(&link)
                {
                    out.push_str(&format!(" ({link})"));
                }
            }
            "br" => out.push('\n'),
            "p" | "/p" | "div" | "/div" | "tr" | "li" | "h1" | "h2" | "h3" | "/h1" | "/h2" | "/h3" | "ul" | "/ul"
            | "table" | "/table"
                if !out.ends_with("\n\n") && !out.is_empty() =>
            {
                out.push('\n');
            }
            _ => {}
        }
    }
    push_text(&mut out, rest);
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    let mut text = String::new();
    for line in lines {
        if !(line.is_empty() && (text.is_empty() || text.ends_with("\n\n"))) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// The `>` that ends a tag; quotes may hold others.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = tag.to_ascii_lowercase().find(&format!("{name}="))? + name.len() + 1;
    let rest = &tag[at..];
    let quote = rest.chars().next()?;
    let value =
        if quote == '"' || quote == '\'' { rest[1..].split(quote).next()? } else { rest.split_whitespace().next()? };
    Some(unescape(value))
}

fn push_text(out: &mut String, text: &str) {
    for (at, word) in unescape(text).split_whitespace().enumerate() {
        let glued = at == 0 && !text.starts_with(char::is_whitespace);
        if !glued && !out.is_empty() && !out.ends_with(char::is_whitespace) {
            out.push(' ');
        }
        out.push_str(word);
    }
    if text.ends_with(char::is_whitespace) && !out.is_empty() && !out.ends_with(char::is_whitespace) {
        out.push(' ');
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let known = rest.find(';').filter(|end| *end < 10).and_then(|end| {
            let c = match &rest[1..end] {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "nbsp" => ' ',
                name => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
            };
            Some((c, end))
        });
        match known {
            Some((c, end)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_links_and_lines_stay() {
        let html = "<head><title>x</title></head><h1>Hi</h1>\n<p>Go <a href=\"https://a.test/?x=1&amp;y=2\">there</a>, now &#43; here.<br>Bye</p><style>p{}</style><!-- no -->";
        assert_eq!(from_html(html), "Hi\n\nGo there (https://a.test/?x=1&y=2), now + here.\nBye\n");
        assert_eq!(from_html("a & b &unknown; <b>c</b>d"), "a & b &unknown; cd\n");
    }
}
