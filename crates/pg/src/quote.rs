/// Quotes an identifier for SQL text, always: `weird"name` becomes `"weird""name"`.
///
/// NUL cannot be part of an identifier and is dropped; PostgreSQL would end the statement there.
pub fn ident(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for c in name.chars().filter(|c| *c != '\0') {
        if c == '"' {
            quoted.push('"');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// `"schema"."name"`.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled_and_nul_dropped() {
        assert_eq!(ident("users"), "\"users\"");
        assert_eq!(ident("a\"b\0c"), "\"a\"\"bc\"");
        assert_eq!(qualified("my schema", "t"), "\"my schema\".\"t\"");
    }
}
