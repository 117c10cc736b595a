//! Where in an HTML document the output stands: followed through the literal text, never through values.

use serde_json::Value;

use super::escape;
use super::functions::Val;

/// What an attribute's value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Plain,
    /// Before the first `?` or `#`; the flag: nothing of it is written yet.
    Url {
        at_start: bool,
    },
    /// After it.
    Query,
    Css,
    Script,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Text,
    /// Behind `<`: the name of a tag.
    TagName(String),
    /// Between attributes, or in the name of one.
    InTag {
        tag: String,
        attribute: String,
    },
    /// Behind `=`.
    BeforeValue {
        tag: String,
        attribute: String,
    },
    Value {
        tag: String,
        quote: Option<char>,
        meaning: Meaning,
    },
    Comment,
    /// In an element whose text is no markup: `script`, `style`, `title`, `textarea`.
    Raw {
        tag: String,
        quote: Option<char>,
        escaped: bool,
    },
}

const URL_ATTRIBUTES: [&str; 17] = [
    "href",
    "src",
    "action",
    "formaction",
    "cite",
    "data",
    "poster",
    "background",
    "manifest",
    "icon",
    "longdesc",
    "usemap",
    "profile",
    "classid",
    "codebase",
    "srcset",
    "ping",
];

/// Follows the document.
#[derive(Debug, Clone)]
pub(super) struct Document {
    place: Place,
    /// The last characters in a comment or a raw element, to see its end.
    tail: String,
}

impl Document {
    pub(super) fn new() -> Self {
        Self { place: Place::Text, tail: String::new() }
    }

    /// Takes literal text.
    pub(super) fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
        }
    }

    fn step(&mut self, c: char) {
        let place = std::mem::replace(&mut self.place, Place::Text);
        self.place = match place {
            Place::Text if c == '<' => Place::TagName(String::new()),
            Place::Text => Place::Text,
            Place::TagName(name) => self.tag_name(name, c),
            Place::InTag { tag, attribute } => self.in_tag(tag, attribute, c),
            Place::BeforeValue { tag, attribute } => match c {
                c if c.is_whitespace() => Place::BeforeValue { tag, attribute },
                '>' => self.behind_tag(tag),
                '"' | '\'' => Place::Value { tag, quote: Some(c), meaning: meaning(&attribute) },
                c => {
                    let meaning = advance(meaning(&attribute), c);
                    Place::Value { tag, quote: None, meaning }
                }
            },
            Place::Value { tag, quote: Some(quote), .. } if c == quote => {
                Place::InTag { tag, attribute: String::new() }
            }
            Place::Value { tag, quote: None, .. } if c.is_whitespace() => {
                Place::InTag { tag, attribute: String::new() }
            }
            Place::Value { tag, quote: None, .. } if c == '>' => self.behind_tag(tag),
            Place::Value { tag, quote, meaning } => Place::Value { tag, quote, meaning: advance(meaning, c) },
            Place::Comment => {
                self.remember(c, 3);
                if self.tail == "-->" { Place::Text } else { Place::Comment }
            }
            Place::Raw { tag, quote, escaped } => self.raw(tag, quote, escaped, c),
        };
    }

    fn tag_name(&mut self, mut name: String, c: char) -> Place {
        if name.is_empty() && !(c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            return Place::Text;
        }
        match c {
            '>' => self.behind_tag(name),
            c if c.is_whitespace() => Place::InTag { tag: name, attribute: String::new() },
            '/' if !name.is_empty() => Place::InTag { tag: name, attribute: String::new() },
            c => {
                name.push(c.to_ascii_lowercase());
                if name == "!--" {
                    self.tail.clear();
                    return Place::Comment;
                }
                Place::TagName(name)
            }
        }
    }

    fn in_tag(&mut self, tag: String, mut attribute: String, c: char) -> Place {
        match c {
            '>' => self.behind_tag(tag),
            '=' => Place::BeforeValue { tag, attribute },
            // A space may stand before `=`; a new name after a space begins anew.
            c if c.is_whitespace() => Place::InTag { tag, attribute: attribute.trim_end().to_owned() + " " },
            '/' => Place::InTag { tag, attribute: String::new() },
            c => {
                if attribute.ends_with(' ') {
                    attribute.clear();
                }
                attribute.push(c.to_ascii_lowercase());
                Place::InTag { tag, attribute }
            }
        }
    }

    fn behind_tag(&mut self, tag: String) -> Place {
        self.tail.clear();
        match tag.as_str() {
            "script" | "style" | "title" | "textarea" => Place::Raw { tag, quote: None, escaped: false },
            _ => Place::Text,
        }
    }

    fn raw(&mut self, tag: String, quote: Option<char>, escaped: bool, c: char) -> Place {
        self.remember(c.to_ascii_lowercase(), tag.len() + 3);
        // A browser ends the element at its closing tag, also inside of a script's quotes.
        if self.tail.trim_end_matches(['>', ' ', '\t', '\n', '/']).ends_with(&format!("</{tag}"))
            && !c.is_ascii_alphanumeric()
        {
            return if c == '>' { Place::Text } else { Place::InTag { tag: String::new(), attribute: String::new() } };
        }
        let (quote, escaped) = match (quote, c) {
            (Some(_), '\\') if !escaped => (quote, true),
            (Some(open), c) if c == open && !escaped => (None, false),
            (None, '"' | '\'' | '`') if tag == "script" => (Some(c), false),
            (quote, _) => (quote, false),
        };
        Place::Raw { tag, quote, escaped }
    }

    fn remember(&mut self, c: char, most: usize) {
        self.tail.push(c);
        while self.tail.chars().count() > most {
            self.tail.remove(0);
        }
    }

    /// How a value is written here. The document stays where it is: a value cannot lead out of its place.
    pub(super) fn write(&mut self, value: &Val) -> String {
        match &mut self.place {
            Place::Text => match value {
                Val::Html(done) => done.clone(),
                other => escape::html(&other.to_text()),
            },
            Place::TagName(_) | Place::InTag { .. } => escape::attribute_name(&value.to_text()),
            Place::BeforeValue { tag, attribute } => {
                let mut meaning = meaning(attribute);
                let out = attribute_value(value, &mut meaning, None);
                self.place = Place::Value { tag: std::mem::take(tag), quote: None, meaning };
                out
            }
            Place::Value { quote, meaning, .. } => attribute_value(value, meaning, *quote),
            // html/template drops comments altogether; we keep their text (Outlook reads it), not values in them.
            Place::Comment => String::new(),
            Place::Raw { tag, quote, .. } => match (tag.as_str(), quote) {
                ("script", Some(_)) => escape::js_string(&value.to_text()),
                ("script", None) => format!(" {} ", escape::js_value(&value.to_json())),
                ("style", _) => escape::css(&value.to_text()),
                _ => escape::html(&value.to_text()),
            },
        }
    }
}

fn attribute_value(value: &Val, meaning: &mut Meaning, quote: Option<char>) -> String {
    let text = value.to_text();
    let escaped = match *meaning {
        Meaning::Plain => match value {
            Val::Html(done) if quote.is_some() => return done.clone(),
            _ => text,
        },
        Meaning::Url { at_start } => {
            let harmless = !at_start || escape::url_is_harmless(&text);
            *meaning = Meaning::Url { at_start: at_start && text.is_empty() };
            if harmless { escape::normalize_url(&text) } else { format!("#{}", escape::UNSAFE) }
        }
        Meaning::Query => match value {
            Val::Query(done) => done.clone(),
            _ => escape::query(&text),
        },
        Meaning::Css => escape::css(&text),
        Meaning::Script => match value.to_json() {
            Value::String(_) => escape::js_value(&Value::String(text)),
            other => escape::js_value(&other),
        },
    };
    if quote.is_some() { escape::html(&escaped) } else { escape::unquoted(&escaped) }
}

fn meaning(attribute: &str) -> Meaning {
    let name = attribute.trim();
    let name = name.strip_prefix("data-").unwrap_or(name);
    let name = name.rsplit_once(':').map_or(name, |(_, local)| local);
    if URL_ATTRIBUTES.contains(&name) || name.contains("url") || name.contains("uri") || name.contains("src") {
        Meaning::Url { at_start: true }
    } else if name == "style" {
        Meaning::Css
    } else if name.starts_with("on") {
        Meaning::Script
    } else {
        Meaning::Plain
    }
}

fn advance(meaning: Meaning, c: char) -> Meaning {
    match (meaning, c) {
        (Meaning::Url { .. }, '?' | '#') => Meaning::Query,
        (Meaning::Url { at_start }, c) => Meaning::Url { at_start: at_start && c.is_whitespace() },
        (other, _) => other,
    }
}
