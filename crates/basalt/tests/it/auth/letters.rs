//! An SMTP server that is down, refuses, or says nothing.

use super::outside::{APP_URL, Doubles, Served, database_url};
use super::run;
use crate::world::root;

#[test]
fn a_user_never_waits_for_the_smtp_server() {
    run(async {
        let database_url = database_url(&testkit::database().await.admin);
        let doubles = Doubles::start(&database_url).await;
        let served = Served::start(&doubles, &database_url, &[]).await;
        let environment = [("CONFIRM_URL", &*served.url), ("DOUBLES_URL", &doubles.url), ("APP_URL", APP_URL)];
        testkit::node(&root().join("tests/clients/auth/letters.test.mjs"), &environment).await;
    });
}
