//! Starts a PostgreSQL in a folder, says how it went, and keeps it until SIGINT or SIGTERM. For tests that kill the process, and to try
//! things by hand: `cargo run -p pgserver --example hold -- HOME [--port N] [--cache DIR] [--major N] [--fetch] [--throw-away] [--archive URL] [--set NAME=VALUE]…`

use std::io::Write as _;
use std::time::Instant;

use pgserver::{Options, Server};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let options = parse(std::env::args().skip(1))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = match Server::start(options, |step| say(&format!("progress {step}"))).await {
        Ok(server) => server,
        Err(error) => {
            say(&format!("error {error}"));
            std::process::exit(1);
        }
    };
    for note in server.notes() {
        say(&format!("note {note}"));
    }
    say(&format!(
        "ready ms={} pid={} port={} major={} fresh={} data={} socket={}",
        begun.elapsed().as_millis(),
        server.pid().unwrap_or_default(),
        server.port(),
        server.major(),
        server.fresh(),
        server.data_dir().display(),
        server.socket_dir().display(),
    ));
    let mut state = server.state();
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            changed = state.changed() => {
                changed?;
                say(&format!("state {:?} pid={}", *state.borrow_and_update(), server.pid().unwrap_or_default()));
            }
        }
    }
    let begun = Instant::now();
    server.stop().await?;
    say(&format!("stopped ms={}", begun.elapsed().as_millis()));
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::new(arguments.next().ok_or("which folder?")?, 0);
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{flag} needs a value"));
        match flag.as_str() {
            "--port" => options.port = value()?.parse().map_err(|_| "--port takes a number")?,
            "--major" => options.major = Some(value()?.parse().map_err(|_| "--major takes a number")?),
            "--cache" => options.cache_dir = Some(value()?.into()),
            "--path" => options.search_path = Some(value()?.into()),
            "--throw-away" => options.lifetime = pgserver::Lifetime::ThrowAway,
            "--fetch" => options.fetch = true,
            "--archive" => options.archive_url = Some(value()?),
            "--set" => {
                let setting = value()?;
                let (name, value) = setting.split_once('=').ok_or("--set takes NAME=VALUE")?;
                options.settings.push((name.to_owned(), value.to_owned()));
            }
            other => return Err(format!("what is {other}?")),
        }
    }
    Ok(options)
}

/// One line, at once: the reader may be a test that waits for it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
