//! How the executor and the pool log in: passwords of each kind, with and without TLS.

mod scratch;

use std::path::Path;

use base::Secret;
use pg::exec::{Batch, ExecConfig, Executor, Step};
use pg::{Address, Db, Error, Purpose, Target, Tls};

const WHO: &str = "select session_user, ssl from pg_stat_ssl where pid = pg_backend_pid()";

async fn who(target: &Target) -> Result<String, Error> {
    let executor = Executor::new(target, ExecConfig::default());
    let results = executor.run(Batch::read(Vec::new(), vec![Step::new(WHO, Vec::new())])).await?;
    let row = results[0].rows.first().expect("a row");
    let text = |at: usize| String::from_utf8_lossy(row.get(at).unwrap_or_default()).into_owned();
    Ok(format!("{} {}", text(0), text(1)))
}

#[tokio::test]
async fn passwords_and_tls() {
    let socket = scratch::database("login");
    scratch::psql(&socket, "create role scram login password 'pencil'; create role plain login password 'x'");
    scratch::psql(&socket, "set password_encryption = md5; create role md5 login password 'geheim'");
    let port = open_tcp(&socket);
    let target = |user: &str, password: &str, tls| Target {
        address: Address::Tcp { host: "127.0.0.1".into(), tls },
        port,
        user: user.into(),
        password: Secret::from(password),
        ..socket.clone()
    };
    for (user, password) in [("scram", "pencil"), ("md5", "geheim"), ("plain", "x")] {
        assert_eq!(who(&target(user, password, Tls::Require)).await.unwrap(), format!("{user} t"));
        assert_eq!(who(&target(user, password, Tls::Disable)).await.unwrap(), format!("{user} f"));
        let refused = who(&target(user, "wrong", Tls::Prefer)).await.unwrap_err();
        assert!(matches!(&refused, Error::Connect(why) if why.contains("28P01")), "{refused}");
    }
    let unknown = who(&target("scram", "pencil", Tls::Verify)).await.unwrap_err();
    assert!(matches!(&unknown, Error::Connect(why) if why.contains("certificate")), "{unknown}");
    // The pool for our own work goes by the same rules.
    let db =
        Db::new(&target("scram", "pencil", Tls::Require), &target("scram", "pencil", Tls::Require), false, 1).unwrap();
    let row = db.as_platform(Purpose::System).await.unwrap().row(WHO, &[]).await.unwrap().expect("a row");
    assert!(row.get::<_, bool>(1));
    assert_eq!(row.get::<_, String>(0), "scram");
}

/// Lets the server take TCP with TLS (a certificate that nobody vouches for) and passwords of each kind; returns the port.
fn open_tcp(target: &Target) -> u16 {
    let Address::Socket(folder) = &target.address else { panic!("the scratch server listens on a socket") };
    let data = folder.join("data");
    let made = scratch::server_command(Path::new("openssl"))
        .args(["req", "-new", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-out"])
        .arg(data.join("server.crt"))
        .arg("-keyout")
        .arg(data.join("server.key"))
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let rules = "local all all trust\nhost all scram 127.0.0.1/32 scram-sha-256\nhost all md5 127.0.0.1/32 md5\n\
                 host all plain 127.0.0.1/32 password\nhostnossl all postgres 127.0.0.1/32 trust\n";
    std::fs::write(data.join("pg_hba.conf"), rules).expect("the server's folder is there");
    // Somebody may take the port in between.
    for _ in 0..10 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let options = format!(
            "-k {} -c listen_addresses=127.0.0.1 -c port={port} -c fsync=off -c shared_buffers=16MB -c ssl=on",
            folder.display()
        );
        if scratch::control(&data, &["-o", &options, "-m", "fast", "-w", "restart"]) {
            return port;
        }
    }
    panic!("{:?}", std::fs::read_to_string(data.join("log")));
}
