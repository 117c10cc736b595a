//! Answers that must not be believed.

use time::macros::datetime;

use super::super::metadata::IdentityProvider;
use super::super::response::{self, Expected};
use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn us() -> ServiceProvider {
    ServiceProvider::at("https://api.test/auth/v1")
}

/// Who the answer says that it is, or why it is refused.
fn read(idp: &Idp, text: &str, request_id: Option<&str>) -> Result<String, String> {
    let from = IdentityProvider::parse(&idp.metadata()).unwrap();
    let expected = Expected { from: &from, us: &us(), request_id, now: NOW };
    response::check(text, &expected).map(|assertion| assertion.user_id().unwrap_or_default())
}

#[track_caller]
fn refused(idp: &Idp, text: &str, says: &str) {
    let why = read(idp, text, None).expect_err(&format!("must be refused: {says}"));
    assert!(why.contains(says), "{why:?} instead of {says:?}");
}

fn said() -> Said {
    Said::at(&us(), NOW)
}

#[test]
fn a_good_answer_is_believed_however_it_is_signed() {
    for idp in [Idp::rsa(), Idp::ec()] {
        let said = said();
        assert_eq!(read(&idp, &said.signed(&idp), None).unwrap(), "ada@x.test", "the assertion is signed");
        let whole = idp.sign(&said.response(&said.assertion()), "_response");
        assert_eq!(read(&idp, &whole, None).unwrap(), "ada@x.test", "the response is signed");
        let both = idp.sign(&said.signed(&idp), "_response");
        assert_eq!(read(&idp, &both, None).unwrap(), "ada@x.test", "both are signed");
        let answer = Said { in_response_to: Some("id-1".into()), ..said };
        assert_eq!(read(&idp, &answer.signed(&idp), Some("id-1")).unwrap(), "ada@x.test", "it answers a request");
    }
}

#[test]
fn a_changed_or_unsigned_answer_is_refused() {
    let (idp, said) = (Idp::rsa(), said());
    refused(&idp, &said.response(&said.assertion()), "no Signature");
    refused(&idp, &said.signed(&idp).replace("ada@x.test", "eve@x.test"), "digest");
    refused(&idp, &said.signed(&Idp::rsa()), "not by a key of this identity provider");
    refused(&idp, &said.signed(&Idp::ec()), "not by a key of this identity provider");
    // A certificate in the message is not one that we know.
    let eve = Idp::rsa();
    let with_key = said.signed(&eve).replace(
        "</ds:SignatureValue>",
        &format!("</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>", eve.certificate),
    );
    refused(&idp, &with_key, "not by a key of this identity provider");
}

/// The eight ways of wrapping (Somorovsky et al., "On Breaking SAML", 2012), with the forged assertion wherever it can stand.
#[test]
fn a_signature_cannot_be_moved_to_cover_another_assertion() {
    let (idp, said) = (Idp::rsa(), said());
    let good = idp.sign(&said.assertion(), "_assertion");
    let evil = Said { name_id: "eve@x.test".into(), id: "_evil".into(), ..said.clone() }.assertion();
    let signature = {
        let (from, to) =
            (good.find("<ds:Signature").unwrap(), good.find("</ds:Signature>").unwrap() + "</ds:Signature>".len());
        good[from..to].to_owned()
    };
    let unsigned = said.assertion();
    let into_signature =
        |inside: &str| signature.replace("</ds:Signature>", &format!("<ds:Object>{inside}</ds:Object></ds:Signature>"));
    let into = |outer: &str, inner: &str| outer.replace("</saml:Issuer>", &format!("</saml:Issuer>{inner}"));
    let whole = idp.sign(&said.response(&said.assertion()), "_response");
    let evil_response = said.response(&evil).replace("_response", "_evil_response");
    let response_signature = {
        let (from, to) =
            (whole.find("<ds:Signature").unwrap(), whole.find("</ds:Signature>").unwrap() + "</ds:Signature>".len());
        whole[from..to].to_owned()
    };
    let unsigned_response = said.response(&said.assertion());
    let in_object = |inside: &str| {
        response_signature.replace("</ds:Signature>", &format!("<ds:Object>{inside}</ds:Object></ds:Signature>"))
    };
    let at_response =
        |signature: &str| evil_response.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1);
    let attacks = [
        ("1: signed response inside the signature of a forged one", at_response(&in_object(&unsigned_response))),
        (
            "2: signed response beside the signature of a forged one",
            at_response(&format!("{unsigned_response}{response_signature}")),
        ),
        ("3: forged assertion before the signed one", said.response(&format!("{evil}{good}"))),
        ("3: forged assertion after the signed one", said.response(&format!("{good}{evil}"))),
        ("4: signed assertion inside a forged one", said.response(&into(&evil, &good))),
        (
            "5: signature moved into a forged one, the signed one beside",
            said.response(&format!("{}{unsigned}", into(&evil, &signature))),
        ),
        (
            "6: signed one inside the signature inside the forged one",
            said.response(&into(&evil, &into_signature(&unsigned))),
        ),
        ("7: forged one in an extension", said.response(&format!("<samlp:Extensions>{evil}</samlp:Extensions>{good}"))),
        ("8: signed one in an object of the signature", said.response(&into(&evil, &into_signature(&good)))),
        ("the same ID twice", said.response(&format!("{}{good}", evil.replace("_evil", "_assertion")))),
        ("the signature alone, about nothing here", said.response(&into(&evil, &signature))),
        ("forged by the ID of the signed one", said.response(&into(&evil.replace("_evil", "_assertion"), &signature))),
    ];
    for (name, text) in attacks {
        let answer = read(&idp, &text, None);
        assert!(answer.is_err(), "{name}: {answer:?}");
    }
}

#[test]
fn a_forged_assertion_hidden_in_a_comment_or_elsewhere_is_not_read() {
    let (idp, said) = (Idp::rsa(), said());
    // The signed address is whole; a reader that stops at the comment would take another.
    let tricky = Said { name_id: "ada@x.test<!-- -->.evil.test".into(), ..said.clone() };
    assert_eq!(read(&idp, &tricky.signed(&idp), None).unwrap(), "ada@x.test.evil.test");
    // Comments are not signed: whoever adds one changes nothing.
    let plain = Said { name_id: "ada@x.test.evil.test".into(), ..said.clone() };
    let added = plain.signed(&idp).replace("ada@x.test.evil", "ada@x.test<!-- -->.evil");
    assert_eq!(read(&idp, &added, None).unwrap(), "ada@x.test.evil.test");
    let processing = plain.signed(&idp).replace("ada@x.test.evil", "ada@x.test<?x?>.evil");
    refused(&idp, &processing, "digest");
    let dtd = format!("<!DOCTYPE r [<!ENTITY e \"eve@x.test\">]>{}", said.signed(&idp));
    assert!(read(&idp, &dtd, None).is_err());
}

#[test]
fn an_answer_for_others_or_from_others_is_refused() {
    let (idp, said) = (Idp::rsa(), said());
    let signed = |change: &dyn Fn(&mut Said)| {
        let mut changed = said.clone();
        change(&mut changed);
        changed.signed(&idp)
    };
    refused(&idp, &signed(&|s| s.audience = "https://other.test".into()), "another Audience");
    refused(&idp, &signed(&|s| s.issuer = "https://other.test".into()), "another issuer");
    refused(&idp, &signed(&|s| s.acs = "https://other.test/acs".into()), "another Destination");
    // The envelope can be rewritten by anybody: what counts is inside the signature.
    let elsewhere = Said { acs: "https://other.test/acs".into(), ..said.clone() };
    let rewritten = said.response(&idp.sign(&elsewhere.assertion(), "_assertion"));
    refused(&idp, &rewritten, "another Recipient");
    let restriction = "<saml:AudienceRestriction><saml:Audience>https://other.test</saml:Audience></saml:AudienceRestriction></saml:Conditions>";
    let two = said.response(&idp.sign(&said.assertion().replace("</saml:Conditions>", restriction), "_assertion"));
    refused(&idp, &two, "another Audience");
    let no_audience = said.assertion().replace("saml:AudienceRestriction", "saml:OneTimeUse");
    refused(&idp, &said.response(&idp.sign(&no_audience, "_assertion")), "no Audience");
    let holder = said.assertion().replace("cm:bearer", "cm:holder-of-key");
    refused(&idp, &said.response(&idp.sign(&holder, "_assertion")), "bearer");
}

#[test]
fn an_answer_out_of_its_time_is_refused() {
    let (idp, said) = (Idp::rsa(), said());
    let late = Said { until: NOW - Duration::minutes(2), not_before: NOW - Duration::hours(1), ..said.clone() };
    refused(&idp, &late.signed(&idp), "expired");
    let early = Said { not_before: NOW + Duration::minutes(2), ..said.clone() };
    refused(&idp, &early.signed(&idp), "not valid yet");
    let over = Said { session_until: Some(NOW - Duration::hours(1)), ..said.clone() };
    refused(&idp, &over.signed(&idp), "session at the identity provider is over");
    let endless = said.assertion().replacen(" NotOnOrAfter=", " x=", 1);
    refused(&idp, &said.response(&idp.sign(&endless, "_assertion")), "no end");
    let nonsense = said.assertion().replace("2026-03-01T12:05:00Z", "soon");
    refused(&idp, &said.response(&idp.sign(&nonsense, "_assertion")), "is not a time");
    // Clocks may differ by a minute.
    let close = Said { until: NOW - Duration::seconds(30), ..said };
    assert!(read(&idp, &close.signed(&idp), None).is_ok());
}

#[test]
fn an_answer_to_another_request_is_refused() {
    let (idp, said) = (Idp::rsa(), said());
    let answer = Said { in_response_to: Some("id-1".into()), ..said.clone() }.signed(&idp);
    assert!(read(&idp, &answer, Some("id-2")).unwrap_err().contains("another request"));
    assert!(read(&idp, &answer, None).unwrap_err().contains("without its RelayState"));
    assert!(read(&idp, &said.signed(&idp), Some("id-1")).unwrap_err().contains("does not name the request"));
}

#[test]
fn weak_and_strange_signatures_are_refused() {
    let (idp, said) = (Idp::rsa(), said());
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    for (from, to, says) in [
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            "not accepted",
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
            "not accepted",
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
            "not accepted",
        ),
        ("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1", "not accepted"),
        (
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            "http://www.w3.org/TR/1999/REC-xslt-19991116",
            "transform",
        ),
        (
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            "http://www.w3.org/TR/1999/REC-xpath-19991116",
            "transform",
        ),
        ("#_assertion", "", "not about the element"),
        ("#_assertion", "#_response", "not about the element"),
        ("#_assertion", "#xpointer(id('_assertion'))", "not about the element"),
        (exclusive, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "not accepted"),
    ] {
        let text = said.response(&idp.sign_as(&said.assertion(), "_assertion", |info| info.replace(from, to)));
        refused(&idp, &text, says);
    }
    let two = |info: String| {
        let (from, to) = (info.find("<ds:Reference").unwrap(), info.find("</ds:SignedInfo>").unwrap());
        info.replace("</ds:SignedInfo>", &format!("{}</ds:SignedInfo>", &info[from..to]))
    };
    refused(&idp, &said.response(&idp.sign_as(&said.assertion(), "_assertion", two)), "more than one Reference");
}

#[test]
fn a_refusal_of_the_provider_is_told() {
    let (idp, said) = (Idp::rsa(), said());
    let text = said.signed(&idp).replace("status:Success", "status:Requester");
    refused(&idp, &text, "the identity provider refused");
    for (text, says) in [("", "root"), ("<a/>", "not a Response"), ("\u{0}", ""), ("<samlp:Response/>", "")] {
        refused(&idp, text, says);
    }
    let encrypted = said.response("<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>");
    refused(&idp, &encrypted, "encrypted");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    /// Whatever is cut, doubled or changed in a good answer: it is refused, or says the same.
    #[test]
    fn no_mutation_changes_what_is_believed(at in 0_usize..5_000, len in 0_usize..200, to in 0_usize..5_000, byte in proptest::char::range(' ', '~')) {
        use std::sync::LazyLock;
        static GOOD: LazyLock<(Idp, String)> = LazyLock::new(|| {
            let idp = Idp::rsa();
            let text = said().signed(&idp);
            (idp, text)
        });
        let (idp, good) = &*GOOD;
        let from = at % good.len();
        let piece = &good[from..(from + len).min(good.len())];
        let mut copied = good.clone();
        copied.insert_str(to % good.len(), piece);
        let cut = good.replacen(piece, "", 1);
        let mut changed = good.clone();
        changed.replace_range(from..=from, &byte.to_string());
        for text in [copied, cut, changed] {
            if let Ok(name) = read(idp, &text, None) {
                proptest::prop_assert_eq!(name, "ada@x.test");
            }
        }
    }
}
