//! XML from outside, read within bounds: no DTD, no entity of its own, no endless tree.

use roxmltree::{Document, Node, ParsingOptions};

/// Names of the assertion schema.
pub(super) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// Names of the protocol schema.
pub(super) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// Names of the metadata schema.
pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// Names of XML Signature.
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Elements, texts and attributes of a document at most.
const NODES: u32 = 50_000;
/// Elements inside each other at most: canonicalisation descends by recursion.
const DEPTH: usize = 100;

/// Parses a document.
///
/// # Errors
/// A sentence: not well-formed, a DTD (and with it every entity of the document's own), too large, too deep.
pub(super) fn parse(text: &str) -> Result<Document<'_>, String> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
    let mut depths = vec![0_usize; document.descendants().count()];
    for node in document.descendants() {
        let Some(parent) = node.parent() else { continue };
        let depth = depths.get(parent.id().get_usize()).copied().unwrap_or_default() + 1;
        if depth > DEPTH {
            return Err("elements are nested too deeply".to_owned());
        }
        if let Some(slot) = depths.get_mut(node.id().get_usize()) {
            *slot = depth;
        }
    }
    Ok(document)
}

/// The children of this name.
pub(super) fn children<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(move |child| child.has_tag_name((namespace, name)))
}

/// The child of this name, which must be alone.
///
/// # Errors
/// A sentence where there are several.
pub(super) fn child<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, String> {
    let mut all = children(parent, namespace, name);
    match (all.next(), all.next()) {
        (_, Some(_)) => Err(format!("more than one {name} in {}", parent.tag_name().name())),
        (found, None) => Ok(found),
    }
}

/// The child of this name, which must be there.
///
/// # Errors
/// A sentence where there is none, or several.
pub(super) fn need<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Node<'a, 'i>, String> {
    child(parent, namespace, name)?.ok_or_else(|| format!("no {name} in {}", parent.tag_name().name()))
}

/// All text of an element, trimmed. A comment does not end it: `ada@x.test<!---->.evil.test` is one address, as it was signed.
pub(super) fn text(element: Node<'_, '_>) -> String {
    let whole: String = element.children().filter(Node::is_text).filter_map(|part| part.text()).collect();
    whole.trim().to_owned()
}

/// Escapes a value for an attribute or a text that we write.
pub(super) fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dtd_and_no_bottomless_tree() {
        let entity = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>";
        assert!(parse(entity).is_err());
        let laughs = "<!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>";
        assert!(parse(laughs).is_err());
        let deep = format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000));
        assert!(parse(&deep).is_err());
        let wide = format!("<a>{}</a>", "<b/>".repeat(60_000));
        assert!(parse(&wide).is_err());
        assert!(parse("<a><b/></a>").is_ok());
    }

    #[test]
    fn a_comment_does_not_cut_a_text() {
        let document = parse("<n> ada@x.test<!-- -->.evil.test<![CDATA[!]]></n>").unwrap();
        assert_eq!(text(document.root_element()), "ada@x.test.evil.test!");
    }
}
