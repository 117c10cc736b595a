//! Over a pipe, with a clock that runs when everybody waits.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use super::*;

/// Says what was asked for: `POST /a?b body`. `/slow` and `/soon` take a moment, `/never` an hour; `/unread` leaves the body.
async fn echo(request: Request<Paced<Incoming>>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let wait = match head.uri.path() {
        "/slow" => 300,
        "/soon" => 15,
        "/never" => 3_600_000,
        _ => 0,
    };
    tokio::time::sleep(Duration::from_millis(wait)).await;
    let body = if head.uri.path() == "/unread" { None } else { Some(body.collect().await) };
    let body = match body {
        Some(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Some(Err(error)) => error.to_string(),
        None => String::new(),
    };
    let padding = if head.uri.path() == "/large" { 1_000_000 } else { 0 };
    Response::new(Full::from(format!("[{} {} {body}{}]", head.method, head.uri, " ".repeat(padding))))
}

fn open() -> (DuplexStream, tokio::task::JoinHandle<bool>) {
    let connections = Connections::new();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    (ours, tokio::spawn(async move { converse(theirs, echo, connections.place()).await.is_ok() }))
}

fn open_at(connections: &Connections) -> (DuplexStream, tokio::task::JoinHandle<bool>) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let place = connections.place();
    (ours, tokio::spawn(async move { converse(theirs, echo, place).await.is_ok() }))
}

/// What is answered to these pieces, which are sent one after the other, and then the end.
async fn talk(pieces: &[&[u8]]) -> String {
    let (client, server) = open();
    let all = say(client, pieces).await;
    server.await.expect("no panic");
    all
}

/// What `hyper` alone answers to the same, for the comparison.
async fn talk_to_hyper(pieces: &[&[u8]]) -> String {
    let (client, theirs) = tokio::io::duplex(64 * 1024);
    let service =
        service_fn(|request: Request<Incoming>| async { Ok::<_, Infallible>(echo(request.map(Paced::new)).await) });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().half_close(true);
    let server = tokio::spawn(async move { builder.serve_connection(TokioIo::new(theirs), service).await.is_ok() });
    let all = say(client, pieces).await;
    server.await.expect("no panic");
    all
}

async fn say(mut client: DuplexStream, pieces: &[&[u8]]) -> String {
    for piece in pieces {
        // Who was refused may find nobody any more.
        let _ = client.write_all(piece).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let _ = client.shutdown().await;
    let mut all = Vec::new();
    tokio::time::sleep(Duration::from_secs(3)).await;
    client.read_to_end(&mut all).await.expect("read");
    told(&all)
}

fn told(all: &[u8]) -> String {
    let all = String::from_utf8_lossy(all);
    // The bodies alone, and the status of what has none.
    let bodies = all.split('[').skip(1).filter_map(|rest| rest.split(']').next());
    let bad = all.matches("HTTP/1.1 4").map(|_| "refused");
    bodies.chain(bad).collect::<Vec<_>>().join("; ")
}

/// However the bytes are cut.
async fn check(bytes: &[u8], expected: &str) {
    assert_eq!(talk(&[bytes]).await, expected);
    for at in 1..bytes.len() {
        let (one, other) = bytes.split_at(at);
        assert_eq!(talk(&[one, other]).await, expected, "cut at {at}");
    }
    let each: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(talk(&each).await, expected, "byte by byte");
}

#[tokio::test(start_paused = true)]
async fn any_byte_may_stand_in_a_target_and_requests_follow_each_other() {
    check(
        b"GET /t?select=jb->>a HTTP/1.1\r\nHost: x\r\n\r\nGET /\xc3\xa4\xff?{\"a\"}|^`\\ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /t?select=jb-%3E%3Ea ; GET /%C3%A4%FF?%7B%22a%22%7D%7C%5E%60%5C ",
    )
    .await;
    check(
        b"POST /a?> HTTP/1.1\r\ncontent-length: 15\r\n\r\nGET /> HTTP/1.1GET /b?> HTTP/1.1\r\n\r\n",
        "POST /a?%3E GET /> HTTP/1.1; GET /b?%3E ",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn bodies_are_never_touched() {
    let chunked =
        b"POST /a?\" HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nG\"\"\r\n0\r\n\r\nGET /b?\" HTTP/1.1\r\n\r\n";
    check(chunked, "POST /a?%22 G\"\"; GET /b?%22 ").await;
    // Chunks with liberties are read; who wrote them writes his next target as URIs are written, or is refused.
    let free = b"POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nG\"\"\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /\xff HTTP/1.1\r\n\r\n";
    check(free, "POST /a G\"\"; GET /b ; refused").await;
    let sized = b"POST /a HTTP/1.1\r\ncontent-length: 13\r\n\r\nG \" H/1\r\n\r\n\"\"GET /c?\" HTTP/1.1\r\n\r\n";
    check(sized, "POST /a G \" H/1\r\n\r\n\"\"; GET /c?%22 ").await;
    let unread = b"POST /unread HTTP/1.1\r\ncontent-length: 3\r\n\r\nG\"\"GET /c?\" HTTP/1.1\r\n\r\n";
    assert!(talk(&[unread]).await.starts_with("POST /unread "));
    let refused = b"GET /a HTTP/1.1\r\ncontent-length: x\r\n\r\nGET /b?\" HTTP/1.1\r\n\r\n";
    check(refused, "refused").await;
}

#[tokio::test(start_paused = true)]
async fn many_lines_in_a_head_are_taken_and_a_flood_is_not() {
    let head = |lines: usize| {
        let lines: String = (0..lines).map(|n| format!("x-{n}: y\r\n")).collect();
        format!("GET /a HTTP/1.1\r\n{lines}\r\n")
    };
    assert_eq!(talk(&[head(250).as_bytes()]).await, "GET /a ");
    assert_eq!(talk(&[head(300).as_bytes()]).await, "refused");
}

#[tokio::test(start_paused = true)]
async fn who_ends_his_side_is_answered_and_who_is_gone_is_not_waited_for() {
    assert_eq!(talk(&[b"GET /slow HTTP/1.1\r\n\r\n"]).await, "GET /slow ");
    assert_eq!(talk(&[b"POST /slow HTTP/1.0\r\ncontent-length: 1\r\n\r\nx"]).await, "POST /slow x");
    assert_eq!(talk(&[b"GET /large HTTP/1.1\r\n\r\n"]).await.len(), "GET /large ".len() + 1_000_000);
    let started = Instant::now();
    assert_eq!(talk(&[b"GET /never HTTP/1.1\r\n\r\n"]).await, "");
    assert!((2..6).contains(&started.elapsed().as_secs()));
    let started = Instant::now();
    let half = talk(&[b"POST /a HTTP/1.1\r\ncontent-length: 9\r\n\r\nx"]).await;
    assert_eq!(half, "POST /a error reading a body from connection");
    assert!(started.elapsed().as_secs() < 4);
}

#[tokio::test(start_paused = true)]
async fn only_a_few_that_ended_their_side_are_waited_for_at_once_for_longer() {
    let connections = Connections::new();
    let ask = || async {
        let (client, _server) = open_at(&connections);
        say(client, &[b"GET /slow HTTP/1.1\r\n\r\n"]).await
    };
    let told = tokio::join!(ask(), ask(), ask(), ask());
    assert_eq!([told.0, told.1, told.2, told.3].iter().filter(|told| *told == "GET /slow ").count(), 2);
    assert_eq!(ask().await, "GET /slow ");
    // What is answered at once reaches everybody.
    let soon = || async {
        let (client, _server) = open_at(&connections);
        say(client, &[b"GET /soon HTTP/1.1\r\n\r\n"]).await
    };
    let told = tokio::join!(soon(), ask(), soon(), ask(), soon());
    assert_eq!([told.0, told.2, told.4], ["GET /soon "; 3]);
    let told = tokio::join!(soon(), soon(), soon(), soon());
    assert_eq!([told.0, told.1, told.2, told.3], ["GET /soon "; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_answers_and_for_nobody_who_is_asking() {
    let connections = Connections::new();
    let open: Vec<_> = [
        &b""[..],
        b"G",
        b"GET /a HTTP/1.1\r\nA: b",
        b"GET /b HTTP/1.1\r\n\r\nGET /c HTT",
        b"GET /slow HTTP/1.1\r\n\r\n",
    ]
    .into_iter()
    .map(|bytes| (bytes, open_at(&connections)))
    .collect();
    let mut clients = Vec::new();
    for (bytes, (mut client, server)) in open {
        client.write_all(bytes).await.expect("sent");
        clients.push((client, server));
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let started = Instant::now();
    connections.shutdown().await;
    assert!((250..=300).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    let mut told_all = Vec::new();
    for (mut client, _) in clients {
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.expect("read");
        told_all.push(told(&all));
    }
    assert_eq!(told_all[3..], ["GET /b ", "GET /slow "]);
    assert!(told_all[..3].iter().all(|told| !told.contains("GET")), "{told_all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_bodies_that_come() {
    let connections = Connections::new();
    let ((mut steady, _one), (mut stalled, _other)) = (open_at(&connections), open_at(&connections));
    for client in [&mut steady, &mut stalled] {
        client.write_all(b"POST /a HTTP/1.1\r\ncontent-length: 5\r\n\r\n1").await.expect("sent");
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let started = Instant::now();
    let sent = async {
        for digit in [b"2", b"3", b"4", b"5"] {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            steady.write_all(digit).await.expect("sent");
        }
    };
    let stopped = async {
        connections.shutdown().await;
        started.elapsed().as_secs()
    };
    let told_stalled = async {
        let mut all = Vec::new();
        stalled.read_to_end(&mut all).await.expect("read");
        (started.elapsed().as_secs(), told(&all))
    };
    let ((), stopped, told_stalled) = tokio::join!(sent, stopped, told_stalled);
    assert_eq!(told_stalled, (2, "POST /a error reading a body from connection".to_owned()));
    assert_eq!(stopped, 6);
    let mut all = Vec::new();
    steady.read_to_end(&mut all).await.expect("read");
    assert_eq!(told(&all), "POST /a 12345");
}

/// For how many seconds a client that sends this and then nothing is waited for, and what it is told.
async fn held_by(bytes: &[u8]) -> (u64, String) {
    let (mut client, server) = open();
    let started = Instant::now();
    client.write_all(bytes).await.expect("sent");
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.expect("read");
    server.await.expect("no panic");
    let text = String::from_utf8_lossy(&all);
    let told = text.split('[').nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    (started.elapsed().as_secs(), told.to_owned())
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_for_ever() {
    for silent in
        [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n", b"GET / HTTP/1.1\r\nA: b\r\n"]
    {
        assert_eq!(held_by(silent).await, (30, String::new()), "{:?}", String::from_utf8_lossy(silent));
    }
    let half = held_by(b"POST /a HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf").await;
    assert_eq!(half.1, "POST /a the body came too slowly");
    assert!((30..=60).contains(&half.0), "{}", half.0);
    // Between two requests, and a short request that takes long.
    assert_eq!(held_by(b"GET / HTTP/1.1\r\n\r\n").await, (30, "GET / ".to_owned()));
    let (mut client, _server) = open();
    client.write_all(b"GET /never HTTP/1.1\r\n\r\n").await.expect("sent");
    let mut byte = [0];
    assert!(
        tokio::time::timeout(Duration::from_secs(3700), client.read_exact(&mut byte)).await.is_ok_and(|r| r.is_ok())
    );
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_is_given_up() {
    let (mut client, server) = open();
    client.write_all(b"GET /large HTTP/1.1\r\n\r\n").await.expect("sent");
    let started = Instant::now();
    assert!(!server.await.expect("no panic"));
    assert_eq!(started.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_body_must_come_at_some_pace() {
    let (mut client, server) = open();
    client.write_all(b"POST /a HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n").await.expect("sent");
    let trickle = async {
        while client.write_all(b"xxxx").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(300), trickle).await.is_ok());
    server.await.expect("no panic");
}

proptest::proptest! {
    /// Whatever is sent, in whatever pieces: requests are found where `hyper` alone finds them, and their bodies are the same.
    #[test]
    fn requests_are_those_that_hyper_finds(
        picks in proptest::collection::vec(0_usize..PARTS.len(), 1..12),
        cuts in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 0..6),
    ) {
        let bytes: Vec<u8> = picks.iter().flat_map(|n| PARTS[*n].as_bytes()).copied().collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|w| &bytes[w[0]..w[1]]).filter(|piece| !piece.is_empty()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("runtime");
        let (ours, theirs) = runtime.block_on(async { (talk(&pieces).await, talk_to_hyper(&pieces).await) });
        proptest::prop_assert_eq!(ours, theirs, "{:?}", String::from_utf8_lossy(&bytes));
    }
}

/// Whole requests, and what may be mistaken for one.
const PARTS: [&str; 16] = [
    "GET /a HTTP/1.1\r\n\r\n",
    "GET /b?c HTTP/1.1\nX: y\n\n",
    "POST /c HTTP/1.1\r\ncontent-length: 3\r\n\r\nG\"<",
    "POST /d HTTP/1.1\r\ncontent-length: 21\r\n\r\nGET /> HTTP/1.1\r\n\r\n..",
    "POST /e HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n4\r\nGET \r\n9\r\n/> HTTP/1\r\n0\r\n\r\n",
    "POST /f HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2;a=\"b\"\r\n<>\r\n0\r\nT: \"\r\n\r\n",
    "POST /g HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n1\r\n\"\r\n0\r\n\r\n",
    "POST /unread HTTP/1.1\r\ncontent-length: 6\r\n\r\nGET />",
    "PUT /h HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n<>",
    "GET /i HTTP/1.1\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "POST /j HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\n<",
    "\r\n",
    "\n",
    "HEAD /k HTTP/1.1\r\nA:\tb\r\n\r\n",
    "POST /l HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
    "POST /m HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n<\"<",
];
