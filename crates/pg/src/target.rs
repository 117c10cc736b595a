use std::path::PathBuf;

use base::Secret;
use tokio_postgres::NoTls;

use crate::Error;
use crate::tls::MakeTls;
use tokio_postgres::config::SslMode;

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The folder of a Unix socket.
    Socket(PathBuf),
    /// A host name or address, and whether TLS is asked for.
    Tcp {
        /// Host name or IP address.
        host: String,
        /// TLS with a verified certificate, as `sslmode=verify-full`; `false` is `sslmode=disable`.
        tls: Tls,
    },
}

/// How much TLS a connection asks for (libpq's `sslmode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// Never.
    Disable,
    /// If the server offers it, certificate not checked (libpq's default).
    #[default]
    Prefer,
    /// Always; the certificate is not checked (`require`).
    Require,
    /// Always, and the certificate and host name are checked (`verify-full`).
    Verify,
}

/// A database and who connects to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where the server is.
    pub address: Address,
    /// Its port; also names the socket file.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The login role.
    pub user: String,
    /// Its password.
    pub password: Secret<String>,
}

impl Target {
    /// The same place for another login role.
    #[must_use]
    pub fn as_role(&self, user: &str, password: &Secret<String>) -> Self {
        Self { user: user.to_owned(), password: password.clone(), ..self.clone() }
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// Reads a `postgresql://` URL or libpq's `key=value` words (libpq "Connection Strings").
    ///
    /// # Errors
    /// A sentence on what is wrong; it never repeats the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        refuse_other_kinds(text)?;
        let tls = match text.split_once("sslmode=").map(|(_, rest)| rest) {
            Some(rest) => {
                let word: String = rest.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '-').collect();
                match word.as_str() {
                    "disable" => Tls::Disable,
                    "allow" | "prefer" => Tls::Prefer,
                    "require" => Tls::Require,
                    "verify-ca" | "verify-full" => Tls::Verify,
                    other => return Err(format!("unknown sslmode {other:?} in the database URL")),
                }
            }
            None => Tls::Prefer,
        };
        // tokio-postgres knows fewer words of sslmode than libpq; it is read above.
        let plain =
            text.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
        let plain = plain.replace("sslmode=allow", "sslmode=prefer");
        let config: tokio_postgres::Config = plain
            .parse()
            .map_err(|e: tokio_postgres::Error| format!("the database URL cannot be read: {}", root_cause(&e)))?;
        let address = match config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => Address::Tcp { host: host.clone(), tls },
            Some(tokio_postgres::config::Host::Unix(path)) => Address::Socket(path.clone()),
            None => Address::Tcp { host: "localhost".to_owned(), tls },
        };
        let user = config.get_user().unwrap_or("postgres").to_owned();
        Ok(Self {
            address,
            port: config.get_ports().first().copied().unwrap_or(5432),
            database: config.get_dbname().unwrap_or(&user).to_owned(),
            password: Secret::new(
                config.get_password().map(|p| String::from_utf8_lossy(p).into_owned()).unwrap_or_default(),
            ),
            user,
        })
    }

    /// The settings that tokio-postgres takes.
    pub fn to_config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        match &self.address {
            Address::Socket(folder) => config.host_path(folder),
            Address::Tcp { host, tls } => config.host(host).ssl_mode(match tls {
                Tls::Disable => SslMode::Disable,
                Tls::Prefer => SslMode::Prefer,
                Tls::Require | Tls::Verify => SslMode::Require,
            }),
        };
        config.port(self.port).dbname(&self.database).user(&self.user).application_name("basalt");
        if !self.password.expose().is_empty() {
            config.password(self.password.expose());
        }
        config
    }
}

impl Target {
    /// A connection of one's own, outside of every pool: for a tool, a job, or a session as another role.
    /// Its task ends when the client is dropped.
    ///
    /// # Errors
    /// Nobody answers, TLS fails, or the server refuses us.
    pub async fn connect(&self) -> Result<tokio_postgres::Client, Error> {
        let config = self.to_config();
        match &self.address {
            Address::Tcp { tls, .. } if *tls != Tls::Disable => {
                let (client, connection) = config.connect(MakeTls(*tls)).await.map_err(connect_error)?;
                tokio::spawn(connection);
                Ok(client)
            }
            _ => {
                let (client, connection) = config.connect(NoTls).await.map_err(connect_error)?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }
}

/// A URL of something else would be read as libpq's words, with an error about a missing `=`.
fn refuse_other_kinds(text: &str) -> Result<(), String> {
    const WANTED: &str = "a PostgreSQL URL is needed, such as postgresql://USER:PASSWORD@HOST:5432/DATABASE";
    match text.split_once("://") {
        Some(("postgresql" | "postgres", _)) => Ok(()),
        Some((scheme, _)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) => {
            Err(format!("{WANTED}; the one given is of the kind {scheme}://"))
        }
        None if !text.contains('=') => Err(WANTED.to_owned()),
        _ => Ok(()),
    }
}

fn connect_error(error: tokio_postgres::Error) -> Error {
    if error.as_db_error().is_some() { error.into() } else { Error::Connect(root_cause(&error)) }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_words_are_read() {
        let url = Target::parse("postgresql://app:s3%40cret@db.example.org:6543/shop?sslmode=verify-full").unwrap();
        assert_eq!(url.address, Address::Tcp { host: "db.example.org".into(), tls: Tls::Verify });
        assert_eq!((url.port, url.database.as_str(), url.user.as_str()), (6543, "shop", "app"));
        assert_eq!(url.password.expose(), "s3@cret");
        let words = Target::parse("host=/var/run/postgresql user=me dbname=x").unwrap();
        assert_eq!(words.address, Address::Socket("/var/run/postgresql".into()));
        assert_eq!(words.port, 5432);
    }

    #[test]
    fn a_url_of_another_kind_is_told_what_is_needed() {
        for url in ["mysql://u:hunter2@h/db", "https://h/db", "my-database", ""] {
            let error = Target::parse(url).unwrap_err();
            assert!(error.contains("postgresql://USER") && !error.contains("hunter2"), "{url}: {error}");
        }
        assert!(Target::parse("mysql://u:p@h/db").unwrap_err().contains("mysql://"));
    }

    #[test]
    fn a_bad_url_is_named_without_its_password() {
        let error = Target::parse("postgresql://u:hunter2@h:notaport/db").unwrap_err();
        assert!(error.contains("port"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
