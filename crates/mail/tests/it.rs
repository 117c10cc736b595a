//! The outbox on a real PostgreSQL, over real SMTP; the inbox over HTTP.
#![expect(clippy::unwrap_used, reason = "what a helper of a test cannot do fails the test")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{Clock, Secret};
use mail::{EmailRoute, Inbox, Letters, Outbox, Parts, Security, Servers, Sms, Smtp, SmtpSettings};
use pg::{Db, Purpose};
use serde_json::{Value, json};
use service::Tasks;
use time::macros::datetime;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

struct World {
    database: testkit::Database,
    db: Db,
    clock: Clock,
    tasks: Tasks,
    client: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        let database = testkit::database().await;
        let mut admin = database.connect(&database.admin).await;
        platform::apply_further(&mut admin, "mail", mail::MIGRATIONS).await.unwrap();
        Self {
            db: database.db(),
            database,
            clock: Clock::frozen(datetime!(2026-01-01 12:00 UTC)),
            tasks: Tasks::default(),
            client: reqwest::Client::new(),
        }
    }

    fn outbox(&self, email: EmailRoute, sms: Option<Sms>) -> Outbox {
        Outbox::new(Parts {
            db: self.db.clone(),
            clock: self.clock.clone(),
            tasks: self.tasks.clone(),
            letters: Letters::new(&HashMap::new()).unwrap(),
            email,
            sms,
            client: self.client.clone(),
        })
    }

    async fn inbox(&self) -> (Arc<Inbox>, Servers) {
        let inbox = Inbox::new(self.clock.clone(), "admin@example.org", "Shop").unwrap();
        let any = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        let servers = inbox.serve(&Servers { http: any, smtp: any }, &self.tasks).await.unwrap();
        (inbox, servers)
    }

    async fn queue(&self, outbox: &Outbox, to: &str) {
        let tx = self.db.as_platform(Purpose::Auth).await.unwrap();
        let data = json!({"ConfirmationURL": "https://api.test/verify?token=t", "Token": "123456", "Email": to});
        outbox.queue_letter(&tx, "confirmation", to, data.as_object().unwrap()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn waiting(&self) -> i64 {
        let client = self.database.connect(&self.database.admin).await;
        client.query_one("select count(*) from _basalt.mail_outbox", &[]).await.unwrap().get(0)
    }
}

fn smtp(address: SocketAddr, user: &str) -> EmailRoute {
    EmailRoute::Smtp(
        Smtp::new(SmtpSettings {
            host: address.ip().to_string(),
            port: address.port(),
            user: user.to_owned(),
            password: Secret::from("secret"),
            admin_email: "admin@example.org".to_owned(),
            sender_name: "Shöp".to_owned(),
            headers: vec![("X-Shop".into(), "1".into())],
            security: Security::Auto,
        })
        .unwrap(),
    )
}

#[tokio::test]
async fn a_letter_leaves_after_the_commit_and_never_without_it() {
    let world = World::new().await;
    let (inbox, servers) = world.inbox().await;
    let outbox = world.outbox(smtp(servers.smtp.unwrap(), "user"), None);
    let tx = world.db.as_platform(Purpose::Auth).await.unwrap();
    outbox.queue_letter(&tx, "confirmation", "lost@example.org", &serde_json::Map::new()).await.unwrap();
    assert_eq!(outbox.deliver_due().await.unwrap(), 0, "the transaction is open");
    tx.rollback().await.unwrap();
    world.queue(&outbox, "ada@example.org").await;
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    assert_eq!(world.waiting().await, 0);

    let arrived = inbox.messages();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].recipients, ["ada@example.org"]);
    // A name that a telephone company gave away: in quotes, as the protocol wants it.
    world.queue(&outbox, "ada..l.@example.org").await;
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(inbox.messages()[0].recipients, ["\"ada..l.\"@example.org"]);
    assert_eq!(arrived[0].sender, "admin@example.org");
    let raw = String::from_utf8(arrived[0].raw.to_vec()).unwrap();
    assert!(raw.contains("X-Shop: 1") && raw.contains("multipart/alternative"), "{raw}");
}

/// Without anybody who listens to NOTIFY: `start` looks after what was queued in its own process.
#[tokio::test]
async fn the_worker_sends_what_was_queued() {
    let world = World::new().await;
    let (inbox, _) = world.inbox().await;
    let outbox = world.outbox(EmailRoute::Inbox(Arc::clone(&inbox)), None);
    outbox.start();
    for name in ["ada", "ben", "cleo"] {
        world.queue(&outbox, &format!("{name}@example.org")).await;
        let arrived = |inbox: &Inbox| inbox.messages().iter().any(|m| m.recipients[0].starts_with(name));
        until(|| arrived(&inbox)).await;
    }
    world.tasks.stop().await;
    assert_eq!(inbox.messages().len(), 3);
}

#[tokio::test]
async fn a_server_that_is_down_gets_the_letter_once_when_it_is_back() {
    let world = World::new().await;
    // A port that nobody listens on, taken later.
    let address = SocketAddr::from(([127, 0, 0, 1], testkit::free_port()));
    let outbox = world.outbox(smtp(address, ""), None);
    world.queue(&outbox, "ada@example.org").await;
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(outbox.deliver_due().await.unwrap(), 0, "it waits before it tries again");
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(world.waiting().await, 1);

    let inbox = Inbox::new(world.clock.clone(), "admin@example.org", "").unwrap();
    inbox.serve(&Servers { http: None, smtp: Some(address) }, &world.tasks).await.unwrap();
    world.clock.advance(Duration::from_secs(15));
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    assert_eq!(inbox.messages().len(), 1);
}

/// A server that reads the letter and then hangs up, or refuses it, and takes the next one.
async fn moody_server(first: &'static str) -> (SocketAddr, Arc<AtomicUsize>, Arc<parking_lot::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (count, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(parking_lot::Mutex::new(Vec::new())));
    let (counter, log) = (Arc::clone(&count), Arc::clone(&seen));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (counter, log) = (Arc::clone(&counter), Arc::clone(&log));
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                stream.write_all(b"220 moody\r\n").await.ok();
                let mut in_data = false;
                let mut line = String::new();
                while {
                    line.clear();
                    stream.read_line(&mut line).await.is_ok_and(|n| n > 0)
                } {
                    if in_data && line.to_ascii_lowercase().starts_with("message-id:") {
                        log.lock().push(line.trim().to_owned());
                    }
                    let answer = match (in_data, line.trim_end()) {
                        (true, ".") => {
                            in_data = false;
                            let turn = counter.fetch_add(1, Ordering::SeqCst);
                            if turn == 0 && first.is_empty() {
                                return;
                            }
                            if turn == 0 { first } else { "250 taken\r\n" }
                        }
                        (true, _) => continue,
                        (false, text) if text.starts_with("DATA") => {
                            in_data = true;
                            "354 go on\r\n"
                        }
                        (false, _) => "250 OK\r\n",
                    };
                    stream.write_all(answer.as_bytes()).await.ok();
                }
            });
        }
    });
    (address, count, seen)
}

#[tokio::test]
async fn a_server_that_refuses_or_hangs_up_is_asked_again_with_the_same_message_id() {
    for first in ["554 not today\r\n", "451 later\r\n", ""] {
        let world = World::new().await;
        let (address, count, seen) = moody_server(first).await;
        let outbox = world.outbox(smtp(address, ""), None);
        world.queue(&outbox, "ada@example.org").await;
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        assert_eq!(world.waiting().await, 1, "{first}");
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        assert_eq!(world.waiting().await, 0, "{first}");
        assert_eq!(count.load(Ordering::SeqCst), 2);
        let seen = seen.lock();
        assert_eq!(seen[0], seen[1]);
    }
}

/// A server that keeps the letter to `slow` waiting, and notes whose letters it took, in order.
struct Tarpit {
    address: SocketAddr,
    taken: Arc<parking_lot::Mutex<Vec<String>>>,
    gate: Arc<tokio::sync::Semaphore>,
    /// Letters to `slow` that it has read.
    held: Arc<AtomicUsize>,
}

async fn tarpit() -> Tarpit {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (taken, gate) = (Arc::new(parking_lot::Mutex::new(Vec::new())), Arc::new(tokio::sync::Semaphore::new(0)));
    let held = Arc::new(AtomicUsize::new(0));
    let (log, latch, count) = (Arc::clone(&taken), Arc::clone(&gate), Arc::clone(&held));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (log, latch, count) = (Arc::clone(&log), Arc::clone(&latch), Arc::clone(&count));
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                stream.write_all(b"220 tarpit\r\n").await.ok();
                let (mut to, mut subject, mut in_data, mut line) = (String::new(), String::new(), false, String::new());
                while {
                    line.clear();
                    stream.read_line(&mut line).await.is_ok_and(|n| n > 0)
                } {
                    let text = line.trim_end();
                    if in_data && text != "." {
                        if let Some(words) = text.strip_prefix("Subject: ") {
                            words.clone_into(&mut subject);
                        }
                        continue;
                    }
                    if let Some(name) = text.strip_prefix("RCPT TO:<") {
                        name.split('@').next().unwrap().clone_into(&mut to);
                    }
                    if text == "." {
                        in_data = false;
                        if to == "slow" {
                            count.fetch_add(1, Ordering::SeqCst);
                            latch.acquire().await.unwrap().forget();
                        }
                        log.lock().push(format!("{to} {subject}"));
                    }
                    in_data |= text == "DATA";
                    let answer = if in_data { "354 go on\r\n" } else { "250 OK\r\n" };
                    stream.write_all(answer.as_bytes()).await.ok();
                }
            });
        }
    });
    Tarpit { address, taken, gate, held }
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..9_000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came");
}

/// One recipient's server takes its time: the letters of everybody else, also those that come later, do not wait for it.
#[tokio::test]
async fn a_letter_that_is_held_up_holds_up_no_other() {
    let world = World::new().await;
    let Tarpit { address, taken, gate, held } = tarpit().await;
    let outbox = world.outbox(smtp(address, ""), None);
    outbox.start();
    world.queue(&outbox, "slow@example.org").await;
    until(|| held.load(Ordering::SeqCst) == 1).await;
    for n in 0..3 {
        world.queue(&outbox, &format!("quick{n}@example.org")).await;
        until(|| taken.lock().len() == n + 1).await;
    }
    gate.add_permits(1);
    until(|| taken.lock().len() == 4).await;
    world.tasks.stop().await;
    assert_eq!(world.waiting().await, 0);
}

/// The project stops while the server has the letter, and has not said so yet.
#[tokio::test]
async fn a_letter_on_its_way_is_not_cut_off_by_a_stop() {
    let world = World::new().await;
    let Tarpit { address, taken, gate, held } = tarpit().await;
    let outbox = world.outbox(smtp(address, ""), None);
    outbox.start();
    world.queue(&outbox, "slow@example.org").await;
    until(|| held.load(Ordering::SeqCst) == 1).await;
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        gate.add_permits(1);
    });
    world.tasks.stop().await;
    late.await.unwrap();
    let arrived = taken.lock().len();
    assert_eq!((arrived, world.waiting().await), (1, 0));
}

/// The database is away for a moment after the server took the letter: its row goes as soon as the database is back.
#[tokio::test]
async fn a_letter_that_was_sent_is_forgotten_as_soon_as_can_be() {
    let world = World::new().await;
    let Tarpit { address, taken, gate, .. } = tarpit().await;
    gate.add_permits(100);
    let outbox = world.outbox(smtp(address, ""), None);
    // What a sequence gave is not taken back.
    let trouble = "create sequence public.tries;
        create function public.trouble() returns trigger language plpgsql security definer as $$
            begin raise exception 'away %', nextval('public.tries'); end $$;
        create trigger trouble before delete on _basalt.mail_outbox for each row execute function public.trouble();";
    world.database.run(trouble).await;
    world.queue(&outbox, "ada@example.org").await;
    outbox.start();
    until(|| taken.lock().len() == 1).await;
    let client = world.database.connect(&world.database.admin).await;
    let tries = "select case when is_called then last_value else 0 end from public.tries";
    for wait in 0.. {
        if client.query_one(tries, &[]).await.unwrap().get::<_, i64>(0) >= 2 {
            break;
        }
        assert!(wait < 9_000, "it never tried again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.database.run("drop trigger trouble on _basalt.mail_outbox").await;
    // The clock stands: no lease ends.
    for wait in 0.. {
        if world.waiting().await == 0 {
            break;
        }
        assert!(wait < 900, "its row stays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.tasks.stop().await;
    assert_eq!(taken.lock().len(), 1);
}

/// Somebody who asks for a link twice gets the newer one last, however many senders there are.
#[tokio::test]
async fn letters_to_one_address_arrive_in_order() {
    let world = World::new().await;
    let Tarpit { address, taken, gate, .. } = tarpit().await;
    gate.add_permits(100);
    let outbox = world.outbox(smtp(address, ""), None);
    let data =
        json!({"ConfirmationURL": "https://api.test/verify?token=t", "Token": "123456", "Email": "slow@example.org"});
    let kinds = ["confirmation", "recovery", "magic_link", "invite", "reauthentication", "email_change"];
    for kind in kinds {
        let tx = world.db.as_platform(Purpose::Auth).await.unwrap();
        outbox.queue_letter(&tx, kind, "slow@example.org", data.as_object().unwrap()).await.unwrap();
        tx.commit().await.unwrap();
        world.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(outbox.deliver_due().await.unwrap(), kinds.len());
    let order = taken.lock().clone();
    let alone = Letters::new(&HashMap::new()).unwrap();
    let expected: Vec<String> = kinds
        .iter()
        .map(|kind| format!("slow {}", alone.fill(kind, data.as_object().unwrap()).unwrap().subject))
        .collect();
    assert_eq!(order, expected);
}

#[tokio::test]
async fn two_workers_send_each_letter_once() {
    let world = World::new().await;
    let (inbox, servers) = world.inbox().await;
    let one = world.outbox(smtp(servers.smtp.unwrap(), ""), None);
    let two = world.outbox(EmailRoute::Inbox(Arc::clone(&inbox)), None);
    for n in 0..30 {
        world.queue(&one, &format!("user{n}@example.org")).await;
    }
    let (a, b) = tokio::join!(one.deliver_due(), two.deliver_due());
    assert_eq!(a.unwrap() + b.unwrap(), 30);
    let mut to: Vec<String> = inbox.messages().iter().map(|m| m.recipients[0].clone()).collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), inbox.messages().len()), (30, 30));
}

#[tokio::test]
async fn a_hopeless_letter_is_dead_and_can_be_revived() {
    let world = World::new().await;
    let (inbox, _) = world.inbox().await;
    let address = SocketAddr::from(([127, 0, 0, 1], testkit::free_port()));
    let outbox = world.outbox(smtp(address, ""), None);
    world.queue(&outbox, "ada@example.org").await;
    for _ in 0..20 {
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        world.clock.advance(Duration::from_secs(3_600));
    }
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    let dead = outbox.dead_letters().await.unwrap();
    assert_eq!((dead.len(), dead[0].attempts, dead[0].kind.as_str()), (1, 20, "confirmation"));
    assert!(dead[0].last_error.contains(&address.to_string()), "{}", dead[0].last_error);

    assert_eq!(outbox.revive().await.unwrap(), 1);
    let healthy = world.outbox(EmailRoute::Inbox(Arc::clone(&inbox)), None);
    assert_eq!(healthy.deliver_due().await.unwrap(), 1);
    assert_eq!(inbox.messages().len(), 1);

    // An address without a form is not tried twenty times.
    world.queue(&outbox, "not an address").await;
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(outbox.dead_letters().await.unwrap()[0].attempts, 1);
    world.clock.advance(Duration::from_secs(15 * 86_400));
    outbox.deliver_due().await.unwrap();
    assert_eq!(world.waiting().await, 0, "dead letters are forgotten after two weeks");
}

/// A worker that died holding a letter: another one takes it when the lease is over.
#[tokio::test]
async fn a_dead_workers_letter_is_sent_after_its_lease() {
    let world = World::new().await;
    let (inbox, _) = world.inbox().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let outbox = world.outbox(smtp(listener.local_addr().unwrap(), ""), None);
    world.queue(&outbox, "ada@example.org").await;
    // This server takes the connection and says nothing; the worker is killed while it waits.
    let stuck = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.deliver_due().await }
    });
    let (_connection, _) = listener.accept().await.unwrap();
    stuck.abort();
    let _ = stuck.await;
    let other = world.outbox(EmailRoute::Inbox(Arc::clone(&inbox)), None);
    assert_eq!(other.deliver_due().await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(120));
    assert_eq!(other.deliver_due().await.unwrap(), 1);
    assert_eq!(inbox.messages().len(), 1);
}

#[tokio::test]
async fn who_queues_cannot_read_and_callers_see_nothing() {
    let world = World::new().await;
    let tx = world.db.as_platform(Purpose::Auth).await.unwrap();
    let denied = tx.rows("select * from _basalt.mail_outbox", &[]).await.unwrap_err();
    assert_eq!(denied.code(), Some("42501"));
    let postgres = world.database.connect(&world.database.postgres).await;
    for role in ["anon", "authenticated", "service_role"] {
        let sql = format!("begin; set local role {role}; select * from _basalt.mail_outbox");
        assert!(postgres.batch_execute(&sql).await.is_err(), "{role}");
        postgres.batch_execute("rollback").await.unwrap();
    }
}

#[tokio::test]
async fn the_inbox_speaks_mailpits_api() {
    let world = World::new().await;
    let (_, servers) = world.inbox().await;
    let outbox = world.outbox(smtp(servers.smtp.unwrap(), "any"), None);
    for to in ["ada@example.org", "ben@example.org"] {
        world.queue(&outbox, to).await;
        outbox.deliver_due().await.unwrap();
    }
    let base = format!("http://{}", servers.http.unwrap());
    let get = async |path: &str| world.client.get(format!("{base}{path}")).send().await.unwrap();
    let json = async |path: &str| get(path).await.json::<Value>().await.unwrap();

    let list = json("/api/v1/messages?limit=1").await;
    assert_eq!((&list["total"], &list["unread"], &list["count"]), (&json!(2), &json!(2), &json!(1)));
    let newest = &list["messages"][0];
    assert_eq!(newest["To"][0]["Address"], "ben@example.org");
    assert_eq!(newest["From"], json!({"Name": "Shöp", "Address": "admin@example.org"}));
    assert_eq!(newest["Subject"], "Confirm your address");
    assert!(newest["Snippet"].as_str().unwrap().contains("123456"));

    let found = json("/api/v1/search?query=to:ada%20subject:%22your%20address%22").await;
    assert_eq!(
        (&found["messages_count"], &found["messages"][0]["To"][0]["Address"]),
        (&json!(1), &json!("ada@example.org"))
    );
    let id = found["messages"][0]["ID"].as_str().unwrap().to_owned();
    let whole = json(&format!("/api/v1/message/{id}")).await;
    assert!(whole["HTML"].as_str().unwrap().contains("href=\"https://api.test/verify?token=t\""));
    assert!(whole["Text"].as_str().unwrap().contains("https://api.test/verify?token=t"));
    assert_eq!(json("/api/v1/messages").await["unread"], 1, "opened is read");
    let headers = json(&format!("/api/v1/message/{id}/headers")).await;
    assert_eq!(headers["X-Shop"][0], "1");

    // The API of the inbox that the CLI had before.
    let old = json("/api/v1/mailbox/ada").await;
    assert_eq!((&old[0]["subject"], &old[0]["to"]), (&json!("Confirm your address"), &json!(["<ada@example.org>"])));
    assert_eq!(json("/api/v1/mailbox/nobody").await, json!([]));
    let old = json("/api/v1/mailbox/ada/latest").await;
    assert!(old["body"]["html"].as_str().unwrap().contains("verify?token=t"));

    let view = get("/view/latest.html").await;
    let policy = view.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("sandbox") && view.text().await.unwrap().contains("verify?token=t"));
    assert!(get(&format!("/view/{id}.txt")).await.text().await.unwrap().contains("123456"));
    assert_eq!(get("/api/v1/message/nothing").await.status(), 404);
    assert!(get("/").await.text().await.unwrap().contains("Inbox"));
    assert_eq!(json("/api/v1/info").await["Messages"], 2);

    let delete = world.client.delete(format!("{base}/api/v1/messages")).json(&json!({"IDs": [id]}));
    assert_eq!(delete.send().await.unwrap().text().await.unwrap(), "ok");
    assert_eq!(json("/api/v1/messages").await["total"], 1);
    world.client.delete(format!("{base}/api/v1/messages")).send().await.unwrap();
    assert_eq!(json("/api/v1/messages").await["total"], 0);
}

#[tokio::test]
async fn the_inbox_is_bounded() {
    let inbox = Inbox::new(Clock::system(), "a@example.org", "").unwrap();
    for n in 0..510 {
        inbox.receive("a@b".into(), vec![format!("{n}@c")], b"Subject: x\r\n\r\nhello".to_vec()).unwrap();
    }
    let kept = inbox.messages();
    assert_eq!((kept.len(), kept[0].recipients[0].as_str()), (500, "509@c"));
    assert!(inbox.receive(String::new(), vec![], vec![0; 11 * 1024 * 1024]).is_err());
    for _ in 0..8 {
        inbox.receive(String::new(), vec![], vec![b'x'; 10 * 1024 * 1024]).unwrap();
    }
    let bytes: usize = inbox.messages().iter().map(|m| m.raw.len()).sum();
    assert!(bytes <= 64 * 1024 * 1024, "{bytes}");
}

/// Answers every request with 201 and keeps what came.
async fn http_double(answer: &'static str) -> (String, Arc<parking_lot::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 64 * 1024];
            let mut len = 0;
            loop {
                len += stream.read(&mut bytes[len..]).await.unwrap();
                let text = String::from_utf8_lossy(&bytes[..len]).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    log.lock().push(text.clone());
                    break;
                }
            }
            let response =
                format!("{answer}\r\ncontent-length: 23\r\nconnection: close\r\n\r\n{{\"status\": \"approved\"}}\n\n");
            stream.write_all(response.as_bytes()).await.ok();
        }
    });
    (url, seen)
}

#[tokio::test]
async fn a_text_message_goes_to_twilio_and_a_late_code_is_not_sent() {
    let world = World::new().await;
    let (url, seen) = http_double("HTTP/1.1 201 Created").await;
    let twilio = |url: String| Sms::Twilio {
        account_sid: "AC1".into(),
        auth_token: Secret::from("token"),
        sender: "MG1".into(),
        content_sid: None,
        url: Some(url),
    };
    let outbox = world.outbox(EmailRoute::Nowhere, Some(twilio(url)));
    let queue = async |outbox: &Outbox| {
        let tx = world.db.as_platform(Purpose::Auth).await.unwrap();
        outbox.queue_message(&tx, "436601234567", "Your code is 123456", "123456", "sms").await.unwrap();
        tx.commit().await.unwrap();
    };
    queue(&outbox).await;
    outbox.deliver_due().await.unwrap();
    {
        let seen = seen.lock();
        let request = &seen[0];
        assert!(request.starts_with("POST /2010-04-01/Accounts/AC1/Messages.json"), "{request}");
        assert!(
            request.contains("To=%2B436601234567&Channel=sms&Body=Your+code+is+123456&MessagingServiceSid=MG1"),
            "{request}"
        );
        assert!(request.to_ascii_lowercase().contains("authorization: basic "), "{request}");
    }
    let (url, seen) = http_double("HTTP/1.1 500 Oops").await;
    let failing = world.outbox(EmailRoute::Nowhere, Some(twilio(url)));
    queue(&failing).await;
    for _ in 0..5 {
        failing.deliver_due().await.unwrap();
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(seen.lock().len(), 3, "a code lives a minute: three tries");
}

#[tokio::test]
async fn twilio_verify_checks_codes_itself() {
    let (url, seen) = http_double("HTTP/1.1 200 OK").await;
    let sms = Sms::TwilioVerify {
        account_sid: "AC1".into(),
        auth_token: Secret::from("t"),
        service_sid: "VA1".into(),
        url: Some(url),
    };
    let client = reqwest::Client::new();
    sms.send(&client, "4366", "ignored", "1", "sms").await.unwrap();
    assert!(sms.check_code(&client, "4366", "123456").await.unwrap());
    let seen = seen.lock();
    assert!(seen[0].starts_with("POST /v2/Services/VA1/Verifications "));
    assert!(
        seen[1].starts_with("POST /v2/Services/VA1/VerificationCheck ") && seen[1].ends_with("To=%2B4366&Code=123456")
    );
}
