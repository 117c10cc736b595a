//! A stand-alone server for development: `serve_rest FILE PORT`, with `PGRST_*` from the environment.

use std::sync::Arc;

use rest::Rest;
use rest::server::{Site, Sources};

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let sources = Sources {
        file: Some(std::fs::read_to_string(&args[1]).expect("the configuration file can be read")),
        environment: std::env::vars().filter(|(name, _)| name.starts_with("PGRST_")).collect(),
        ..Sources::default()
    };
    let site = Site::new(None, sources, base::Clock::system(), None, |executor, config: &rest::server::Config| {
        let rules = config.jwt_rules().expect("the token options are valid");
        let authenticator = Arc::new(rest::jwt::Authenticator::new(rules, base::Clock::system(), None));
        Rest::new(config.rest(), executor, authenticator)
    })
    .expect("the options are valid");
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    rest::server::run(site, stopped).await.expect("the port is free");
}
