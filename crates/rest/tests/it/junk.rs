//! Requests that nobody would write, and many that somebody nearly would: made of the language's own words, then bent.

/// A stream of requests that depends on its seed alone.
pub struct Junk(u64);

/// A request before it is sent.
pub struct Odd {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

const COLUMNS: [&str; 16] = [
    "id",
    "title",
    "author_id",
    "pages",
    "price",
    "in_print",
    "added_at",
    "data",
    "name",
    "born",
    "tags",
    "owner",
    "body",
    "nope",
    "*",
    "title_length",
];
const RELATIONS: [&str; 8] = ["books", "authors", "genres", "book_genres", "notes", "long_books", "author_id", "nope"];
const VALUES: [&str; 26] = [
    "1",
    "-1",
    "0",
    "99999999999999999999",
    "1.5e308",
    "NaN",
    "true",
    "null",
    "",
    "a b",
    "*x*",
    "%",
    "\\",
    "\"",
    "'; --",
    "{1,2}",
    "{",
    "(1,2)",
    "(",
    "[1,2)",
    "2024-02-30",
    "{\"a\":1}",
    "ü\u{1F600}",
    "\u{0}",
    "\u{7f}",
    "x\ny",
];
const OPERATORS: [&str; 28] = [
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "like",
    "ilike",
    "match",
    "imatch",
    "in",
    "is",
    "isdistinct",
    "fts",
    "plfts",
    "phfts",
    "wfts",
    "cs",
    "cd",
    "ov",
    "sl",
    "sr",
    "nxr",
    "nxl",
    "adj",
    "not",
    "eq(any)",
    "like(all)",
];
const CASTS: [&str; 8] = ["text", "int", "json", "nope", "int[]", "date", "\"x\"", "numeric"];

impl Junk {
    /// A stream.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next request.
    pub fn request(&mut self) -> Odd {
        let method =
            self.pick(&["GET", "GET", "GET", "POST", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"]);
        let path = self.pick(&[
            "/books",
            "/books",
            "/authors",
            "/genres",
            "/book_genres",
            "/notes",
            "/long_books",
            "/rpc/books_of",
            "/rpc/add",
            "/rpc/greet",
            "/rpc/with_header",
            "/",
            "/rpc/",
            "/nope",
            "/books/1",
            "/%22",
            "/b%6foks",
            "/rpc/teapot",
        ]);
        let parameters: Vec<String> = (0..self.below(5)).map(|_| self.parameter()).collect();
        let query = parameters.join(self.pick(&["&", "&", "&", ";"]));
        let headers = self.headers();
        Odd { method, url: format!("{path}?{query}"), headers, body: self.body() }
    }

    fn next(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea and Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn parameter(&mut self) -> String {
        let (key, value) = match self.below(12) {
            0 | 1 => ("select".to_owned(), self.select(0)),
            2 => (self.at_embed("order"), self.order()),
            3 => (self.at_embed("limit"), self.number()),
            4 => (self.at_embed("offset"), self.number()),
            5 => (self.at_embed("or"), self.group(0)),
            6 => (self.at_embed("not.and"), self.group(0)),
            7 => ("columns".to_owned(), self.names()),
            8 => ("on_conflict".to_owned(), self.names()),
            9 => (self.pick(&["a", "b", "name", "author"]).to_owned(), self.pick(&VALUES).to_owned()),
            _ => (self.field(), self.filter()),
        };
        let (key, value) = (self.bent(key), self.bent(value));
        let mut text = encoded(&key);
        if !self.chance(3) {
            text.push('=');
            text.push_str(&encoded(&value));
        }
        if self.chance(2) {
            text.push_str(self.pick(&["%", "%f", "%ff", "%00", "+", "%2"]));
        }
        text
    }

    fn at_embed(&mut self, word: &str) -> String {
        if self.chance(40) { format!("{}.{word}", self.pick(&RELATIONS)) } else { word.to_owned() }
    }

    fn field(&mut self) -> String {
        let column = self.pick(&COLUMNS);
        match self.below(8) {
            0 => format!("{column}->{}", self.pick(&["isbn", "0", "-1", "shelf->>row", "\"x\"", ""])),
            1 => format!("{}.{column}", self.pick(&RELATIONS)),
            2 => format!("\"{column}\""),
            3 => self.pick(&RELATIONS).to_owned(),
            _ => column.to_owned(),
        }
    }

    fn filter(&mut self) -> String {
        let value = self.pick(&VALUES);
        let operator = self.pick(&OPERATORS);
        let not = if self.chance(15) { "not." } else { "" };
        match operator {
            "in" => format!("{not}in.({value},\"{}\")", self.pick(&VALUES).replace('"', "\\\"")),
            "is" => format!("{not}is.{}", self.pick(&["null", "true", "unknown", "not_null", "nil"])),
            "fts" if self.chance(50) => format!("{not}fts({}).{value}", self.pick(&["english", "klingon", ""])),
            _ => format!("{not}{operator}.{value}"),
        }
    }

    fn group(&mut self, depth: usize) -> String {
        let members: Vec<String> = (0..1 + self.below(3))
            .map(|_| {
                if depth < 4 && self.chance(25) {
                    format!("{}{}", self.pick(&["and", "or", "not.and"]), self.group(depth + 1))
                } else {
                    format!("{}.{}", self.field(), self.filter())
                }
            })
            .collect();
        format!("({})", members.join(","))
    }

    fn select(&mut self, depth: usize) -> String {
        let items: Vec<String> = (0..self.below(4))
            .map(|_| {
                if depth < 5 && self.chance(35) {
                    let spread = self.pick(&["", "", "x:", "..."]);
                    let hint = self.pick(&["", "", "!inner", "!left", "!author_id", "!nope"]);
                    format!("{spread}{}{hint}({})", self.pick(&RELATIONS), self.select(depth + 1))
                } else {
                    self.item()
                }
            })
            .collect();
        items.join(",")
    }

    fn item(&mut self) -> String {
        let field = self.field();
        match self.below(6) {
            0 => format!("x:{field}"),
            1 => format!("{field}::{}", self.pick(&CASTS)),
            2 => format!("{field}.{}()", self.pick(&["sum", "avg", "count", "max", "min", "median"])),
            3 => "count()".to_owned(),
            _ => field,
        }
    }

    fn order(&mut self) -> String {
        let field = self.field();
        let field = if self.chance(20) { format!("{}({field})", self.pick(&RELATIONS)) } else { field };
        format!("{field}{}", self.pick(&["", ".desc", ".asc.nullsfirst", ".nullslast", ".up"]))
    }

    fn number(&mut self) -> String {
        self.pick(&["0", "1", "2", "-1", "x", "", "99999999999999999999999999", "9223372036854775807", "1.5"])
            .to_owned()
    }

    fn names(&mut self) -> String {
        let names: Vec<&str> = (0..self.below(4)).map(|_| self.pick(&COLUMNS)).collect();
        names.join(",")
    }

    fn headers(&mut self) -> Vec<String> {
        let mut headers = Vec::new();
        for (name, values) in HEADERS {
            if self.chance(18) {
                let value = self.pick(values).to_owned();
                headers.push(format!("{name}: {}", self.bent_header(value)));
            }
        }
        headers
    }

    fn bent_header(&mut self, value: String) -> String {
        let bent = self.bent(value);
        bent.chars().filter(|c| matches!(c, ' '..='~')).collect::<String>().trim().to_owned()
    }

    fn body(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => Vec::new(),
            1 => (0..self.below(60)).map(|_| self.next() as u8).collect(),
            2 => "[".repeat(self.below(3000)).into_bytes(),
            3 => format!("{}\n{}\n{}", self.names(), self.pick(&VALUES), self.pick(&VALUES)).into_bytes(),
            4 => format!("name={}&a={}", encoded(self.pick(&VALUES)), self.number()).into_bytes(),
            5 => {
                let rows: Vec<String> = (0..self.below(4)).map(|_| self.object()).collect();
                format!("[{}]", rows.join(",")).into_bytes()
            }
            _ => {
                let text = self.object();
                self.bent(text).into_bytes()
            }
        }
    }

    fn object(&mut self) -> String {
        const JSON: [&str; 16] = [
            "1",
            "-1",
            "1e400",
            "99999999999999999999",
            "true",
            "null",
            "\"x\"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"2024-01-01\"",
            "[]",
            "[1,\"a\"]",
            "{}",
            "{\"a\":{\"b\":[1]}}",
            "\"NULL\"",
            "\"\"",
        ];
        let fields: Vec<String> =
            (0..self.below(5)).map(|_| format!("\"{}\":{}", self.pick(&COLUMNS), self.pick(&JSON))).collect();
        format!("{{{}}}", fields.join(","))
    }

    /// Sometimes with a character more, less, or changed.
    fn bent(&mut self, text: String) -> String {
        if !self.chance(25) {
            return text;
        }
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(2) {
            let at = self.below(chars.len() + 1);
            let odd = self.pick(&[
                '(', ')', ',', '.', ':', '"', '\\', '-', '>', '!', '*', '{', '}', ' ', 'é', '\u{0}', '&', '=', '$',
            ]);
            match self.below(3) {
                0 => chars.insert(at, odd),
                1 if at < chars.len() => chars[at] = odd,
                _ if at < chars.len() => drop(chars.remove(at)),
                _ => chars.push(odd),
            }
        }
        chars.into_iter().collect()
    }
}

const HEADERS: [(&str, &[&str]); 9] = [
    (
        "accept",
        &[
            "application/json",
            "text/csv",
            "*/*",
            "application/vnd.pgrst.object+json",
            "application/geo+json",
            "application/vnd.pgrst.array+json;nulls=stripped",
            "application/openapi+json",
            "image/png",
            "text/html;q=0.1,*/*;q=0",
            "application/vnd.pgrst.plan+json; for=\"text/csv\"; options=analyze|wal",
            ";;q=x,,",
        ],
    ),
    (
        "prefer",
        &[
            "return=representation",
            "return=headers-only, count=exact",
            "count=planned",
            "count=estimated",
            "resolution=merge-duplicates, return=representation",
            "resolution=ignore-duplicates",
            "missing=default",
            "handling=strict, max-affected=1",
            "timezone=Europe/Berlin",
            "timezone=Nowhere",
            "max-affected=99999999999999999999",
            ",,=,",
        ],
    ),
    ("prefer", &["tx=rollback"]),
    ("range", &["0-0", "1-", "5-2", "0-99999999999999999999", "items=0-1", "-"]),
    (
        "content-type",
        &[
            "application/json",
            "text/csv",
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/octet-stream",
            "text/xml",
            "application/json; charset=utf-16",
            "",
            "image/png",
        ],
    ),
    ("accept-profile", &["public", "private", "", "pg_catalog"]),
    ("content-profile", &["public", "nope"]),
    ("authorization", &["Bearer a.b.c", "Bearer", "Basic eDp5", "Bearer eyJhbGciOiJub25lIn0.e30.", "bearer  x"]),
    ("cookie", &["a=1; b=\"2\"", ";;", "=", "a"]),
];

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'('
            | b')'
            | b','
            | b':'
            | b'*'
            | b'!'
            | b'$' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
