//! LISTEN against a real server.

mod scratch;

use pg::{Heard, listen};
use tokio::sync::mpsc;

#[tokio::test]
async fn notifications_are_heard_also_after_the_connection_was_lost() {
    let target = scratch::database("listen");
    let (sender, mut heard) = mpsc::unbounded_channel();
    let listening = tokio::spawn({
        let target = target.clone();
        async move { listen(&target, &["a channel"], |h| drop(sender.send(h))).await }
    });
    for round in 0..2 {
        assert_eq!(heard.recv().await, Some(Heard::Connected));
        scratch::psql(&target, &format!("notify \"a channel\", 'hello {round}'"));
        assert_eq!(
            heard.recv().await,
            Some(Heard::Payload { channel: "a channel".into(), text: format!("hello {round}") })
        );
        scratch::psql(&target, "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'");
        assert!(matches!(heard.recv().await, Some(Heard::Lost(_))));
    }
    listening.abort();
}
