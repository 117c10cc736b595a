//! `basalt auth test-mail` against an SMTP server that takes the letter, or refuses.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use crate::world::{Folder, run, stderr};

/// Serves one connection; returns what the client said.
fn server(login: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let talk = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        // The client may go without a farewell.
        let say = |text: &str| drop(write!(&stream, "{text}\r\n"));
        let (mut said, mut in_letter) = (String::new(), false);
        say("220 mail.test ready");
        while let Some(Ok(line)) = lines.next() {
            said.push_str(&line);
            said.push('\n');
            match line.get(..4).unwrap_or(&line) {
                "." if in_letter => {
                    in_letter = false;
                    say("250 2.0.0 queued as 4711");
                }
                _ if in_letter => {}
                "EHLO" => say("250-mail.test\r\n250 AUTH PLAIN"),
                "AUTH" => say(login),
                "DATA" => {
                    in_letter = true;
                    say("354 go on");
                }
                "QUIT" => {
                    say("221 bye");
                    break;
                }
                _ => say("250 fine"),
            }
        }
        said
    });
    (port, talk)
}

fn project(port: u16) -> Folder {
    let folder = Folder::new();
    let config = format!(
        "project_id = \"it\"\n[auth.email.smtp]\nenabled = true\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"shop\"\npass = \"hush-hush\"\n\
         admin_email = \"shop@x.test\"\nsender_name = \"The Shop\"\n"
    );
    folder.write("supabase/config.toml", &config);
    folder
}

#[test]
fn a_letter_is_sent_at_once_and_the_servers_words_are_shown() {
    let (port, talk) = server("235 2.7.0 welcome");
    let folder = project(port);
    let output = run(&["auth", "test-mail", "ada@x.test", "--kind", "recovery"], &folder.0);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "250 2.0.0 queued as 4711");
    let told = stderr(&output);
    assert!(told.contains("Choose a new password") && told.contains("ada@x.test"), "{told}");
    assert!(!told.contains("hush-hush"));
    let said = talk.join().unwrap();
    assert!(said.contains("RCPT TO:<ada@x.test>") && said.contains("The Shop"), "{said}");
}

#[test]
fn a_refusal_is_told_without_the_password() {
    let (port, talk) = server("535 5.7.8 no such user: shop hush-hush");
    let folder = project(port);
    let output = run(&["auth", "test-mail", "ada@x.test"], &folder.0);
    let told = stderr(&output);
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(told.contains("535") && told.contains("5.7.8"), "{told}");
    assert!(!told.contains("hush-hush"), "{told}");
    drop(talk);
}

#[test]
fn without_a_server_it_says_where_letters_go() {
    let folder = Folder::with_migrations(&[]);
    let told = stderr(&run(&["auth", "test-mail", "ada@x.test"], &folder.0));
    assert!(told.contains("[auth.email.smtp]") && told.contains("inbox"), "{told}");
    let (port, _talk) = server("235 welcome");
    let told = stderr(&run(&["auth", "test-mail", "ada@x.test", "--kind", "poem"], &project(port).0));
    assert!(told.contains("poem") && told.contains("confirmation"), "{told}");
    let told = stderr(&run(&["auth", "test-mail", "not an address"], &project(port).0));
    assert!(told.contains("no address"), "{told}");
}
