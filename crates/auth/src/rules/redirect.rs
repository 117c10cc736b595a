//! Where a browser may be sent: the allow-list. A target that is not allowed is replaced by the site's own page, silently.

use std::net::IpAddr;

use regex::Regex;

/// The allow-list, compiled once.
#[derive(Debug, Clone)]
pub(crate) struct AllowList {
    site: Option<Target>,
    globs: Vec<Regex>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl AllowList {
    /// # Errors
    /// The glob that cannot be read.
    pub fn new(site_url: &str, globs: &[String]) -> Result<Self, String> {
        let compile =
            |glob: &String| glob_to_regex(glob).ok_or_else(|| format!("the redirect pattern {glob:?} cannot be read"));
        let globs = globs.iter().filter(|glob| !glob.is_empty()).map(compile).collect::<Result<_, _>>()?;
        Ok(Self { site: parse(site_url), globs })
    }

    /// May a browser be sent there?
    pub fn allows(&self, url: &str) -> bool {
        let without_fragment = url.split('#').next().unwrap_or_default();
        let Some(target) = parse(url) else {
            // Applications on phones have schemes of their own (`com.example.app://callback`, `exp://…`): only the list allows them.
            return is_app_link(url) && self.matches(without_fragment);
        };
        if let Some(site) = &self.site
            && site.scheme == target.scheme
            && site.host == target.host
            && (site.port == target.port || is_loopback(&target.host))
        {
            return true;
        }
        if is_decimal_ip(&target.host) {
            return false;
        }
        if is_ip(&target.host) {
            return is_loopback_ip(&target.host);
        }
        self.matches(without_fragment)
    }

    fn matches(&self, url: &str) -> bool {
        self.globs.iter().any(|glob| glob.is_match(url))
    }
}

fn is_ip(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

fn is_loopback_ip(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || is_loopback_ip(host)
}

/// `2130706433` and `0x7f.1` are addresses to some browsers.
fn is_decimal_ip(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    (number || last.starts_with("0x")) && host.parse::<IpAddr>().is_err()
}

fn is_app_link(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else { return false };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && !["http", "https", "javascript", "data", "vbscript", "file", "blob"]
            .contains(&scheme.to_ascii_lowercase().as_str());
    scheme_ok && !rest.bytes().any(|b| b <= b' ' || b == b'\\' || b == b'"' || b == b'<' || b == b'>' || b == 0x7f)
}

/// Scheme, host and port of an http(s) URL; strict where browsers are lenient, since both must read the same host.
fn parse(url: &str) -> Option<Target> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return None;
    }
    if url.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Nobody needs a user name in a redirect, and it hides the host from a reader.
    if authority.contains('@') {
        return None;
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (inside, after) = v6.split_once(']')?;
            let port = match after {
                "" => None,
                // What stands behind the bracket is a port or nothing: no reader may take it for the host.
                after => Some(after.strip_prefix(':')?),
            };
            (format!("[{inside}]"), port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
            None => (authority.to_ascii_lowercase(), None),
        },
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b) || b >= 0x80;
    if host.is_empty() || !host.bytes().all(allowed) {
        return None;
    }
    let port = match port {
        None | Some("") => None,
        Some(digits) => Some(digits.parse().ok()?),
    };
    let standard = if scheme == "http" { 80 } else { 443 };
    Some(Target { scheme, host, port: port.filter(|port| *port != standard) })
}

/// gobwas/glob with the separators `.` and `/`: `*` stays between them, `**` does not, `?`, `[a-z]`, `[!a]`, `{a,b}`.
fn glob_to_regex(glob: &str) -> Option<Regex> {
    let mut out = String::from("^(?s:");
    let mut chars = glob.chars().peekable();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                while chars.peek() == Some(&'*') {
                    chars.next();
                }
                out.push_str(".*");
            }
            '*' => out.push_str("[^./]*"),
            '?' => out.push_str("[^./]"),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '[' => {
                let set: String = chars.by_ref().take_while(|c| *c != ']').collect();
                let (negated, set) = match set.strip_prefix('!') {
                    Some(rest) => ("^", rest),
                    None => ("", set.as_str()),
                };
                let escaped: String = set
                    .chars()
                    .map(|c| if c == '-' { "-".to_owned() } else { regex::escape(&c.to_string()) })
                    .collect();
                out.push_str(&format!("[{negated}{escaped}]"));
            }
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    if depth > 0 {
        return None;
    }
    out.push_str(")$");
    Regex::new(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str) -> bool {
        let globs = [
            "https://*.example.com/",
            "https://app.example.org/**",
            "com.example.app://*",
            "https://shop.{io,dev}/cb?next=*",
        ];
        AllowList::new("https://site.test/home", &globs.map(str::to_owned)).unwrap().allows(url)
    }

    #[test]
    fn allowed() {
        for url in [
            "https://site.test",
            "https://site.test/anything?x=1#y",
            "https://SITE.test:443/",
            "https://a.example.com/",
            "https://app.example.org/deep/er?x=1",
            "com.example.app://callback",
            "https://shop.io/cb?next=here",
            "http://127.0.0.1:3000/cb",
            "http://[::1]:8080/",
        ] {
            assert!(check(url), "{url}");
        }
    }

    #[test]
    fn refused() {
        for url in [
            "",
            "/relative",
            "//evil.test",
            "http://site.test",
            "https://site.test:8443/",
            "https://site.test.evil.test/",
            "https://site.test@evil.test/",
            "https://evil.test\\@site.test/",
            "https://evil.test/\\site.test",
            "https://site%2etest/",
            "https://evil.test/#https://site.test",
            "https://a.b.example.com/",
            "https://a.example.com/deeper",
            "https://10.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "http://[::1].evil.test/",
            "http://[::1]evil.test/",
            "http://[::1]:80:evil.test/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://shop.io/cb?next=here.too",
            "com.example.app://a/b",
        ] {
            assert!(!check(url), "{url}");
        }
    }

    #[test]
    fn a_loopback_site_may_change_its_port() {
        let list = AllowList::new("http://localhost:3000", &[]).unwrap();
        assert!(list.allows("http://localhost:5173/x"));
        assert!(!list.allows("https://localhost:3000/x"));
        assert!(AllowList::new("http://x", &["{a".to_owned()]).is_err());
    }
}
