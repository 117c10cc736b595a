//! Exclusive XML Canonicalization 1.0 (W3C, 18 July 2002) of one element: the form in which XML is signed.

use std::collections::BTreeMap;
use std::ops::Range;

use roxmltree::Node;

/// `xml:lang` and its like are never declared.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// How an element is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    /// Keep comments (`#WithComments`).
    pub comments: bool,
    /// `InclusiveNamespaces PrefixList`: these are written where they are in scope, used or not; `#default` is the default one.
    pub prefixes: Vec<String>,
}

/// The canonical text of an element without one of its descendants (the signature in its envelope).
pub(super) fn canonical(element: Node<'_, '_>, without: Option<Node<'_, '_>>, form: &Form) -> String {
    let mut writer = Writer { form, without, declared: Vec::new(), out: String::new() };
    writer.element(element);
    writer.out
}

struct Writer<'f, 'a, 'i> {
    form: &'f Form,
    without: Option<Node<'a, 'i>>,
    /// What the elements around have declared in the output, the nearest last.
    declared: Vec<(String, String)>,
    out: String,
}

impl<'a> Writer<'_, 'a, '_> {
    fn element(&mut self, element: Node<'_, '_>) {
        if self.without.is_some_and(|left_out| left_out.id() == element.id()) {
            return;
        }
        let before = self.declared.len();
        let name = qualified_name(element);
        self.out.push('<');
        self.out.push_str(name);
        self.namespaces(element, name);
        self.attributes(element);
        self.out.push('>');
        for child in element.children() {
            if child.is_element() {
                self.element(child);
            } else if child.is_text() {
                escape_text(child.text().unwrap_or_default(), &mut self.out);
            } else if let Some(instruction) = child.pi() {
                self.out.push_str("<?");
                self.out.push_str(instruction.target);
                if let Some(value) = instruction.value {
                    self.out.push(' ');
                    self.out.push_str(value);
                }
                self.out.push_str("?>");
            } else if child.is_comment() && self.form.comments {
                self.out.push_str("<!--");
                self.out.push_str(child.text().unwrap_or_default());
                self.out.push_str("-->");
            }
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self.declared.truncate(before);
    }

    /// Declares what the element or its attributes use, and what the list of prefixes names, unless it is declared around it.
    fn namespaces(&mut self, element: Node<'_, '_>, name: &str) {
        // The empty prefix is the default namespace; sorted by prefix, it comes first.
        let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
        wanted.insert(prefix_of(name), element.tag_name().namespace().unwrap_or_default());
        for attribute in element.attributes() {
            if let Some(namespace) = attribute.namespace().filter(|namespace| *namespace != XML) {
                let name = source(element, attribute.range_qname());
                wanted.insert(prefix_of(name), namespace);
            }
        }
        for listed in &self.form.prefixes {
            let (prefix, asked) = match listed.as_str() {
                "#default" => ("", None),
                prefix => (prefix, Some(prefix)),
            };
            match element.lookup_namespace_uri(asked) {
                Some(uri) => drop(wanted.entry(prefix).or_insert(uri)),
                None if prefix.is_empty() => drop(wanted.entry(prefix).or_insert("")),
                None => {}
            }
        }
        for (prefix, uri) in wanted {
            let around = self.declared.iter().rev().find(|(known, _)| known == prefix).map(|(_, uri)| uri.as_str());
            if prefix == "xml" || around.unwrap_or_default() == uri {
                continue;
            }
            self.out.push_str(" xmlns");
            if !prefix.is_empty() {
                self.out.push(':');
                self.out.push_str(prefix);
            }
            self.out.push_str("=\"");
            escape_attribute(uri, &mut self.out);
            self.out.push('"');
            self.declared.push((prefix.to_owned(), uri.to_owned()));
        }
    }

    fn attributes(&mut self, element: Node<'_, '_>) {
        let mut all: Vec<_> = element.attributes().collect();
        all.sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
        for attribute in all {
            self.out.push(' ');
            self.out.push_str(source(element, attribute.range_qname()));
            self.out.push_str("=\"");
            escape_attribute(attribute.value(), &mut self.out);
            self.out.push('"');
        }
    }
}

/// A piece of the document as it was written: the tree keeps names without their prefixes.
fn source<'i>(node: Node<'_, 'i>, range: Range<usize>) -> &'i str {
    node.document().input_text().get(range).unwrap_or_default()
}

fn qualified_name<'i>(element: Node<'_, 'i>) -> &'i str {
    let tag = source(element, element.range()).trim_start_matches('<');
    let end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(tag.len());
    tag.get(..end).unwrap_or_default()
}

fn prefix_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

fn escape_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

fn escape_attribute(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;

    /// Canonicalises the element whose local name is `x` (or the root).
    #[track_caller]
    fn check(input: &str, form: &Form, expected: &str) {
        let document = xml::parse(input).unwrap();
        let element = document.descendants().find(|node| node.tag_name().name() == "x");
        assert_eq!(canonical(element.unwrap_or(document.root_element()), None, form), expected);
    }

    #[test]
    fn only_what_is_used_is_declared() {
        let plain = Form::default();
        check("<a:r xmlns:a='u:a' xmlns:b='u:b'><a:x/></a:r>", &plain, "<a:x xmlns:a=\"u:a\"></a:x>");
        check("<r xmlns='u:d'><x><y xmlns=''/></x></r>", &plain, "<x xmlns=\"u:d\"><y xmlns=\"\"></y></x>");
        check("<x xmlns:a='u:a' a:k='1' j='2'/>", &plain, "<x xmlns:a=\"u:a\" j=\"2\" a:k=\"1\"></x>");
        check(
            "<p:x xmlns:p='u:p'><p:y/><q xmlns:p='u:2'><p:z/></q></p:x>",
            &plain,
            "<p:x xmlns:p=\"u:p\"><p:y></p:y><q><p:z xmlns:p=\"u:2\"></p:z></q></p:x>",
        );
        check("<x xml:lang='en'/>", &plain, "<x xml:lang=\"en\"></x>");
    }

    #[test]
    fn listed_prefixes_are_declared_where_they_are_in_scope() {
        let form = Form { prefixes: vec!["b".into(), "#default".into(), "nowhere".into()], comments: false };
        check(
            "<a:r xmlns='u:d' xmlns:a='u:a' xmlns:b='u:b'><a:x><a:y/></a:x></a:r>",
            &form,
            "<a:x xmlns=\"u:d\" xmlns:a=\"u:a\" xmlns:b=\"u:b\"><a:y></a:y></a:x>",
        );
    }

    #[test]
    fn attributes_are_sorted_and_everything_is_escaped() {
        let plain = Form::default();
        check(
            "<x b='1' a='&lt;&quot;&#9;&#10;&#13;&amp;>'/>",
            &plain,
            "<x a=\"&lt;&quot;&#x9;&#xA;&#xD;&amp;>\" b=\"1\"></x>",
        );
        check("<x>a &amp; b &lt;&gt;&#13;<![CDATA[<c>]]></x>", &plain, "<x>a &amp; b &lt;&gt;&#xD;&lt;c&gt;</x>");
        check(
            "<x xmlns:b='u:1' xmlns:a='u:2' a:k='1' b:k='2'/>",
            &plain,
            "<x xmlns:a=\"u:2\" xmlns:b=\"u:1\" b:k=\"2\" a:k=\"1\"></x>",
        );
        check("<x\r\n a = '1' ><?p  q?></x >", &plain, "<x a=\"1\"><?p q?></x>");
    }

    #[test]
    fn comments_go_or_stay() {
        check("<x>a<!-- c -->b</x>", &Form::default(), "<x>ab</x>");
        check("<x>a<!-- c -->b</x>", &Form { comments: true, ..Form::default() }, "<x>a<!-- c -->b</x>");
    }
}
