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
    /// Further parameters of each session: `application_name`, `options`.
    pub startup: Vec<(String, String)>,
}

/// What sessions are called where nobody gives them a name.
const APPLICATION_NAME: &str = "basalt";

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
        Self::parse_in(text, |_| None)
    }

    /// The same; what the text leaves open is taken from libpq's variables (`PGHOST`, `PGUSER`, …; libpq "Environment Variables").
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn parse_in(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        refuse_other_kinds(text)?;
        let given = text.split_once("sslmode=").map(|(_, rest)| rest.to_owned());
        let tls = match given.or_else(|| variable("PGSSLMODE")) {
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
            None => match variable("PGHOST") {
                Some(host) if host.starts_with('/') => Address::Socket(host.into()),
                host => Address::Tcp { host: host.unwrap_or_else(|| "localhost".to_owned()), tls },
            },
        };
        let or = |given: Option<&str>, name: &str| given.map(str::to_owned).or_else(|| variable(name));
        let user = or(config.get_user(), "PGUSER").unwrap_or_else(|| "postgres".to_owned());
        let port = match (config.get_ports().first(), variable("PGPORT")) {
            (Some(port), _) => *port,
            (None, Some(port)) => port.parse().map_err(|_| format!("PGPORT is no port: {port:?}"))?,
            (None, None) => 5432,
        };
        let password = config.get_password().map(|p| String::from_utf8_lossy(p).into_owned());
        let startup = [
            ("application_name", or(config.get_application_name(), "PGAPPNAME")),
            ("options", or(config.get_options(), "PGOPTIONS")),
        ];
        Ok(Self {
            address,
            port,
            database: or(config.get_dbname(), "PGDATABASE").unwrap_or_else(|| user.clone()),
            password: Secret::new(password.or_else(|| variable("PGPASSWORD")).unwrap_or_default()),
            startup: startup.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
            user,
        })
    }

    /// Parameters of each session, its name among them.
    pub(crate) fn parameters(&self) -> Vec<(&str, &str)> {
        let mut all = vec![("application_name", APPLICATION_NAME)];
        for (name, value) in &self.startup {
            all.retain(|(known, _)| known != name);
            all.push((name, value));
        }
        all
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
        config.port(self.port).dbname(&self.database).user(&self.user);
        for (name, value) in self.parameters() {
            match name {
                "application_name" => config.application_name(value),
                _ => config.options(value),
            };
        }
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
    fn what_a_url_leaves_open_is_taken_from_variables() {
        let variable = |name: &str| {
            let value = match name {
                "PGHOST" => "/run/pg",
                "PGPORT" => "6000",
                "PGUSER" => "me",
                "PGPASSWORD" => "secret",
                "PGAPPNAME" => "api",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let target = Target::parse_in("postgresql://", variable).unwrap();
        assert_eq!(target.address, Address::Socket("/run/pg".into()));
        assert_eq!((target.port, target.user.as_str(), target.database.as_str()), (6000, "me", "me"));
        assert_eq!(
            (target.password.expose().as_str(), target.parameters()),
            ("secret", vec![("application_name", "api")])
        );
        let url = "postgresql://you@h:1/db?application_name=mine&options=-c%20statement_timeout%3D1s";
        let target = Target::parse_in(url, variable).unwrap();
        assert_eq!((target.user.as_str(), target.port, target.database.as_str()), ("you", 1, "db"));
        assert_eq!(target.parameters(), [("application_name", "mine"), ("options", "-c statement_timeout=1s")]);
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
