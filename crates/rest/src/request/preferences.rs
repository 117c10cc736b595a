//! The `Prefer` header (RFC 7240). The first of a repeated preference counts.

use http::HeaderMap;

/// What the client prefers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Preferences {
    pub(crate) resolution: Option<Resolution>,
    pub(crate) representation: Option<Representation>,
    pub(crate) count: Option<Count>,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) missing: Option<Missing>,
    pub(crate) handling: Option<Handling>,
    pub(crate) timezone: Option<String>,
    pub(crate) max_affected: Option<i64>,
    /// Those that nobody knows.
    pub(crate) invalid: Vec<String>,
}

macro_rules! preference {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($variant),+ }

        impl $name {
            /// As it stands in the header.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            fn read(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

preference! {
    /// What to do with rows that exist.
    Resolution { Merge = "resolution=merge-duplicates", Ignore = "resolution=ignore-duplicates" }
}
preference! {
    /// What to return of a write.
    Representation { Full = "return=representation", None = "return=minimal", HeadersOnly = "return=headers-only" }
}
preference! {
    /// How to count.
    Count { Exact = "count=exact", Planned = "count=planned", Estimated = "count=estimated" }
}
preference! {
    /// How to end the transaction, where the server allows a choice.
    Transaction { Commit = "tx=commit", Rollback = "tx=rollback" }
}
preference! {
    /// What to write for keys that the payload lacks.
    Missing { Defaults = "missing=default", Nulls = "missing=null" }
}
preference! {
    /// What to do with preferences that nobody knows.
    Handling { Strict = "handling=strict", Lenient = "handling=lenient" }
}

impl Preferences {
    /// Reads all `Prefer` headers. `tx=` is only heard where the server allows it.
    pub(crate) fn read(headers: &HeaderMap, may_choose_transaction: bool) -> Self {
        let mut found = Self::default();
        let mut most = None;
        for value in headers.get_all("prefer").iter().filter(|value| !value.is_empty()) {
            let text = String::from_utf8_lossy(value.as_bytes());
            for word in text.split(',').map(str::trim) {
                match word.strip_prefix("max-affected=") {
                    // The first counts, even if it is no number.
                    Some(number) => most = most.or_else(|| Some(number.trim().parse().ok())),
                    None => found.take(word, may_choose_transaction),
                }
            }
        }
        found.max_affected = most.flatten();
        found
    }

    fn take(&mut self, word: &str, may_choose_transaction: bool) {
        if let Some(value) = Resolution::read(word) {
            self.resolution.get_or_insert(value);
        } else if let Some(value) = Representation::read(word) {
            self.representation.get_or_insert(value);
        } else if let Some(value) = Count::read(word) {
            self.count.get_or_insert(value);
        } else if let Some(value) = Transaction::read(word) {
            if may_choose_transaction {
                self.transaction.get_or_insert(value);
            }
        } else if let Some(value) = Missing::read(word) {
            self.missing.get_or_insert(value);
        } else if let Some(value) = Handling::read(word) {
            self.handling.get_or_insert(value);
        } else if let Some(name) = word.strip_prefix("timezone=") {
            self.timezone.get_or_insert_with(|| name.to_owned());
        } else {
            self.invalid.push(word.to_owned());
        }
    }

    /// Must unknown preferences be refused?
    pub(crate) fn is_strict(&self) -> bool {
        self.handling == Some(Handling::Strict)
    }

    /// The exact total is asked for, at least up to a limit.
    pub(crate) fn counts_rows(&self) -> bool {
        matches!(self.count, Some(Count::Exact | Count::Estimated))
    }

    /// The planner's guess is asked for.
    pub(crate) fn asks_planner(&self) -> bool {
        matches!(self.count, Some(Count::Planned | Count::Estimated))
    }

    /// `Preference-Applied`, in upstream's order.
    pub(crate) fn applied(&self) -> Option<String> {
        let max_affected = self.max_affected.filter(|_| self.is_strict()).map(|n| format!("max-affected={n}"));
        let words: Vec<String> = [
            self.resolution.map(|p| p.text().to_owned()),
            self.missing.map(|p| p.text().to_owned()),
            self.representation.map(|p| p.text().to_owned()),
            self.count.map(|p| p.text().to_owned()),
            self.transaction.map(|p| p.text().to_owned()),
            self.handling.map(|p| p.text().to_owned()),
            self.timezone.as_ref().map(|name| format!("timezone={name}")),
            max_affected,
        ]
        .into_iter()
        .flatten()
        .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&'static str]) -> Preferences {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", HeaderValue::from_static(value));
        }
        Preferences::read(&headers, true)
    }

    #[test]
    fn the_first_counts_over_all_headers_and_the_unknown_is_kept() {
        let found = read(&["tx=commit , count=exact,odd", "tx=rollback,max-affected=5, handling=strict"]);
        assert_eq!(found.transaction, Some(Transaction::Commit));
        assert_eq!(found.invalid, ["odd"]);
        assert_eq!(found.applied().as_deref(), Some("count=exact, tx=commit, handling=strict, max-affected=5"));
    }

    #[test]
    fn max_affected_is_only_applied_when_strict() {
        assert_eq!(read(&["max-affected=5"]).applied(), None);
        assert_eq!(read(&["handling=strict, max-affected= 5"]).max_affected, Some(5));
        assert_eq!(read(&["max-affected=x, max-affected=5"]).max_affected, None);
    }

    #[test]
    fn an_empty_header_says_nothing_and_an_empty_word_is_unknown() {
        assert_eq!(read(&["", "handling=strict"]).invalid, Vec::<String>::new());
        assert_eq!(read(&["handling=strict,"]).invalid, [""]);
    }
}
