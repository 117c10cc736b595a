//! Letters as Mailpit's API shows them.

use mail_parser::{Address, Message, MessageParser, MimeHeaders};
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::ReceivedMessage;

/// An entry of a list.
pub(super) fn summary(message: &ReceivedMessage) -> Value {
    let parsed = parse(message);
    let text = parsed.as_ref().and_then(|m| m.body_text(0)).unwrap_or_default();
    let snippet: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(250).collect();
    let mut entry = shared(message, parsed.as_ref());
    entry.insert("Read".into(), message.read.into());
    entry.insert("Created".into(), time(message).into());
    entry.insert("Username".into(), "".into());
    entry.insert("Attachments".into(), parsed.as_ref().map_or(0, Message::attachment_count).into());
    entry.insert("Snippet".into(), snippet.into());
    Value::Object(entry)
}

/// A whole letter.
pub(super) fn whole(message: &ReceivedMessage) -> Value {
    let parsed = parse(message);
    let parsed = parsed.as_ref();
    let attachments: Vec<Value> = parsed
        .into_iter()
        .flat_map(Message::attachments)
        .enumerate()
        .map(|(at, part)| {
            let kind = part.content_type().map_or_else(
                || "application/octet-stream".to_owned(),
                |t| format!("{}/{}", t.ctype(), t.subtype().unwrap_or("octet-stream")),
            );
            json!({
                "PartID": (at + 1).to_string(), "FileName": part.attachment_name().unwrap_or_default(),
                "ContentType": kind, "ContentID": part.content_id().unwrap_or_default(), "Size": part.contents().len(),
            })
        })
        .collect();
    let mut entry = shared(message, parsed);
    entry.insert("ReturnPath".into(), message.sender.clone().into());
    entry.insert("Date".into(), time(message).into());
    entry.insert("Username".into(), "".into());
    entry.insert("ListUnsubscribe".into(), json!({"Header": "", "Links": [], "Errors": "", "HeaderPost": ""}));
    entry.insert("Text".into(), text(message).into());
    entry.insert("HTML".into(), html(message).into());
    entry.insert("Inline".into(), json!([]));
    entry.insert("Attachments".into(), attachments.into());
    Value::Object(entry)
}

/// A letter as Inbucket's API shows it; `with_body` for a single one.
pub(super) fn inbucket(message: &ReceivedMessage, mailbox: &str, with_body: bool) -> Value {
    let parsed = parse(message);
    let parsed = parsed.as_ref();
    let addressed = |address: Option<&Address<'_>>| -> Vec<String> {
        let one = |person: &Value| format!("<{}>", person["Address"].as_str().unwrap_or_default());
        people(address).iter().map(one).collect()
    };
    let mut entry = json!({
        "mailbox": mailbox, "id": message.id, "from": addressed(parsed.and_then(|m| m.from())).join(", "),
        "to": addressed(parsed.and_then(|m| m.to())), "subject": parsed.and_then(|m| m.subject()).unwrap_or_default(),
        "date": time(message), "posix-millis": message.at.unix_timestamp_nanos() / 1_000_000, "size": message.raw.len(),
        "seen": message.read,
    });
    if with_body {
        entry["body"] = json!({"text": text(message), "html": html(message)});
        entry["header"] = headers(message);
        entry["attachments"] = json!([]);
    }
    entry
}

/// All headers; each name with the list of its values.
pub(super) fn headers(message: &ReceivedMessage) -> Value {
    let mut all = Map::new();
    if let Some(parsed) = parse(message) {
        for (name, value) in parsed.headers_raw() {
            let list = all.entry(name).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(value.trim().into());
            }
        }
    }
    Value::Object(all)
}

pub(super) fn text(message: &ReceivedMessage) -> String {
    parse(message).and_then(|m| m.body_text(0).map(|t| t.into_owned())).unwrap_or_default()
}

/// The HTML part; empty where there is none.
pub(super) fn html(message: &ReceivedMessage) -> String {
    let Some(parsed) = parse(message) else { return String::new() };
    // The parser makes HTML of a text where there is none; Mailpit does not.
    let has_html = parsed.html_bodies().any(|part| part.is_text_html());
    if has_html { parsed.body_html(0).map(|t| t.into_owned()).unwrap_or_default() } else { String::new() }
}

/// Mailpit's search, as far as tests use it: words in subject, addresses or text, and `to: from: subject: is:` with quotes and `!`.
pub(super) fn matches(message: &ReceivedMessage, query: &str) -> bool {
    let parsed = parse(message);
    let parsed = parsed.as_ref();
    let subject = parsed.and_then(|m| m.subject()).unwrap_or_default().to_lowercase();
    let to = format!("{} {}", message.recipients.join(" "), addresses(parsed.and_then(|m| m.to()))).to_lowercase();
    let from = format!("{} {}", message.sender, addresses(parsed.and_then(|m| m.from()))).to_lowercase();
    let body = || text(message).to_lowercase();
    words(query).into_iter().all(|word| {
        let (negated, word) = match word.strip_prefix(['!', '-']) {
            Some(rest) => (true, rest.to_owned()),
            None => (false, word),
        };
        let found = match word.split_once(':') {
            Some(("to" | "addressed", what)) => to.contains(what),
            Some(("from", what)) => from.contains(what),
            Some(("subject", what)) => subject.contains(what),
            Some(("message-id", what)) => {
                parsed.and_then(|m| m.message_id()).is_some_and(|id| id.to_lowercase().contains(what))
            }
            Some(("is", "unread")) => !message.read,
            Some(("is", "read")) => message.read,
            _ => [&subject, &to, &from, &body()].into_iter().any(|place| place.contains(word.as_str())),
        };
        found != negated
    })
}

/// Words of a query in lower case; quotes hold several together.
fn words(query: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in query.to_lowercase().chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn shared(message: &ReceivedMessage, parsed: Option<&Message<'_>>) -> Map<String, Value> {
    let list = |address: Option<&Address<'_>>| Value::Array(people(address));
    let from = people(parsed.and_then(|m| m.from())).into_iter().next();
    let entry = json!({
        "ID": message.id,
        "MessageID": parsed.and_then(|m| m.message_id()).unwrap_or_default(),
        "From": from.unwrap_or_else(|| json!({"Name": "", "Address": message.sender})),
        "To": list(parsed.and_then(|m| m.to())),
        "Cc": list(parsed.and_then(|m| m.cc())),
        "Bcc": list(parsed.and_then(|m| m.bcc())),
        "ReplyTo": list(parsed.and_then(|m| m.reply_to())),
        "Subject": parsed.and_then(|m| m.subject()).unwrap_or_default(),
        "Tags": [],
        "Size": message.raw.len(),
    });
    match entry {
        Value::Object(entry) => entry,
        _ => Map::new(),
    }
}

fn people(address: Option<&Address<'_>>) -> Vec<Value> {
    address
        .into_iter()
        .flat_map(Address::iter)
        .map(|one| json!({"Name": one.name().unwrap_or_default(), "Address": one.address().unwrap_or_default()}))
        .collect()
}

fn addresses(address: Option<&Address<'_>>) -> String {
    people(address)
        .iter()
        .map(|one| format!("{} {}", one["Name"].as_str().unwrap_or(""), one["Address"].as_str().unwrap_or("")))
        .collect::<Vec<_>>()
        .join(" ")
}

fn time(message: &ReceivedMessage) -> String {
    message.at.format(&Rfc3339).unwrap_or_default()
}

fn parse(message: &ReceivedMessage) -> Option<Message<'_>> {
    MessageParser::default().parse(&message.raw[..])
}
