//! Text that looks like life, by a column's name.

use fake::Fake as _;
use fake::faker::address::en as address;
use fake::faker::company::en as company;
use fake::faker::internet::en as internet;
use fake::faker::job::en as job;
use fake::faker::name::en as name;

use super::random::Random;

/// What the columns of one row have in common: one person, one thing.
#[derive(Debug, Default)]
pub struct Subject {
    person: Option<(String, String)>,
    title: Option<String>,
}

impl Subject {
    /// First and last name.
    pub fn person(&mut self, random: &mut Random) -> (String, String) {
        self.person
            .get_or_insert_with(|| {
                (name::FirstName().fake_with_rng(&mut random.0), name::LastName().fake_with_rng(&mut random.0))
            })
            .clone()
    }

    fn title(&mut self, random: &mut Random) -> String {
        self.title.get_or_insert_with(|| capitalised(&words_of(&["adjective", "noun"], random))).clone()
    }
}

/// Text for a column of a table; a sentence where its name says nothing.
pub fn text(table: &str, column: &str, subject: &mut Subject, random: &mut Random) -> String {
    let name = column.to_lowercase();
    let has = |part: &str| name.contains(part);
    let any = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let ends = |end: &str| name == end || name.ends_with(&format!("_{end}"));
    if has("email") || ends("mail") {
        let (first, last) = subject.person(random);
        return format!("{}.{}{}@example.com", slug(&first), slug(&last), random.between(1, 999));
    }
    if has("username") || ends("handle") || ends("login") || ends("nickname") {
        let (first, last) = subject.person(random);
        return format!("{}_{}{}", slug(&first), slug(&last), random.between(1, 99)).replace('-', "_");
    }
    if any(&["first_name", "firstname", "given_name"]) {
        return subject.person(random).0;
    }
    if any(&["last_name", "lastname", "surname", "family_name"]) {
        return subject.person(random).1;
    }
    if any(&["full_name", "fullname", "display_name", "author", "contact_name", "customer_name"])
        || (ends("name") && of_people(table))
    {
        let (first, last) = subject.person(random);
        return format!("{first} {last}");
    }
    if any(&["phone", "mobile", "fax"]) {
        // 555-01xx is kept free for made-up numbers.
        return format!("+1-{}-555-01{:02}", random.between(201, 989), random.between(0, 99));
    }
    if any(&["stripe", "external_id", "provider_id", "transaction_id", "payment_intent"]) {
        return format!("{}_{}", prefix(&name), random.hex(24));
    }
    if any(&["hash", "token", "secret", "checksum", "fingerprint", "digest", "nonce"]) || ends("key") {
        return random.hex(32);
    }
    if any(&["url", "website", "link", "href", "homepage"]) {
        return format!("https://www.example.com/{}", slug(&subject.title(random)));
    }
    if any(&["slug", "permalink"]) {
        return slug(&subject.title(random));
    }
    if ends("path") || ends("file") || any(&["filename", "file_name", "storage_key"]) {
        let kind = if any(&["image", "avatar", "thumbnail", "photo", "picture"]) { "jpg" } else { "pdf" };
        return format!("{}/{}.{kind}", random.hex(8), slug(&subject.title(random)));
    }
    if any(&["mime", "content_type", "media_type"]) {
        return random.pick(&["image/jpeg", "image/png", "application/pdf", "text/plain"]).to_owned();
    }
    if any(&["user_agent", "useragent"]) {
        return internet::UserAgent().fake_with_rng(&mut random.0);
    }
    if name == "ip" || ends("ip") || has("ip_address") {
        return format!("203.0.113.{}", random.between(1, 254));
    }
    if has("country") {
        return if has("code") { pick_code(random) } else { address::CountryName().fake_with_rng(&mut random.0) };
    }
    if has("currency") {
        return random.pick(&["usd", "eur", "gbp"]).to_owned();
    }
    if ends("language") || ends("locale") || ends("lang") {
        return random.pick(&["en", "de", "fr", "es", "ja"]).to_owned();
    }
    if has("timezone") || has("time_zone") {
        return random.pick(&["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"]).to_owned();
    }
    if ends("city") || ends("town") {
        return address::CityName().fake_with_rng(&mut random.0);
    }
    if ends("state") && table.contains("address") || ends("province") || ends("region") {
        return address::StateName().fake_with_rng(&mut random.0);
    }
    if any(&["zip", "postal", "postcode"]) {
        return format!("{:05}", random.between(1_000, 99_999));
    }
    if any(&["street", "address"]) {
        let street: String = address::StreetName().fake_with_rng(&mut random.0);
        return format!("{} {street}", random.between(1, 240));
    }
    if any(&["company", "organization", "organisation", "employer", "vendor", "brand"]) {
        return company::CompanyName().fake_with_rng(&mut random.0);
    }
    if any(&["job", "position_title", "occupation", "profession"]) {
        return job::Title().fake_with_rng(&mut random.0);
    }
    if has("color") || has("colour") {
        return format!("#{}", random.hex(6));
    }
    if has("sku") || ends("code") || ends("number") || ends("reference") {
        return format!("{}-{:05}", random.hex(3).to_uppercase(), random.between(0, 99_999));
    }
    if any(&["version"]) {
        return format!("{}.{}.{}", random.between(0, 4), random.between(0, 20), random.between(0, 9));
    }
    if any(&["title", "headline", "subject", "heading", "label"]) || ends("name") || ends("topic") {
        return subject.title(random);
    }
    if any(&[
        "category", "kind", "type", "status", "tag", "group", "genre", "provider", "source", "event", "action", "model",
    ]) {
        return words_of(&["adjective"], random).to_lowercase().replace(' ', "_");
    }
    if any(&[
        "description",
        "bio",
        "body",
        "content",
        "about",
        "summary",
        "instructions",
        "details",
        "text",
        "message",
        "comment",
        "feedback",
        "notes",
    ]) {
        let count = if any(&["summary", "message", "comment"]) { 1 } else { random.between(1, 3) };
        return (0..count).map(|_| sentence(random)).collect::<Vec<_>>().join(" ");
    }
    sentence(random)
}

/// `Hello, World` → `hello-world`: letters, digits and single hyphens.
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if c != '\'' && !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// A few words that mean little and offend nobody.
pub fn sentence(random: &mut Random) -> String {
    let forms: &[&[&str]] = &[
        &["We", "verb", "adjective", "noun", "for", "adjective", "noun"],
        &["Please", "verb", "the", "adjective", "noun"],
        &["This", "is", "about", "adjective", "noun"],
        &["How", "to", "verb", "noun", "and", "verb", "noun"],
    ];
    let form = forms[random.below(forms.len())];
    capitalised(&words_of(form, random)) + "."
}

fn words_of(form: &[&str], random: &mut Random) -> String {
    let word = |word: &&str| match *word {
        "adjective" => match company::BsAdj().fake_with_rng::<String, _>(&mut random.0) {
            word if word == "sexy" => "modern".to_owned(),
            word => word,
        },
        "noun" => company::BsNoun().fake_with_rng(&mut random.0),
        "verb" => company::BsVerb().fake_with_rng(&mut random.0),
        plain => plain.to_owned(),
    };
    form.iter().map(word).collect::<Vec<String>>().join(" ")
}

/// The first letter in upper case.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Does a `name` in this table name a person?
fn of_people(table: &str) -> bool {
    let table = table.to_lowercase();
    [
        "user", "profile", "people", "person", "member", "customer", "client", "employee", "student", "teacher",
        "author", "contact", "account",
    ]
    .iter()
    .any(|word| table.contains(word))
}

/// What Stripe and others begin their ids with.
fn prefix(column: &str) -> &'static str {
    let known = [
        ("customer", "cus"),
        ("subscription", "sub"),
        ("price", "price"),
        ("product", "prod"),
        ("session", "cs"),
        ("intent", "pi"),
        ("invoice", "in"),
        ("charge", "ch"),
        ("method", "pm"),
        ("event", "evt"),
    ];
    known.iter().find(|(word, _)| column.contains(word)).map_or("id", |(_, prefix)| prefix)
}

fn pick_code(random: &mut Random) -> String {
    random.pick(&["DE", "FR", "US", "GB", "JP", "BR", "IN", "NL"]).to_owned()
}
